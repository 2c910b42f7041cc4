//! Makes room for logins, under a limit with [`Overflow::EvictOldest`].
//!
//! [`Overflow::EvictOldest`]: typed_sessions_core::Overflow::EvictOldest

use std::collections::HashSet;

use futures::future::join_all;
use redis::Cmd;
use typed_sessions_core::__backend::{Effect, evicted};
use typed_sessions_core::{ErrorKind, Result, SessionId, Timestamp, UserId};

use crate::commands::{BATCH, Commands};
use crate::error::from_driver;
use crate::keys::Member;
use crate::reply::{Ended, texts};
use crate::script;
use crate::session_hash::{Depth, OnlyIf};

/// One look at all sessions of a user, which ends those above the limit.
pub(crate) struct Pass {
    /// How many sessions the user may have.
    pub(crate) most: usize,
    /// Sessions whose deadline is not later do not count.
    pub(crate) now: Timestamp,
    /// Those that have just logged in, and wait for this pass: they go last.
    pub(crate) joining: HashSet<SessionId>,
}

/// Who may have to go. The least go first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    is_joining: bool,
    last_seen: Timestamp,
    /// Of those last seen in the same millisecond, the first to log in goes first.
    seat: u64,
    id: SessionId,
}

impl Candidate {
    fn member(&self) -> Member {
        Member { id: self.id, seat: self.seat }
    }
}

impl Commands<'_> {
    /// Sees to it that a login which is written leaves its user with no more sessions than allowed:
    /// it has, when a pass has ended that began after the login was written. Logins of one user
    /// that come together share their passes.
    pub(crate) async fn make_room(
        &self,
        user: &UserId,
        member: Member,
        most: usize,
        now: Timestamp,
    ) -> Result<()> {
        let waiting = self.passes.wait_for_one(user, most, member, now);
        let turn = self.call.in_time(waiting.turn()).await;
        let _turn = turn.map_err(|error| from_driver(&error))?;
        if waiting.is_served() {
            return Ok(());
        }
        let (number, pass) = waiting.begin();
        let outcome = self.carry_out(user, &pass).await;
        // Others may have more time left. What else went wrong, went wrong for them as well.
        if !outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
            waiting.end(number);
        }
        outcome
    }

    /// Page by page, in bounded memory, so that what has been done is done when the time is up.
    async fn carry_out(&self, user: &UserId, pass: &Pass) -> Result<()> {
        let (mut standing, mut after, mut outcome) = (Vec::new(), None, Ok(()));
        loop {
            let at_most = BATCH.max(pass.most + 1);
            let page = self.page(user, after.as_ref(), at_most).await?;
            if after.is_none() && page.names.len() <= pass.most {
                return Ok(());
            }
            let members = self.look_up(user, &page.names, Depth::Guard).await?;
            self.prune(user, &members).await?;
            let live = members.sessions.iter().filter(|session| session.deadline > pass.now);
            standing.extend(live.map(|session| Candidate {
                is_joining: pass.joining.contains(&session.member.id),
                last_seen: session.last_seen,
                seat: session.member.seat,
                id: session.member.id,
            }));
            standing.sort_unstable();
            let doomed = self.sentence(user, pass.most, &standing).await?;
            // All of them, whatever becomes of one.
            for batch in doomed.chunks(BATCH) {
                let ended = join_all(batch.iter().map(|member| self.evict(user, member))).await;
                outcome = ended.into_iter().fold(outcome, Result::and);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return outcome,
            }
            let doomed: HashSet<_> = doomed.iter().map(|member| member.id).collect();
            standing.retain(|candidate| !doomed.contains(&candidate.id));
        }
    }

    /// Chooses those who must go, in one step: passes of several nodes do not choose twice.
    async fn sentence(
        &self,
        user: &UserId,
        most: usize,
        standing: &[Candidate],
    ) -> Result<Vec<Member>> {
        let fill = |command: &mut Cmd| {
            command.arg(most);
            for candidate in standing {
                command.arg(candidate.member().to_string());
            }
        };
        let key = self.keys.user(user);
        let doomed = texts(self.run(&script::EVICT, Effect::Repeatable, &[key], fill).await?)?;
        Ok(doomed.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Ends a session, but only while it has this seat: somebody may have logged in to it since.
    async fn evict(&self, user: &UserId, member: &Member) -> Result<()> {
        match self.end(&member.id, OnlyIf::HasSeat(user, member.seat)).await? {
            Ended::Yes { .. } => evicted(&member.id, user),
            Ended::Missing => self.leave(user, member).await,
            // Whoever has logged in leaves the seat that the session had.
            Ended::Superseded => {}
        }
        Ok(())
    }
}
