//! Random charts, and a slow interpreter that follows the rules to the letter.
//!
//! The interpreter shares nothing with the engine. It keeps the whole configuration as a set, and every rule is the
//! sentence it comes from: W3C SCXML 1.0 appendix D for which transitions are taken and what they leave and enter, with the
//! domain of UML 2.5.1 §14.2.3.9.3 (the least common ancestor) and deferral as the crate documents it.

pub(crate) mod chart;
pub(crate) mod interpreter;
