//! Runs cases: each on a store of its own, in a runtime of its own, within a time limit.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use typed_sessions::SessionStore;

use crate::cases::CASES;
use crate::world::World;

/// One rule, as a test.
#[derive(Clone, Copy)]
pub struct Case {
    /// The rule and what it says: `w1_destroyed_session_stays_gone`.
    pub name: &'static str,
    pub(crate) body: fn(World) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// How a case ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which case.
    pub name: &'static str,
    /// `Err` with what went wrong, on one line.
    pub result: Result<(), String>,
}

/// The longest that a case may take. A store that hangs fails the case instead of the machine.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// Runs the case of this name on a fresh store.
///
/// # Panics
/// When the store breaks the rule, when the case does not end within two minutes, or when there is
/// no such case.
pub fn run<S: SessionStore>(name: &str, store: impl AsyncFnOnce() -> S) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case `{name}`"));
    run_case(case, store);
}

/// Runs every case on a fresh store each, several at a time, and tells how it went, in the order of
/// [`CASES`].
pub fn check<S: SessionStore>(store: impl AsyncFn() -> S + Sync) -> Vec<Outcome> {
    check_each(CASES, |case| case.name, |case| run_case(case, &store))
}

/// Runs cases, several at a time, and tells how it went, in their order.
pub(crate) fn check_each<C: Sync>(
    cases: &[C],
    name: impl Fn(&C) -> &'static str + Sync,
    run: impl Fn(&C) + Sync,
) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else { return outcomes };
            let result = catch_unwind(AssertUnwindSafe(|| run(case)));
            let result = result.map_err(|panic| message(&*panic));
            outcomes.push((at, Outcome { name: name(case), result }));
        }
    };
    let mut outcomes: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Cases that [`check`] runs at a time; most of them wait most of the time.
const WORKERS: usize = 8;

fn run_case<S: SessionStore>(case: &Case, store: impl AsyncFnOnce() -> S) {
    run_body(case.name, async || (case.body)(World::new(store().await)));
}

/// Makes a case's body and runs it, in a runtime of its own and within the time limit.
pub(crate) fn run_body(
    name: &str,
    body: impl AsyncFnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>>,
) {
    runtime().block_on(async {
        let body = tokio::spawn(body().await);
        match tokio::time::timeout(TIME_LIMIT, body).await {
            Ok(Ok(())) => {}
            Ok(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            Err(elapsed) => panic!("{name}: {elapsed} ({TIME_LIMIT:?})"),
        }
    });
}

/// Several workers even on a small machine: races need real threads.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a tokio runtime")
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").lines().collect::<Vec<_>>().join(" ")
}
