//! The store: each of its calls is some commands within a time limit.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use typed_sessions_core::store::{
    Applied, Change, Deleted, Found, Header, More, Owned, Page, Record,
};
use typed_sessions_core::{Result, SessionId, SessionStore, UserId};

use crate::commands::Commands;
use crate::keys::Keys;
use crate::net::Transport;
use crate::passes::Passes;
use crate::reply::Ended;
use crate::session_hash::{Depth, OnlyIf};

/// Sessions in Redis. Clones share the same connections.
///
/// ```no_run
/// use typed_sessions_redis::RedisStore;
///
/// # async fn run() -> typed_sessions_core::Result<()> {
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// let other = RedisStore::builder().url("redis://127.0.0.1").prefix("shop").connect().await?;
/// # Ok(()) }
/// ```
///
/// # Atomicity
///
/// A write of a session is one script: all of it or nothing. On one server, or a master behind
/// Sentinels, a login, a logout and the end of a user's session write the user's index with it. In
/// a Cluster, where these may be on different nodes, a script has one key: a login is written into
/// the index before, and a logout after it. `Overflow::Refuse` is decided in the index, in one
/// step; under `Overflow::EvictOldest` the excess ends right after the login, in a pass over the
/// user's sessions. Logins of one user that come together share their passes: for each store there
/// is one at a time, and a login returns when one has ended that began after it was written. Should
/// that fail, or not end in time, the login holds, an event tells it, and the next login ends them.
/// With several stores there may be too many sessions until the last pass has ended.
///
/// # Expiry
///
/// Every key expires by itself: a session with its deadline, a user's index a minute after the
/// longest session in it. Nothing has to be swept. No caller's clock ends or hides a session of
/// another: the index knows Redis's clock only, and is prolonged before a session would outlast it.
///
/// # Failure
///
/// A call ends within the [time limit](crate::RedisStoreBuilder::time_limit), with
/// `ErrorKind::Unavailable` if Redis did not answer. When a connection breaks, reads are sent
/// again, and writes of which not every byte had left; of others the outcome is not known, and the
/// caller is told so. A connection that was closed while it was idle costs no call.
///
/// Redis replicates without waiting: what a master acknowledged just before it died may be unknown
/// to its successor.
///
/// # Cost
///
/// In commands, one after the other; those of many sessions are sent together, 500 at a time. The
/// first login or logout of a store may cost one more, with which it learns that what looks like
/// one server keeps its keys on several; then they cost what they do in a Cluster.
///
/// | call | commands |
/// |---|---|
/// | `load` | 1 `HGETALL` |
/// | `apply` | 1 `EVALSHA` |
/// | `apply` of a login | 1 `EVALSHA` |
/// | the same in a Cluster | 1 `EVALSHA` on the index, 1 on the session; 1 `ZREM` if somebody was logged in before; 1 `ZADD` if it lasts less than a minute |
/// | with a limit that evicts | in a Cluster 1 `ZRANGE` more; if there are more members than allowed, a pass, its own or another's: for each 500 members 1 `ZRANGE`, 1 `HMGET` for each of them and 1 `EVALSHA` on the index; each that goes costs a `delete` |
/// | with a limit that refuses, when it is reached | 1 `HMGET` for each member that counts; in a Cluster 1 `EVALSHA` on the session |
/// | `apply` with which a user's session would outlast the index (after a `reauthenticate`, or when a clock was put back) | 1 `EVALSHA` on the session, 1 on the index, 1 on the session |
/// | `apply` of a logout | 1 `EVALSHA`; in a Cluster 1 `ZREM` |
/// | `delete` of a user's session | 1 `EVALSHA`; in a Cluster 1 `ZREM` |
/// | `delete` of anybody's, or of a login's | 1 `EVALSHA`; 1 `ZREM` if somebody was logged in, since only then it is known who |
/// | `sessions_of` | for each page 1 `ZRANGE`, then 1 `HMGET` for each session of it |
/// | `headers` | 1 `HMGET` for each session |
/// | `clear` | 1 `SCAN` for every 1,000 keys of the database, from its beginning; each session that it ends costs a `delete` |
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    keys: Keys,
    passes: Passes,
}

/// The most sessions that a page has, whatever it was asked for.
const LARGEST_PAGE: usize = 1000;

impl RedisStore {
    pub(crate) fn new(transport: Transport, keys: Keys) -> Self {
        Self { inner: Arc::new(Inner { transport, keys, passes: Passes::default() }) }
    }

    pub(crate) fn commands(&self) -> Commands<'_> {
        let Inner { transport, keys, passes } = &*self.inner;
        Commands { call: transport.call(), keys, passes }
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.commands().load(id).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.commands().apply(id, change).await
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        Ok(match self.commands().end(id, OnlyIf::Owned(only)).await? {
            Ended::Yes { .. } => Deleted::Yes,
            Ended::Missing => Deleted::Missing,
            Ended::Superseded => Deleted::Superseded,
        })
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        let commands = self.commands();
        let at_most = page.at_most.clamp(1, LARGEST_PAGE);
        let found = commands.page(user, page.after.as_ref(), at_most).await?;
        let members = commands.look_up(user, &found.names, Depth::Header).await?;
        commands.prune(user, &members).await?;
        let sessions = members.sessions.into_iter();
        let sessions = sessions.map(|session| (session.member.id, session.header)).collect();
        Ok(Found { sessions, next: found.next })
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        let found = self.commands().lifecycles(ids.iter().copied(), Depth::Header).await?;
        Ok(found.into_iter().filter_map(|(id, found)| Some((id, found?.header))).collect())
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        self.commands().clear(at_most).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.inner.keys)
            .field("time_limit", &self.inner.transport.time_limit())
            .finish_non_exhaustive()
    }
}
