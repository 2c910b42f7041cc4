//! What must hold for any input from a client or a store (T1, F2, F3), as plain functions:
//! libFuzzer calls them with what it thinks of, `cargo test` with mutations of `seeds/`.

#![forbid(unsafe_code)]

mod cookie;
mod record;
mod session;
#[cfg(test)]
mod smoke;
mod token;

use futures::FutureExt as _;

pub use crate::cookie::cookie;
pub use crate::record::record;
pub use crate::session::session;
pub use crate::token::token;

/// What a call on the in-memory store gives: it never waits.
fn now<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("the in-memory store never waits")
}
