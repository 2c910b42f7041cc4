//! What a hub does all the time: it listens, verifies what it holds, and keeps its lease.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::bus::Subscription;
use super::message::{Message, Whom};
use super::reason::Reason;
use super::register::Batch;
use super::registry::{Beat, Pulse};
use super::shared::Shared;
use crate::__backend::lock;
use crate::error::{Error, Result};
use crate::event;
use crate::token::SessionId;

/// How many sessions are verified with one call of the store.
const BATCH: usize = 500;

/// The longest that the clock of the sessions is not asked: it may be a fake one, or be put right.
const TICK: Duration = Duration::from_secs(1);

/// After a failure the bus is tried again after so long, then twice as long, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Listens, and subscribes again when the subscription broke. What was missed meanwhile is made up
/// for by looking at everything.
pub(crate) async fn listen(shared: Arc<Shared>, mut subscription: Box<dyn Subscription>) {
    loop {
        let error = hear(&shared, &mut *subscription).await;
        event::hub_is_deaf(&shared.server, &error);
        subscription = subscribe_again(&shared).await;
        event::hub_hears_again(&shared.server);
        shared.suspect(&Whom::Everybody);
    }
}

async fn hear(shared: &Shared, subscription: &mut dyn Subscription) -> Error {
    loop {
        match subscription.next().await {
            Ok(bytes) => understand(shared, &bytes),
            Err(error) => return error,
        }
    }
}

fn understand(shared: &Shared, bytes: &Bytes) {
    match Message::from_bytes(bytes) {
        Some(Message::LookAgain(whom)) => shared.suspect(&whom),
        Some(Message::Deliver(whom, payload)) => {
            let lagged = lock(&shared.held).deliver(&whom, &payload);
            drop(shared.register.leave(lagged));
        }
        None => event::message_not_understood(&shared.server, bytes.len()),
    }
}

async fn subscribe_again(shared: &Shared) -> Box<dyn Subscription> {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        if let Ok(subscription) = shared.bus.subscribe(&shared.server).await {
            return subscription;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Asks the store about sessions: of which there is news, whose time seems to be up, and from time
/// to time all.
pub(crate) async fn verify(shared: Arc<Shared>) {
    let settings = shared.settings;
    let mut next_round = Instant::now() + settings.verify_every;
    let mut round = VecDeque::new();
    let mut failing_since = None;
    loop {
        if next_round <= Instant::now() {
            round = lock(&shared.held).sessions(&Whom::Everybody).into();
            next_round = Instant::now() + settings.verify_every;
        }
        let batch = next_batch(&shared, &mut round);
        if batch.is_empty() {
            let wake = next_round.min(Instant::now() + until_a_deadline(&shared));
            // Out of time: it is time to look.
            drop(timeout_at(wake, shared.has_suspects.notified()).await);
            continue;
        }
        if look(&shared, &batch).await.is_ok() {
            failing_since = None;
            continue;
        }
        shared.suspect_again(batch);
        let since = *failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= settings.outage_grace {
            event::hub_gives_up(&shared.server, settings.outage_grace);
            drop(shared.register.leave(shared.close_all(Reason::ShuttingDown)));
            failing_since = None;
        }
        sleep(TICK.min(settings.outage_grace / 4)).await;
    }
}

/// The sessions to ask about next: first those of which there is news.
fn next_batch(shared: &Shared, round: &mut VecDeque<SessionId>) -> Vec<SessionId> {
    let mut batch = shared.take_suspects(BATCH);
    if batch.len() < BATCH {
        let now = shared.context.now();
        batch.extend(lock(&shared.held).due(now, BATCH - batch.len()));
    }
    let rest = round.len().min(BATCH - batch.len());
    batch.extend(round.drain(..rest));
    batch.sort_unstable();
    batch.dedup();
    batch
}

async fn look(shared: &Shared, batch: &[SessionId]) -> Result<()> {
    // Before the store is asked: what has ended by then ends, and what was used since lives on.
    let now = shared.context.now();
    let looked = shared.context.headers(batch).await?;
    let mut held = lock(&shared.held);
    let mut closed = Vec::new();
    for (id, looked) in &looked {
        closed.extend(held.judge(id, looked, &shared.context.policy, now));
    }
    drop(held);
    drop(shared.register.leave(closed));
    Ok(())
}

fn until_a_deadline(shared: &Shared) -> Duration {
    let next = lock(&shared.held).next_deadline();
    next.map_or(TICK, |next| next.since(shared.context.now()).min(TICK))
}

/// Keeps the lease, and tells the bus who joined and who left. Says goodbye when the hub stops.
pub(crate) async fn beat(shared: Arc<Shared>, mut stop: watch::Receiver<Stop>) {
    let lease = shared.settings.lease;
    let mut pause = FIRST_PAUSE;
    while *stop.borrow_and_update() == Stop::NotYet {
        let batch = shared.register.take();
        match shared.bus.heartbeat(&shared.server, &batch.beat(lease)).await {
            Ok(pulse) => {
                // A beat whose answer was lost may have been the one that the bus did not know.
                if pulse == Pulse::Unknown || pause != FIRST_PAUSE {
                    tell_all(&shared, &batch);
                }
                shared.register.is_taken(batch);
                pause = FIRST_PAUSE;
                tokio::select! {
                    _ = stop.changed() => {}
                    () = shared.register.has_steps.notified() => {}
                    () = sleep(lease / 3) => {}
                }
            }
            Err(error) => {
                shared.register.is_not_taken(batch);
                if pause == FIRST_PAUSE {
                    event::hub_is_unlisted(&shared.server, &error);
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                tokio::select! {
                    _ = stop.changed() => {}
                    () = sleep(pause.min(lease / 3)) => {}
                }
            }
        }
    }
    drop(shared.bus.heartbeat(&shared.server, &Beat::new(Duration::ZERO)).await);
}

/// The bus knew nothing of this server: what it had been told before is to be told again.
fn tell_all(shared: &Shared, but: &Batch) {
    let mut entries = lock(&shared.held).entries();
    let told: HashSet<_> = but.joining().map(|entry| entry.connection).collect();
    entries.retain(|entry| !told.contains(&entry.connection));
    if !entries.is_empty() {
        shared.register.begin_anew(entries);
    }
}

/// Whether a hub's tasks go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    NotYet,
    Now,
}
