//! Which core a thread runs on, where that decides the figure: waking a sleeping thread costs ten times more across cores.

#[cfg(target_os = "linux")]
pub use linux::free;
#[cfg(all(target_os = "linux", feature = "ours"))]
pub use linux::number;
#[cfg(target_os = "linux")]
pub use linux::pin_to;

/// The cores of the two sides of a ping-pong, as positions among those this process may use.
pub type Sides = [usize; 2];

pub const APART: Sides = [0, 1];
pub const TOGETHER: Sides = [0, 0];

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::LazyLock;

    use rustix::thread::CpuSet;
    use rustix::thread::sched_getaffinity;
    use rustix::thread::sched_setaffinity;

    static ALLOWED: LazyLock<CpuSet> =
        LazyLock::new(|| sched_getaffinity(None).expect("a process may ask for its own cores"));

    /// The number of the core at `position` among those this process may use.
    pub fn number(position: usize) -> usize {
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| ALLOWED.is_set(core)).collect();
        allowed[position % allowed.len()]
    }

    /// Keeps this thread, and those it starts, on one core.
    pub fn pin_to(position: usize) {
        let mut one = CpuSet::new();
        one.set(number(position));
        sched_setaffinity(None, &one).expect("a thread may choose among its own cores");
    }

    /// Lets this thread run anywhere again.
    pub fn free() {
        sched_setaffinity(None, &ALLOWED).expect("a thread may use its own cores");
    }
}

/// The number of the core at `position`.
#[cfg(all(not(target_os = "linux"), feature = "ours"))]
pub fn number(position: usize) -> usize {
    position
}

/// Keeps this thread on one core where the system can; elsewhere the scheduler decides.
#[cfg(not(target_os = "linux"))]
pub fn pin_to(_position: usize) {}

/// Lets this thread run anywhere again.
#[cfg(not(target_os = "linux"))]
pub fn free() {}
