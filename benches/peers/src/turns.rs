//! All in turns, in short slices, so that each meets the same moods of the machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::participant::{Participant, Scenario};

/// Requests in flight.
pub(crate) const TASKS: [usize; 3] = [1, 16, 256];

/// How many slices, and how long each is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) slice: Duration,
}

/// Where the tasks run: one multi-threaded runtime with one worker for each core of the client. So
/// a request stays on one thread, which `pavex_session` requires.
pub(crate) struct Client(Vec<Runtime>);

impl Client {
    pub(crate) fn new(cores: usize) -> Self {
        let runtime = || {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build().expect("a runtime")
        };
        Self((0..cores).map(|_| runtime()).collect())
    }

    /// On the first worker, as connections belong to the runtime that they were made in.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        block_on(self.0[0].spawn(future)).expect("no benchmark panics")
    }
}

/// A participant with its sessions, whatever its type.
pub(crate) trait Runner: Send + Sync {
    fn name(&self) -> &'static str;

    /// Calls per second over one slice; `None` if it does not do this.
    fn run(
        &self,
        client: &Client,
        scenario: Scenario,
        tasks: usize,
        slice: Duration,
    ) -> Option<f64>;
}

pub(crate) struct Entry<P: Participant> {
    peer: Arc<P>,
    tokens: Arc<Vec<P::Token>>,
    scenarios: &'static [Scenario],
}

impl<P: Participant> Entry<P> {
    pub(crate) fn new(
        peer: Arc<P>,
        tokens: Vec<P::Token>,
        scenarios: &'static [Scenario],
    ) -> Box<dyn Runner> {
        Box::new(Self { peer, tokens: Arc::new(tokens), scenarios })
    }
}

impl<P: Participant> Runner for Entry<P> {
    fn name(&self) -> &'static str {
        self.peer.name()
    }

    fn run(
        &self,
        client: &Client,
        scenario: Scenario,
        tasks: usize,
        slice: Duration,
    ) -> Option<f64> {
        if !self.scenarios.contains(&scenario) {
            return None;
        }
        let begin = Instant::now();
        let handles = (0..tasks).map(|task| {
            let (peer, tokens) = (Arc::clone(&self.peer), Arc::clone(&self.tokens));
            let runtime = &client.0[task % client.0.len()];
            runtime.spawn(async move {
                let mut calls = 0_u32;
                // No two tasks share a session.
                for n in (task..).step_by(tasks) {
                    call(&*peer, &tokens, scenario, n).await;
                    calls += 1;
                    if begin.elapsed() >= slice {
                        break;
                    }
                    // What waits for nobody would keep the other tasks waiting.
                    tokio::task::consume_budget().await;
                }
                calls
            })
        });
        let calls = block_on(join_all(handles.collect::<Vec<_>>()));
        let calls: u32 = calls.into_iter().map(|calls| calls.expect("no benchmark panics")).sum();
        Some(f64::from(calls) / begin.elapsed().as_secs_f64())
    }
}

async fn call<P: Participant>(peer: &P, tokens: &[P::Token], scenario: Scenario, n: usize) {
    let token = &tokens[n % tokens.len()];
    match scenario {
        Scenario::Open => peer.open(token).await,
        Scenario::Save => peer.save(token).await,
        Scenario::Login => drop(peer.login(n as u64, true).await),
    }
}

/// What one participant reached: calls per second in each round, for each scenario and each number
/// of tasks; empty where it does not take part.
pub(crate) type Speeds = [[Vec<f64>; TASKS.len()]; Scenario::ALL.len()];

/// All of them against each other.
pub(crate) fn measure(client: &Client, entries: &[Box<dyn Runner>], rounds: Rounds) -> Vec<Speeds> {
    let mut speeds: Vec<Speeds> = entries.iter().map(|_| Speeds::default()).collect();
    for (row, scenario) in Scenario::ALL.into_iter().enumerate() {
        for (column, tasks) in TASKS.into_iter().enumerate() {
            for round in 0..=rounds.count {
                for step in 0..entries.len() {
                    // Nobody always comes after the same one.
                    let at = (step + round) % entries.len();
                    let speed = entries[at].run(client, scenario, tasks, rounds.slice);
                    // The first round only warms up.
                    if let (Some(speed), 1..) = (speed, round) {
                        speeds[at][row][column].push(speed);
                    }
                }
            }
        }
    }
    speeds
}
