//! A session: one hash, with its fields, its header, what guards compare, and its seat.

use std::iter;

use futures::future::try_join_all;
use redis::Cmd;
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::store::{Change, Owned, Record};
use typed_sessions_core::{Result, SessionId, UserId};

use crate::commands::{BATCH, Commands};
use crate::keys::{GUARD, HEADER, SEAT};
use crate::reply::{
    Ended, Lifecycle, Written, read_ended, read_lifecycle, read_record, read_written,
};
use crate::script::{self, Place};

/// How much of a session is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Guard and seat.
    Guard,
    /// These and the header, which is longer, and takes longer to read.
    Header,
}

/// What must be so of a session for it to be ended.
#[derive(Clone, Copy)]
pub(crate) enum OnlyIf<'a> {
    Owned(&'a Owned),
    /// The session of this user that has this seat.
    HasSeat(&'a UserId, u64),
}

impl<'a> OnlyIf<'a> {
    /// Whose it is then, if that is known.
    fn user(self) -> Option<&'a UserId> {
        match self {
            Self::Owned(Owned::OfUser(user)) | Self::HasSeat(user, _) => Some(user),
            Self::Owned(Owned::Anyones | Owned::OfLogin(_)) => None,
        }
    }

    fn arguments(self, command: &mut Cmd) {
        match self {
            Self::Owned(Owned::Anyones) => command.arg("anyones"),
            Self::Owned(Owned::OfUser(user)) => command.arg("user").arg(user.as_str()),
            Self::Owned(Owned::OfLogin(epoch)) => command.arg("login").arg(epoch),
            Self::HasSeat(_, seat) => command.arg("seat").arg(seat),
        };
    }
}

impl Commands<'_> {
    pub(crate) async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys.session(id));
        read_record(&self.ask(&command).await?)
    }

    /// The lifecycles of those sessions that are there, in this order. In a Cluster each comes from
    /// its own node.
    pub(crate) async fn lifecycles(
        &self,
        ids: impl IntoIterator<Item = SessionId>,
        depth: Depth,
    ) -> Result<Vec<(SessionId, Option<Lifecycle>)>> {
        let ids: Vec<SessionId> = ids.into_iter().collect();
        let mut all = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            all.extend(try_join_all(batch.iter().map(|id| self.lifecycle(*id, depth))).await?);
        }
        Ok(all)
    }

    async fn lifecycle(
        &self,
        id: SessionId,
        depth: Depth,
    ) -> Result<(SessionId, Option<Lifecycle>)> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.session(&id)).arg(&[GUARD, SEAT]);
        match depth {
            Depth::Guard => {}
            Depth::Header => {
                command.arg(HEADER);
            }
        }
        Ok((id, read_lifecycle(self.send(&command).await?)?))
    }

    /// Checks and writes the session.
    pub(crate) async fn write(
        &self,
        id: &SessionId,
        change: &Change,
        place: Place<'_>,
    ) -> Result<Written> {
        let fill = |command: &mut Cmd| script::write(command, change, place);
        let key = self.keys.session(id);
        read_written(self.run(&script::APPLY, Effect::Once, &[key], fill).await?)
    }

    /// The same, and in the same step the session takes its seat in the first of these users'
    /// indexes, if it joins one, and leaves the seat that it had in the last. `None` when they are
    /// not on one server: then nothing has been done.
    pub(crate) async fn write_with_indexes(
        &self,
        id: &SessionId,
        change: &Change,
        place: Place<'_>,
        users: &[&UserId],
    ) -> Result<Option<Written>> {
        let fill = |command: &mut Cmd| script::write(command, change, place);
        let script = if let Place::Joins { .. } = place { &script::LOG_IN } else { &script::APPLY };
        let indexes = users.iter().map(|user| self.keys.user(user));
        let keys: Vec<String> = iter::once(self.keys.session(id)).chain(indexes).collect();
        self.run_at_once(script, &keys, fill).await?.map(read_written).transpose()
    }

    /// Whether the session itself would refuse the change.
    pub(crate) async fn check(&self, id: &SessionId, change: &Change) -> Result<Written> {
        let fill = |command: &mut Cmd| script::check(command, change);
        let key = self.keys.session(id);
        read_written(self.run(&script::APPLY, Effect::Repeatable, &[key], fill).await?)
    }

    /// Ends a session for good, if it is as it must be.
    pub(crate) async fn delete(&self, id: &SessionId, only: OnlyIf<'_>) -> Result<Ended> {
        let fill = |command: &mut Cmd| only.arguments(command);
        let key = self.keys.session(id);
        read_ended(self.run(&script::DELETE, Effect::Once, &[key], fill).await?)
    }

    /// The same, and in the same step it is taken from its user's index. `None` when it is not
    /// known whose it must be, or when that index is not on the same server: then nothing has been
    /// done.
    pub(crate) async fn delete_with_index(
        &self,
        id: &SessionId,
        only: OnlyIf<'_>,
    ) -> Result<Option<Ended>> {
        let Some(user) = only.user() else { return Ok(None) };
        let fill = |command: &mut Cmd| only.arguments(command);
        let keys = [self.keys.session(id), self.keys.user(user)];
        self.run_at_once(&script::DELETE, &keys, fill).await?.map(read_ended).transpose()
    }
}
