//! Compares how a broken store or bus went through the suite with what its sin leads to.

use std::collections::BTreeSet;
use std::sync::Once;

use typed_sessions_conformance::Outcome;

/// How often a case is tried again before its outcome counts as certain.
const AGAIN: usize = 5;

/// Keeps hundreds of cases quiet that fail as they should, on workers without a test's name.
pub(crate) fn hush_workers() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let worker = std::thread::current().name().is_none_or(|name| name.starts_with("tokio"));
            if !worker {
                loud(panic);
            }
        }));
    });
}

/// Names the cases that failed.
pub(crate) fn failing(outcomes: &[Outcome]) -> BTreeSet<&'static str> {
    outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| outcome.name).collect()
}

/// Exactly the cases in `always` fail; those in `races` depend on who wins one.
///
/// Ids are random and threads run as they like, so one run decides nothing by itself: a case that
/// passed by chance fails when it is tried again, and one that failed by chance passes.
pub(crate) fn judge(
    outcomes: &[Outcome],
    always: &[&'static str],
    races: &[&'static str],
    run: impl Fn(&'static str) + Sync,
) {
    let passes = |case: &'static str| std::thread::scope(|s| s.spawn(|| run(case)).join().is_ok());
    let failing = failing(outcomes);
    let always: BTreeSet<_> = always.iter().copied().collect();
    let ever: BTreeSet<_> = always.iter().chain(races).copied().collect();
    let missed = always.difference(&failing).filter(|case| (0..AGAIN).all(|_| passes(case)));
    let missed: Vec<_> = missed.collect();
    let surplus = failing.difference(&ever).filter(|case| !(0..AGAIN).any(|_| passes(case)));
    let surplus: Vec<_> = surplus.collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "did not notice: {missed:?}; should not care: {surplus:?}"
    );
}
