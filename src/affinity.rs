//! Pinning a thread to a core: the one module that uses what one operating system alone has.

/// Why a thread cannot be pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// There is no such core, or the process may not use it.
    #[error("there is no core {core} for this process; it may use {usable:?}")]
    NoSuchCore {
        /// The core that was asked for.
        core: usize,
        /// The cores there are.
        usable: Vec<usize>,
    },
    /// The system cannot pin threads; leave `pin_to` away.
    #[error("threads cannot be pinned to cores on this system; leave `pin_to` away")]
    Unsupported,
    /// The system refused.
    #[error("the system refused to pin a thread to core {core}: {reason}")]
    Refused {
        /// The core that was asked for.
        core: usize,
        /// What the system said.
        reason: String,
    },
}

/// Whether every one of `cores` can be pinned to.
#[cfg(target_os = "linux")]
pub(crate) fn check(cores: &[usize]) -> Result<(), PinError> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let Some(&first) = cores.first() else {
        return Ok(());
    };
    let allowed = sched_getaffinity(None).map_err(|e| PinError::Refused { core: first, reason: e.to_string() })?;
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
    match cores.iter().find(|core| !usable.contains(core)) {
        Some(&core) => Err(PinError::NoSuchCore { core, usable }),
        None => Ok(()),
    }
}

/// Pins the calling thread to `core`.
#[cfg(target_os = "linux")]
pub(crate) fn pin(core: usize) -> Result<(), PinError> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|e| PinError::Refused { core, reason: e.to_string() })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn check(cores: &[usize]) -> Result<(), PinError> {
    if cores.is_empty() { Ok(()) } else { Err(PinError::Unsupported) }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_core: usize) -> Result<(), PinError> {
    Err(PinError::Unsupported)
}
