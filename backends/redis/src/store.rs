//! The store: a hash per session, written by one script.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::Cmd;
use typed_sessions_core::{
    Applied, Change, Guard, Header, IndexChange, Join, Limit, Overflow, Record, Result, SessionId,
    SessionStore, Timestamp, UserId,
};

use crate::arguments::{SeatChange, fill};
use crate::builder::RedisStoreBuilder;
use crate::error::from_driver;
use crate::index::read_applied;
use crate::keys::{Keys, Member};
use crate::link::{Call, Effect, Link};
use crate::reply::{Stored, read_session, texts};
use crate::script;

/// Sessions in Redis. Clones share the same connection.
///
/// # Guarantees
///
/// - A write of a session is one script on one key: all of it or nothing. Login and logout also write the user's index, before
///   or after it; `Overflow::EvictOldest` ends the excess right after the login.
/// - Every key expires: a session with its deadline, a user's index with the longest session in it.
/// - A call ends within the [time limit](RedisStoreBuilder::time_limit), with `ErrorKind::Unavailable` if Redis did not
///   answer. When the connection breaks, reads are sent again; of a write the outcome is not known, and the caller is
///   told so. The next call connects anew.
/// - Redis replicates without waiting: what a master acknowledged just before it died may be unknown to its successor.
///
/// # Cost
///
/// | call | commands, one after the other |
/// |---|---|
/// | `load` | `HGETALL` |
/// | `apply` | `EVALSHA` |
/// | `apply` at login | `EVALSHA` on the index, `EVALSHA` on the session; `ZREM` when somebody was logged in before |
/// | the same with a limit that evicts | one `ZRANGE` more; when somebody has to go, their sessions are read and ended |
/// | `apply` that makes a login last longer (`reauthenticate`) | `HGET`, `EVALSHA` on the index, `EVALSHA` on the session |
/// | `apply` at logout | `EVALSHA`, `ZREM` |
/// | `delete` | `EVALSHA`; `ZREM` when somebody was logged in |
/// | `sessions_of` | `ZRANGE`, then one `HGETALL` for each member, all at once |
///
/// ```no_run
/// use typed_sessions_redis::RedisStore;
///
/// # async fn run() -> typed_sessions_core::Result<()> {
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// let other = RedisStore::builder().url("redis://127.0.0.1").prefix("shop").connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    keys: Keys,
}

impl RedisStore {
    /// A store on the Redis of this URL, with the defaults of [`RedisStore::builder`].
    ///
    /// `redis://user:password@host:port/database`, `rediss://...` (feature `tls`), `redis+cluster://a:7000,b:7000`,
    /// `redis+sentinel://a:26379,b:26379/master`, `unix:///path`. See [`RedisStoreBuilder::url`].
    pub async fn connect(url: impl AsRef<str>) -> Result<Self> {
        Self::builder().url(url.as_ref()).connect().await
    }

