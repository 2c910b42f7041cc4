//! A session: one hash, with its fields, its header, what guards compare, and its seat.

use futures::future::try_join_all;
use redis::Cmd;
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::store::{Change, Owned, Record};
use typed_sessions_core::{Result, SessionId};

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
    HasSeat(u64),
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
        place: Place,
    ) -> Result<Written> {
        let fill = |command: &mut Cmd| script::write(command, change, place);
        let key = self.keys.session(id);
        read_written(self.run(&script::APPLY, Effect::Once, &[key], fill).await?)
    }

    /// Whether the session itself would refuse the change.
    pub(crate) async fn check(&self, id: &SessionId, change: &Change) -> Result<Written> {
        let fill = |command: &mut Cmd| script::check(command, change);
        let key = self.keys.session(id);
        read_written(self.run(&script::APPLY, Effect::Repeatable, &[key], fill).await?)
    }

    /// Ends a session for good, if it is as it must be.
    pub(crate) async fn delete(&self, id: &SessionId, only: OnlyIf<'_>) -> Result<Ended> {
        let fill = |command: &mut Cmd| {
            match only {
                OnlyIf::Owned(Owned::Anyones) => command.arg("anyones"),
                OnlyIf::Owned(Owned::OfUser(user)) => command.arg("user").arg(user.as_str()),
                OnlyIf::Owned(Owned::OfLogin(epoch)) => command.arg("login").arg(epoch),
                OnlyIf::HasSeat(seat) => command.arg("seat").arg(seat),
            };
        };
        let key = self.keys.session(id);
        read_ended(self.run(&script::DELETE, Effect::Once, &[key], fill).await?)
    }
}
