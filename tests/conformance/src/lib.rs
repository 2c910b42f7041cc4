//! The rules that every store of [typed-sessions](https://docs.rs/typed-sessions) keeps, as tests for your own store.
//!
//! One line of test code runs them all, each as a test of its own, named after the rule that it proves:
//!
//! ```
//! // in tests/conformance.rs of your crate, with your store in the place of this one
//! use typed_sessions::MemoryStore;
//!
//! typed_sessions_conformance::suite!(MemoryStore::new());
//! # fn main() {}
//! ```
//!
//! The expression is evaluated once for each case, inside a tokio runtime, so it may `.await`. Each case must get a store
//! that no other case sees: a store of its own, or one server with a fresh prefix or schema for each.
//!
//! # The rules
//!
//! - **T** tokens: what the client holds; only a hash is stored, nothing secret is shown.
//! - **W** writes: nothing that ended comes back, nothing is lost, texts stay byte for byte.
//! - **E** time: idle and absolute timeouts, throttled touches, fields with a ttl.
//! - **R** renewal: everyone who races gets the same new secret, lost answers do no harm, reuse is noticed.
//! - **U** users: the index is never short of a live session, revocation is final, limits hold.
//! - **F** failure: an unreachable store or unreadable data is an error, never a fresh session.
//! - **C** cost: the number of store calls of each operation.
//!
//! All time is a fake clock's: a store must take the instants that the core gives it and must not expire records earlier
//! than [`Change::keep_for`](typed_sessions::Change::keep_for) after they were written. Races run with real threads.
//!
//! # Without a test harness
//!
//! [`CASES`] lists the cases and [`check`] runs them all and reports, for stores that are tested by other means.

mod cases;
pub mod counting;
pub mod faulty;
pub mod interleave;
mod model;
mod runner;
mod world;

pub use crate::cases::CASES;
pub use crate::runner::{Case, Outcome, check, run};
pub use crate::world::World;

/// Makes one `#[test]` of each case, on the store that the expression gives. See the crate's documentation.
#[macro_export]
macro_rules! suite {
    ($store:expr $(,)?) => {
        $crate::__for_each_case! { __tests [$store] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$store:expr] $($module:ident { $($name:ident),* $(,)? })*) => {$($(
        #[test]
        fn $name() {
            $crate::run(stringify!($name), async || $store);
        }
    )*)*};
}
