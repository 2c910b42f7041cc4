//! A hub's conscience: it asks the store whether what it holds still lives.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};

use super::message::Whom;
use super::reason::Reason;
use super::shared::{Guard, Shared};
use crate::error::Result;
use crate::event;
use crate::token::SessionId;

/// How many sessions are asked about with one call of the store.
const BATCH: usize = 500;

/// The longest that the clock of the sessions is not asked: it may be a fake one, or be put right.
/// After a failure the store is asked again after so long.
const TICK: Duration = Duration::from_secs(1);

/// Asks the store about sessions: of which there is news, whose time seems to be up, and in rounds
/// about all.
pub(crate) async fn verify(shared: Arc<Shared>) {
    let _guard = Guard(Arc::clone(&shared));
    let settings = shared.settings;
    let mut next_round = Instant::now() + settings.verify_every;
    let mut round = VecDeque::new();
    let mut size = BATCH;
    loop {
        if round.is_empty() && (next_round <= Instant::now() || shared.take_everybody()) {
            round = shared.held(|held| held.sessions(&Whom::Everybody)).into();
            next_round = Instant::now() + settings.verify_every;
        }
        let batch = next_batch(&shared, &mut round, size);
        if batch.is_empty() {
            let wake = next_round.min(Instant::now() + until_a_deadline(&shared));
            // Out of time: it is time to look.
            drop(timeout_at(wake, shared.has_suspects.notified()).await);
        } else if look(&shared, &batch).await.is_ok() {
            size = (size * 2).min(BATCH);
            yield_now().await;
        } else {
            // Fewer at a time, and these last: one that the store does not tell of must not keep
            // the others from being asked about.
            size = (batch.len() / 2).max(1);
            give_up_in_time(&shared, &batch);
            round.extend(batch);
            sleep(TICK.min(settings.outage_grace / 20)).await;
        }
    }
}

/// The sessions to ask about next: first those of which there is news, but a fifth is for others.
fn next_batch(shared: &Shared, round: &mut VecDeque<SessionId>, size: usize) -> Vec<SessionId> {
    let mut batch = shared.take_suspects(size - size / 5);
    let now = shared.context.now();
    batch.extend(shared.held(|held| held.due(now, size - batch.len())));
    let rest = round.len().min(size - batch.len());
    batch.extend(round.drain(..rest));
    batch.sort_unstable();
    batch.dedup();
    batch
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
fn give_up_in_time(shared: &Shared, batch: &[SessionId]) {
    let grace = shared.settings.outage_grace;
    let given_up = shared.held(|held| held.doubt(batch, grace));
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
