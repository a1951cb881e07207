//! A wire between two nodes on one machine that somebody holds in his hands: what goes through it can be delayed, kept back in
//! one direction or both, and torn. It forwards one port of the loopback address to another, so it needs no rights.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::fleet::endpoint;

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From who called to who was called.
    There,
    Back,
}

/// See the module. It is torn for good with this.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Where it is called.
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    /// What goes there, and what goes back, is kept.
    kept: [bool; 2],
    torn: bool,
    ends: Vec<TcpStream>,
}

impl Wire {
    /// A wire to `endpoint`.
    pub(crate) fn to(called: &str) -> Self {
        let endpoint = endpoint();
        let port = |endpoint: &str| endpoint.trim_start_matches("tcp/").to_owned();
        let listener = TcpListener::bind(port(&endpoint)).unwrap();
        let shared = Arc::new(Shared::default());
        let (called, held) = (port(called), shared.clone());
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                if held.over.load(Ordering::Relaxed) {
                    return;
                }
                // Who is not there, or is called over a torn wire, has the caller hung up.
                if let Ok(called) = TcpStream::connect(&called) {
                    held.join(caller, called);
                }
            }
        });
        Self { endpoint, shared }
    }

    /// Has everything take so long, each way.
    pub(crate) fn delays(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// Lets nothing through that way, and keeps it.
    pub(crate) fn keeps(&self, way: Way) {
        self.shared.change(|state| state.kept[way as usize] = true);
    }

    /// Tears it: all connections break, and no others are made.
    pub(crate) fn tears(&self) {
        self.shared.change(|state| {
            state.torn = true;
            state.hang_up();
        });
    }

    /// Lets everything through that has been kept, and all that comes.
    pub(crate) fn heals(&self) {
        self.shared.change(|state| (state.torn, state.kept) = (false, [false; 2]));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.heals();
        self.tears();
        // So that its thread looks.
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("tcp/"));
    }
}

impl State {
    fn hang_up(&mut self) {
        for end in self.ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn join(self: &Arc<Self>, caller: TcpStream, called: TcpStream) {
        let ends = [caller, called].map(|end| (end.try_clone().unwrap(), end));
        let [(caller, caller_again), (called, called_again)] = ends;
        {
            let mut state = self.state.lock().unwrap();
            state.ends.extend([caller.try_clone().unwrap(), called.try_clone().unwrap()]);
            if state.torn {
                return state.hang_up();
            }
        }
        self.carry(Way::There, caller, called);
        self.carry(Way::Back, called_again, caller_again);
    }

    /// Carries bytes one way, until one of the ends hangs up.
    fn carry(self: &Arc<Self>, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let (taken, given) = channel::<(Instant, Vec<u8>)>();
        let shared = self.clone();
        std::thread::spawn(move || {
            for (came, bytes) in given {
                let mut state = shared.state.lock().unwrap();
                while state.kept[way as usize] && !state.torn {
                    state = shared.changed.wait(state).unwrap();
                }
                let left = (came + state.delay).saturating_duration_since(Instant::now());
                drop(state);
                // The fault's duration.
                std::thread::sleep(left);
                if to.write_all(&bytes).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if taken.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Read);
        });
    }
}
