//! How many sessions one user may have.

use super::applied::Applied;
use super::record::Header;
use crate::time::Timestamp;
use crate::token::SessionId;

/// How many live sessions one user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At least 1.
    pub sessions: usize,
    /// What a login above it does.
    pub overflow: Overflow,
}

/// What a login does when the user already has as many sessions as `max_sessions_per_user` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The least recently used sessions end, as of their last touch.
    EvictOldest,
    /// The login fails with `ErrorKind::LimitReached`.
    Refuse,
}

impl Limit {
    /// A limit, for tests of stores; logins bring the configured one.
    pub fn new(sessions: usize, overflow: Overflow) -> Self {
        Self { sessions, overflow }
    }

    /// Which of a user's sessions must end so that `joining` can be one of them;
    /// `Err(Applied::Full)` when none may.
    ///
    /// `members` is what the index knows, as `sessions_of` finds it: sessions that have ended at
    /// `now` and `joining` itself do not count, nor does what cannot be read (a store that decides
    /// without headers may count that). The least recently used go first.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// use typed_sessions::store::{Applied, Limit};
    ///
    /// let (members, joining) = (Vec::new(), SessionId::from_bytes([7; 16]));
    /// let limit = Limit::new(1, Overflow::Refuse);
    /// let room = limit.make_room(&members, &joining, ManualClock::default().now());
    /// assert_eq!(room, Ok(Vec::new()), "nobody is in: nobody has to go");
    /// ```
    pub fn make_room(
        &self,
        members: &[(SessionId, Option<Header>)],
        joining: &SessionId,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Applied> {
        let mut others: Vec<_> = members
            .iter()
            .filter_map(|(id, header)| Some((id, header.as_ref()?)))
            .filter(|(id, header)| *id != joining && header.is_live(now))
            .map(|(id, header)| (header.last_seen(), *id))
            .collect();
        let excess = (others.len() + 1).saturating_sub(self.sessions);
        match self.overflow {
            Overflow::Refuse if excess > 0 => Err(Applied::Full),
            Overflow::Refuse => Ok(Vec::new()),
            Overflow::EvictOldest => {
                others.sort_unstable();
                Ok(others.into_iter().take(excess).map(|(_, id)| id).collect())
            }
        }
    }
}