    /// A store to be configured.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    pub(crate) fn new(link: Link, prefix: &str) -> Self {
        Self { inner: Arc::new(Inner { link, keys: Keys::new(prefix) }) }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn call(&self) -> Call<'_> {
        self.inner.link.call()
    }

    pub(crate) async fn load_stored(
        &self,
        call: &Call<'_>,
        id: &SessionId,
    ) -> Result<Option<Stored>> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys().session(id));
        let reply =
            call.send(&command, Effect::Repeatable).await.map_err(|error| from_driver(&error))?;
        read_session(reply)
    }

    /// The guard and the write, and the seat that the session had before if it gets this one now.
    async fn write(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        change: &Change,
        seat: SeatChange<'_>,
    ) -> Result<(Applied, Option<String>)> {
        let fill = |command: &mut Cmd| fill(command, change, seat);
        read_applied(script::APPLY.run(call, &self.keys().session(id), fill).await?)
    }

    /// The same user for longer, as the index must know first. The seat remains: whoever is about to end the session by it still
    /// can.
    async fn prolong(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        change: &Change,
        index: &IndexChange,
        join: &Join,
    ) -> Result<Applied> {
        let Some(member) = self.seat_of(call, id).await? else {
            // It has ended, as the guard will say; or somebody has removed its seat, and it takes another one.
            return self.hand_over(call, id, change, index).await;
        };
        self.keep_longer(call, change, join, &member).await?;
        let (applied, _) = self.write(call, id, change, SeatChange::Keep).await?;
        if applied == Applied::Missing {
            // The seat is nobody's any more.
            self.leave(call, &join.user, &member).await?;
        }
        Ok(applied)
    }

    /// A change of hands: the index is written before the session and left after it.
    async fn hand_over(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        change: &Change,
        index: &IndexChange,
    ) -> Result<Applied> {
        let joined = match &index.join {
            Some(join) => match self.join(call, id, change, join).await? {
                Some(member) => Some((member, join)),
                None => return self.precedence(call, id, change).await,
            },
            None => None,
        };
        let seat =
            joined.as_ref().map_or(SeatChange::Clear, |(member, _)| SeatChange::Take(&member.seat));
        let (applied, before) = self.write(call, id, change, seat).await?;
        if applied != Applied::Applied {
            if let Some((member, join)) = &joined {
                self.leave(call, &join.user, member).await?;
            }
            return Ok(applied);
        }
        let user = index.leave.as_ref().or(index.join.as_ref().map(|join| &join.user));
        if let (Some(seat), Some(user)) = (before, user) {
            self.leave(call, user, &Member { id: *id, seat }).await?;
        }
        if let Some((member, join)) = &joined
            && let Some(limit @ Limit { overflow: Overflow::EvictOldest, .. }) = join.limit
        {
            self.make_room(call, member, &join.user, limit, change.now).await?;
        }
        Ok(applied)
    }

    /// A full house matters only to a session that could otherwise enter.
    async fn precedence(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        change: &Change,
    ) -> Result<Applied> {
        let stored = self.load_stored(call, id).await?;
        let current = stored.as_ref().map(|stored| &stored.record);
        Ok(change.evaluate(current).err().unwrap_or(Applied::Full))
    }

    /// Ends a session, if it has this seat and this guard. Tells its seat and its user, if it had them; `None` if it did not end.
    pub(crate) async fn end(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        seat: &str,
        guard: &str,
    ) -> Result<Option<Ended>> {
        let fill = |command: &mut Cmd| {
            command.arg(seat).arg(guard);
        };
        let reply = script::DELETE.run(call, &self.keys().session(id), fill).await?;
        let reply = texts(reply)?;
        let [header, seat] = &reply[..] else { return Ok(None) };
        // An unreadable header must not keep a session alive: its seat is left to be pruned.
        let user = Header::from_text(header).ok().and_then(|header| header.user().cloned());
        Ok(Some(Ended { user, seat: seat.clone() }))
    }

    /// Ends a session for good, then takes it from its user's index.
    pub(crate) async fn end_and_leave(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        guard: &str,
    ) -> Result<bool> {
        let Some(ended) = self.end(call, id, "", guard).await? else { return Ok(false) };
        if let Some(user) = ended.user {
            self.leave(call, &user, &Member { id: *id, seat: ended.seat }).await?;
        }
        Ok(true)
    }
}

/// Whether the session belongs to the same login before and after.
fn is_same_login(change: &Change) -> bool {
    match (&change.guard, &change.header) {
        (Guard::Present(expected), Some(header)) => {
            expected.login_epoch == Some(header.login_epoch())
        }
        _ => false,
    }
}

/// What is left of a session that has ended.
pub(crate) struct Ended {
    user: Option<UserId>,
    seat: String,
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        Ok(self.load_stored(&self.call(), id).await?.map(|stored| stored.record))
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let call = self.call();
        if change.header.is_none() && matches!(change.guard, Guard::Absent) {
            // Nothing can be created without a header.
            return self.precedence(&call, id, change).await;
        }
        match &change.index {
            None => Ok(self.write(&call, id, change, SeatChange::Keep).await?.0),
            Some(index @ IndexChange { leave: None, join: Some(join), .. })
                if is_same_login(change) =>
            {
                self.prolong(&call, id, change, index, join).await
            }
            Some(index) => self.hand_over(&call, id, change, index).await,
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        self.end_and_leave(&self.call(), id, "").await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        self.sessions_in_index(&self.call(), user).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.purge(now, limit).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.inner.keys)
            .field("time_limit", &self.inner.link.time_limit())
            .finish_non_exhaustive()
    }
}

/// A duration as Redis takes it: whole milliseconds, rounded up. Its clock overflows beyond a few hundred million years.
pub(crate) fn millis(duration: Duration) -> u64 {
    const CENTURY: Duration = Duration::from_hours(100 * 366 * 24);
    let millis = duration.min(CENTURY).as_nanos().div_ceil(1_000_000).max(1);
    u64::try_from(millis).unwrap_or(u64::MAX)
}
