//! Real servers for tests: each on a private port and in a directory of its own, and gone when the
//! test process is, even when that was killed.

pub mod chromium;
pub mod cluster;
mod port;
pub mod postgres;
mod process;
pub mod program;
pub mod redis;
pub mod sentinel;

use std::time::{Duration, Instant};

pub use crate::port::free_port;

/// Waits until something is so.
///
/// # Panics
/// When it is not within half a minute.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "still not so after 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
