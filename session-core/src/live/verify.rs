//! A hub's conscience: it asks the store whether what it holds still lives.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};

use super::reason::Reason;
use super::shared::{Guard, Shared};
use crate::error::Result;
use crate::event;
use crate::token::SessionId;

/// How many sessions are asked about with one call of the store.
const BATCH: usize = 500;

/// How many are asked about at a time, each by itself, when a batch has failed.
const AT_A_TIME: usize = 100;

/// How many are asked about to find out whether the store tells of any.
const PROBE: usize = 20;

/// The longest that the clock of the sessions is not asked: it may be a fake one, or be put right.
/// After a failure the store is asked again after so long.
const TICK: Duration = Duration::from_secs(1);

/// Asks the store about sessions: of which there is news, whose time seems to be up, and in rounds
/// about all. Those of which it does not tell are left to [`ask_again`], so that they keep nobody
/// waiting.
pub(crate) async fn verify(shared: Arc<Shared>) {
    let _guard = Guard(Arc::clone(&shared));
    let settings = shared.settings;
    let mut next_round = Instant::now() + settings.verify_every;
    let mut round = VecDeque::new();
    loop {
        if round.is_empty() && (next_round <= Instant::now() || shared.take_everybody()) {
            round = shared.held(|held| held.told(usize::MAX)).into();
            next_round = Instant::now() + settings.verify_every;
        }
        let batch = next_batch(&shared, &mut round);
        if batch.is_empty() {
            let wake = next_round.min(Instant::now() + until_a_deadline(&shared));
            // Out of time: it is time to look.
            drop(timeout_at(wake, shared.has_suspects.notified()).await);
        } else {
            ask(&shared, &batch).await;
            yield_now().await;
        }
    }
}

/// The sessions to ask about next: first those of which there is news, but a fifth is for others.
fn next_batch(shared: &Shared, round: &mut VecDeque<SessionId>) -> Vec<SessionId> {
    let mut batch = shared.take_suspects(BATCH - BATCH / 5);
    let now = shared.context.now();
    shared.held(|held| {
        batch.retain(|id| held.is_told(id));
        batch.extend(held.due(now, BATCH - batch.len()));
        let rest = round.len().min(BATCH - batch.len());
        batch.extend(round.drain(..rest).filter(|id| held.is_told(id)));
    });
    batch.sort_unstable();
    batch.dedup();
    batch
}

/// Asks again about the sessions of which the store did not tell, and closes their connections
/// after the grace.
pub(crate) async fn ask_again(shared: Arc<Shared>) {
    let _guard = Guard(Arc::clone(&shared));
    let pause = TICK.min(shared.settings.outage_grace / 20);
    loop {
        let untold = shared.held(|held| held.untold());
        if untold.is_empty() {
            shared.has_untold.notified().await;
        }
        sleep(pause).await;
        for batch in untold.chunks(BATCH) {
            let told = ask(&shared, batch).await;
            give_up_in_time(&shared);
            if told == Told::None {
                sleep(pause).await;
            }
        }
    }
}

/// Of how many of the sessions that it was asked about the store told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Some,
    None,
}

/// Asks about sessions, in one call; about each by itself when that fails, as one of which the store
/// does not tell must not keep the others from being asked about.
async fn ask(shared: &Shared, batch: &[SessionId]) -> Told {
    if look(shared, batch).await.is_ok() {
        return Told::Some;
    }
    let untold = if let [only] = batch {
        vec![*only]
    } else {
        let each = stream::iter(batch.to_vec());
        let each = each.map(|id| async move { look(shared, &[id]).await.err().map(|_| id) });
        each.buffer_unordered(AT_A_TIME).filter_map(std::future::ready).collect().await
    };
    let told = if untold.len() == batch.len() { Told::None } else { Told::Some };
    let probe = shared.held(|held| {
        held.doubt(&untold);
        if told == Told::Some {
            return Vec::new();
        }
        held.fall_silent();
        held.told(PROBE)
    });
    // Whether it is silent about everybody shows by asking about others.
    shared.suspect_these(probe);
    shared.has_untold.notify_one();
    told
}

async fn look(shared: &Shared, batch: &[SessionId]) -> Result<()> {
    // Before the store is asked: what has ended by then ends, what was used since lives on, and who
    // connects meanwhile asks for themselves.
    let (now, before) = (shared.context.now(), shared.held(|held| held.next()));
    let looked = shared.context.headers(batch).await?;
    let policy = &shared.context.policy;
    let closing = shared.held(|held| {
        let judge = |(id, looked)| held.judge(id, looked, policy, now, before);
        looked.iter().map(|(id, looked)| (id, looked)).flat_map(judge).collect()
    });
    drop(shared.close(closing));
    Ok(())
}

/// Closes what the store has not told of for too long: nobody knows whether it still lives.
fn give_up_in_time(shared: &Shared) {
    let grace = shared.settings.outage_grace;
    let given_up = shared.held(|held| held.give_up(grace));
    if !given_up.is_empty() {
        event::hub_gives_up(&shared.server(), given_up.len(), grace);
        let closing = given_up.into_iter().map(|bound| (bound, Reason::ShuttingDown));
        drop(shared.close(closing.collect()));
    }
}

fn until_a_deadline(shared: &Shared) -> Duration {
    let next = shared.held(|held| held.next_deadline());
    next.map_or(TICK, |next| next.since(shared.context.now()).min(TICK))
}
