//! The suite can fail: each broken store fails exactly the cases that name its sin.

#[path = "../judge/mod.rs"]
mod judge;
#[path = "../stores/mod.rs"]
mod stores;

use stores::{Naive, Sin};
use typed_sessions_conformance::{Outcome, run};

fn outcomes(sin: Sin) -> Vec<Outcome> {
    judge::hush_workers();
    typed_sessions_conformance::check(async || Naive::new(sin))
}

/// The cases in the first list always fail; those after `or` depend on who wins a race.
macro_rules! sinners {
    ($($test:ident: $sin:ident => [$($case:ident),* $(,)?] or [$($race:ident),* $(,)?])*) => {$(
        #[test]
        fn $test() {
            let (sin, always) = (Sin::$sin, &[$(stringify!($case)),*]);
            let run = |case: &str| crate::run(case, async || crate::Naive::new(sin));
            crate::judge::judge(&crate::outcomes(sin), always, &[$(stringify!($race)),*], run);
        }
    )*};
}

#[test]
fn a_store_without_sin_passes() {
    assert_eq!(judge::failing(&outcomes(Sin::None)), [].into());
}

mod records;
mod users;
