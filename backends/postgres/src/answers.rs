//! Which connections of a pool have shown lately that they live.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use typed_sessions_core::__backend::lock;

/// Longer, and a balancer or a firewall may have forgotten a connection without a word.
pub(crate) const LATELY: Duration = Duration::from_secs(10);

/// When the latest answers came: one for each call, as the pool's connections went round.
///
/// sqlx shows neither the socket of a connection nor, of an application's pool, how long the
/// connection was idle. But a pool gives away the connection first that came back first. So when it
/// has n connections, and the last n calls had their answers lately, then the next connection came
/// back after the first of those answers: it has been idle for no longer. If others use the pool
/// too, it comes back sooner still.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    latest: Arc<Mutex<VecDeque<Instant>>>,
}

impl Answers {
    /// A call had its answer, on one of at most so many connections.
    pub(crate) fn note(&self, now: Instant, at_most: u32) {
        let mut latest = lock(&self.latest);
        latest.push_back(now);
        while latest.len() > usize::try_from(at_most).unwrap_or(usize::MAX) {
            latest.pop_front();
        }
    }

    /// A connection was found dead: each of the others has to show that it lives.
    pub(crate) fn forget(&self) {
        lock(&self.latest).clear();
    }

    /// Whether any connection of a pool with so many was in use lately.
    pub(crate) fn vouch_for(&self, now: Instant, connections: u32) -> bool {
        let latest = lock(&self.latest);
        let connections = usize::try_from(connections).unwrap_or(usize::MAX).max(1);
        let first = latest.len().checked_sub(connections).and_then(|first| latest.get(first));
        first.is_some_and(|first| now.saturating_duration_since(*first) < LATELY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f4_as_many_answers_as_connections_vouch_for_all_of_them() {
        let answers = Answers::default();
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert!(!answers.vouch_for(begin, 1));
        answers.note(begin, 3);
        assert!(answers.vouch_for(begin, 1) && !answers.vouch_for(begin, 2));
        answers.note(after(6), 3);
        assert!(answers.vouch_for(after(6), 2) && !answers.vouch_for(after(6), 3));
        assert!(answers.vouch_for(after(12), 1), "the last one in turn answered 6 seconds ago");
        assert!(!answers.vouch_for(after(12), 2), "one of two may have been idle for 12");
        answers.forget();
        assert!(!answers.vouch_for(after(12), 1));
    }
}
