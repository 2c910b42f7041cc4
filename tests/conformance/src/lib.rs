//! The rules that every store of [typed-sessions](https://docs.rs/typed-sessions) keeps, as tests
//! for your own store.
//!
//! One line of test code runs them all, each as a test of its own, named after the rule that it
//! proves:
//!
//! ```
//! // in tests/conformance.rs of your crate, with your store in the place of this one
//! use typed_sessions::MemoryStore;
//!
//! typed_sessions_conformance::suite!(MemoryStore::new());
//! # fn main() {}
//! ```
//!
//! The expression is evaluated once for each case, inside a tokio runtime, so it may `.await`. Each
//! case must get a store that no other case sees: a store of its own, or one server with a fresh
//! prefix or schema for each.
//!
//! # The rules
//!
//! The contract is the numbered list on
//! [`SessionStore`](typed_sessions::SessionStore#contract). Each of its lines names the rules whose
//! cases prove it:
//!
//! - **T** tokens: what the client holds; only a hash is stored, nothing secret is shown.
//! - **W** writes: nothing that ended comes back, nothing is lost, texts stay byte for byte.
//! - **E** time: idle and absolute timeouts, throttled touches, fields with a ttl.
//! - **R** renewal: everyone who races gets the same new secret, lost answers do no harm, reuse is
//!   noticed.
//! - **U** users: the index is never short of a live session, revocation is final, limits hold.
//! - **F** failure: an unreachable store or unreadable data is an error, never a fresh session.
//! - **C** the contract as a whole: every `apply` does what
//!   [`Change::evaluate`](typed_sessions::store::Change::evaluate) says, and each operation costs
//!   the calls that it should.
//!
//! Most cases go through [`Sessions`](typed_sessions::Sessions), as an application does, so they
//! prove the core as well. When one fails on a new store, look first at
//! `c_apply_is_what_evaluate_says` and at the cases that name a method or a guard of the store.
//!
//! # Time
//!
//! All time is a fake clock's, which stands still or leaps. A store takes the instants that the
//! core gives it; its own expiry goes by its own clock, and comes
//! [`Change::keep_for`](typed_sessions::store::Change::keep_for) after the last header was written,
//! not earlier. Races run with real threads.
//!
//! # Without a test harness
//!
//! [`CASES`] lists the cases and [`check`] runs them all and reports, for stores that are tested by
//! other means.

mod agreement;
mod cases;
pub mod counting;
pub mod faulty;
pub mod interleave;
mod live;
#[doc(hidden)]
pub mod log;
mod model;
mod operations;
mod property;
mod reference;
mod runner;
mod stepped;
mod steps;
mod twin;
mod world;

pub use crate::cases::CASES;
pub use crate::live::{check_bus, run_on_bus};
pub use crate::runner::{Case, Outcome, check, run};
pub use crate::world::World;

/// Makes one `#[test]` of each case, on the store that the expression gives. See the crate's
/// documentation.
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
