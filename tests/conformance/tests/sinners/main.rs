//! The suite can fail: each broken store fails exactly the cases that name its sin.

#[path = "../stores/mod.rs"]
mod stores;

use std::collections::BTreeSet;
use std::sync::Once;

use stores::{Naive, Sin};

fn failing(sin: Sin) -> BTreeSet<&'static str> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        // Hundreds of cases fail as they should, on workers without a test's name.
        std::panic::set_hook(Box::new(move |panic| {
            let worker = std::thread::current().name().is_none_or(|name| name.starts_with("tokio"));
            if !worker {
                loud(panic);
            }
        }));
    });
    let outcomes = typed_sessions_conformance::check(async || Naive::new(sin));
    outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| outcome.name).collect()
}

macro_rules! sinners {
    ($($test:ident: $sin:ident => [$($case:ident),* $(,)?] or [$($race:ident),* $(,)?])*) => {$(
        #[test]
        fn $test() {
            check(Sin::$sin, &[$(stringify!($case)),*], &[$(stringify!($race)),*]);
        }
    )*};
}

/// Whether a case that passed fails in one of a few more runs: ids are random, and so is what a
/// case of random operations meets.
fn fails_after_all(sin: Sin, case: &str) -> bool {
    let run = || typed_sessions_conformance::run(case, async || Naive::new(sin));
    (0..5).any(|_| std::thread::scope(|scope| scope.spawn(run).join().is_err()))
}

/// Exactly the named cases fail; those after `or` depend on who wins a race.
fn check(sin: Sin, cases: &[&'static str], races: &[&'static str]) {
    let failing = failing(sin);
    let always: BTreeSet<&str> = cases.iter().copied().collect();
    let ever: BTreeSet<&str> = cases.iter().chain(races).copied().collect();
    let missed = always.difference(&failing).filter(|case| !fails_after_all(sin, case));
    let missed: Vec<_> = missed.collect();
    let surplus: Vec<_> = failing.difference(&ever).collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "did not notice: {missed:?}; should not care: {surplus:?}"
    );
}

mod records;
mod users;
