//! Random sequences: the same ones in every run, made shorter when one of them fails.

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

/// Lets `follow` follow so many sequences; it panics when something is not as it should be.
///
/// # Panics
/// When `follow` does, with the shortest sequence that was found to do it.
pub(crate) async fn holds<S: Strategy<Value: Debug> + 'static>(
    sequences: u32,
    strategy: fn() -> S,
    follow: impl AsyncFn(S::Value) + Send + 'static,
) {
    let config = Config {
        cases: sequences,
        failure_persistence: None,
        max_shrink_iters: 300,
        // Milliseconds. A store that refuses without end is retried in each try.
        max_shrink_time: 5000,
        rng_seed: RngSeed::Fixed(0x7e57),
        ..Config::default()
    };
    // The runner is not asynchronous: it has a thread to itself.
    let runtime = tokio::runtime::Handle::current();
    let run = tokio::task::spawn_blocking(move || {
        let result = TestRunner::new(config).run(&strategy(), |sequence| {
            runtime.block_on(follow(sequence));
            Ok(())
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(reason, sequence)) => panic!("{reason}\nafter {sequence:?}"),
            Err(TestError::Abort(reason)) => panic!("{reason}"),
        }
    });
    if let Err(panicked) = run.await {
        std::panic::resume_unwind(panicked.into_panic());
    }
}
