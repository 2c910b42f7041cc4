//! Makes room for a login, under a limit with [`Overflow::EvictOldest`].
//!
//! [`Overflow::EvictOldest`]: typed_sessions_core::Overflow::EvictOldest

use futures::future::join_all;
use redis::Cmd;
use typed_sessions_core::__backend::{Effect, evicted};
use typed_sessions_core::{Result, Timestamp, UserId};

use crate::commands::{BATCH, Commands};
use crate::keys::Member;
use crate::reply::{Ended, texts};
use crate::script;
use crate::session_hash::OnlyIf;

impl Commands<'_> {
    /// Ends who must go so that the session that has just logged in is not one too many.
    ///
    /// Sessions are counted after that one is written: of two logins at a time, the later one sees
    /// both.
    pub(crate) async fn make_room(
        &self,
        user: &UserId,
        itself: &Member,
        most: usize,
        now: Timestamp,
    ) -> Result<()> {
        let names = self.names(user).await?;
        if names.len() <= most {
            return Ok(());
        }
        let members = self.look_up(user, &names).await?;
        self.prune(user, &members).await?;
        let mut others: Vec<_> = members
            .sessions
            .iter()
            .filter(|session| session.member.id != itself.id && session.deadline > now)
            .filter_map(|session| Some((session.header.as_ref()?.last_seen(), session.member)))
            .collect();
        others.sort_unstable();
        let others: Vec<String> = others.iter().map(|(_, member)| member.to_string()).collect();
        let fill = |command: &mut Cmd| {
            command.arg(most).arg(itself.to_string()).arg(&others);
        };
        let key = self.keys.user(user);
        let doomed = texts(self.run(&script::EVICT, Effect::Repeatable, &key, fill).await?)?;
        let doomed: Vec<Member> = doomed.iter().filter_map(|name| name.parse().ok()).collect();
        // All of them, whatever becomes of one.
        let mut outcome = Ok(());
        for batch in doomed.chunks(BATCH) {
            let ended = join_all(batch.iter().map(|member| self.evict(user, member))).await;
            outcome = ended.into_iter().fold(outcome, Result::and);
        }
        outcome
    }

    /// Ends a session, but only while it has this seat: somebody may have logged in to it since.
    async fn evict(&self, user: &UserId, member: &Member) -> Result<()> {
        match self.end(&member.id, OnlyIf::HasSeat(member.seat)).await? {
            Ended::Yes { .. } => evicted(&member.id, user),
            Ended::Missing => self.leave(user, member).await,
            // Whoever has logged in leaves the seat that the session had.
            Ended::Superseded => {}
        }
        Ok(())
    }
}
