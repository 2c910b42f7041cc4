//! Connections that stay out of the pool for a moment between two calls.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use typed_sessions_core::__backend::lock;

use crate::pooled::Pooled;

/// So long a connection waits for the next call.
pub(crate) const IDLE_AT_MOST: Duration = Duration::from_millis(10);
/// So long a connection stays out of the pool: then others of the pool have their turn.
const OUT_AT_MOST: Duration = Duration::from_millis(200);

/// When a connection goes back to its pool, sqlx waits for a sign of life, which costs client and
/// server about a quarter of what a call costs. So a connection whose call is complete is at hand
/// for the next call, and goes back when none came for a moment.
#[derive(Debug)]
pub(crate) struct Kept {
    state: Mutex<State>,
    /// As many as there are at hand, but for those that somebody is about to take. Whoever waits
    /// for one waits in a queue.
    count: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// Used last at the back.
    at_hand: VecDeque<AtHand>,
    /// Whether a task gives back what waits in vain.
    is_watched: bool,
}

/// A connection, and when its last call was complete.
#[derive(Debug)]
pub(crate) struct AtHand {
    pub(crate) connection: Pooled,
    pub(crate) since: Instant,
    /// Whether another connection was found dead meanwhile.
    pub(crate) is_suspect: bool,
}

/// Whether a task has to look after what is at hand from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    Begin,
    GoesOn,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), count: Semaphore::new(0) }
    }

    /// Keeps it, unless it has been out of the pool for too long: then it comes back.
    pub(crate) fn put(&self, connection: Pooled, now: Instant) -> Result<Watch, Pooled> {
        if now.saturating_duration_since(connection.taken()) >= OUT_AT_MOST {
            return Err(connection);
        }
        let mut state = lock(&self.state);
        state.at_hand.push_back(AtHand { connection, since: now, is_suspect: false });
        let watch = if state.is_watched { Watch::GoesOn } else { Watch::Begin };
        state.is_watched = true;
        drop(state);
        self.count.add_permits(1);
        Ok(watch)
    }

    /// The one that was used last, if one is there that nobody waits for.
    pub(crate) fn try_take(&self) -> Option<AtHand> {
        self.count.try_acquire().ok()?.forget();
        lock(&self.state).at_hand.pop_back()
    }

    /// The same, as soon as there is one.
    pub(crate) async fn take(&self) -> AtHand {
        loop {
            // It is never closed.
            if let Ok(one) = self.count.acquire().await {
                one.forget();
                if let Some(at_hand) = lock(&self.state).at_hand.pop_back() {
                    return at_hand;
                }
            }
        }
    }

    /// One that has waited in vain by now.
    pub(crate) fn take_idle(&self, now: Instant) -> Option<AtHand> {
        let mut state = lock(&self.state);
        let first = state.at_hand.front()?;
        if now.saturating_duration_since(first.since) < IDLE_AT_MOST {
            return None;
        }
        self.count.try_acquire().ok()?.forget();
        state.at_hand.pop_front()
    }

    /// Whether the task that watches may end.
    pub(crate) fn is_unwatched(&self) -> bool {
        let mut state = lock(&self.state);
        state.is_watched = !state.at_hand.is_empty();
        !state.is_watched
    }

    /// A connection was found dead.
    pub(crate) fn suspect_all(&self) {
        lock(&self.state).at_hand.iter_mut().for_each(|at_hand| at_hand.is_suspect = true);
    }

    /// Takes all away, since nobody watches any more.
    pub(crate) fn clear(&self) {
        while let Some(one) = self.try_take() {
            one.connection.end();
        }
        lock(&self.state).is_watched = false;
    }
}

impl Drop for Kept {
    /// The pool could only take them back within a runtime.
    fn drop(&mut self) {
        self.clear();
    }
}
