//! Ours and the bare calls in turns, so that both meet the same moods of the machine.

use std::time::{Duration, Instant};

use futures::future::join_all;

const ROUNDS: usize = 60;

/// What the columns of [`compare`] are.
pub fn print_heading() {
    println!(
        "{:<34} {:>6} {:>10} {:>10} {:>7}",
        "calls per second, median", "tasks", "ours", "bare", "ratio"
    );
}

/// How a comparison is made.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Calls in flight.
    pub tasks: usize,
    /// Calls of a round, shared by the tasks.
    pub calls: usize,
}

/// Prints medians of rounds in turns.
pub async fn compare<W>(
    name: &str,
    load: Load,
    world: &W,
    ours: impl AsyncFn(&W, usize),
    bare: impl AsyncFn(&W, usize),
) {
    let (mut ratios, mut of_ours, mut of_bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Neither always comes after the other.
        let early =
            if round % 2 == 0 { Some(time(load, round, |n| bare(world, n)).await) } else { None };
        let above = time(load, round, |n| ours(world, n)).await;
        let below = match early {
            Some(time) => time,
            None => time(load, round, |n| bare(world, n)).await,
        };
        ratios.push(below.as_secs_f64() / above.as_secs_f64());
        of_ours.push(per_second(load, above));
        of_bare.push(per_second(load, below));
    }
    let [ratio, ours, bare] = [ratios, of_ours, of_bare].map(median);
    println!("{name:<34} {:>6} {ours:>10.0} {bare:>10.0} {ratio:>7.2}", load.tasks);
}

/// So many tasks in flight, each with its part of the calls.
async fn time<F: Future<Output = ()>>(
    load: Load,
    round: usize,
    call: impl Fn(usize) -> F,
) -> Duration {
    let begin = Instant::now();
    let call = &call;
    join_all((0..load.tasks).map(|task| async move {
        for n in (task..load.calls).step_by(load.tasks) {
            call(round * load.calls + n).await;
        }
    }))
    .await;
    begin.elapsed()
}

#[allow(clippy::cast_precision_loss, reason = "a small number")]
fn per_second(load: Load, time: Duration) -> f64 {
    load.calls as f64 / time.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
