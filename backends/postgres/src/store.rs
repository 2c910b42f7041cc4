//! The store: a row per session, written by one statement.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{PgPool, Row as _};
use tokio::time::Instant;
use typed_sessions_core::__backend::{Effect, evicted};
use typed_sessions_core::store::{
    Applied, Change, Cursor, Deleted, Found, Header, Limit, More, Overflow, Owned, Page, Record,
};
use typed_sessions_core::{Result, SessionId, SessionStore, UserId};

use crate::arguments::{Arguments, PgQuery};
use crate::error::{contended, unexpected};
use crate::fields;
use crate::link::Link;
use crate::logging::Logging;
use crate::names::Names;
use crate::statements::{OfChange, Statements};
use crate::verdict::{self, Verdict};

/// How often a write is made again that was refused for a reason which has gone.
const MADE_AGAIN_AT_MOST: usize = 3;

/// Rows of one statement that deletes many: it holds their locks for some milliseconds.
pub(crate) const BATCH: u32 = 1000;

/// For a statement that deletes many rows: nobody waits for it, and large fields take their time.
pub(crate) const BATCH_TAKES_AT_MOST: Duration = Duration::from_secs(30);

/// Sessions in PostgreSQL. Clones share the same pool.
///
/// ```no_run
/// use typed_sessions_postgres::PostgresStore;
///
/// # async fn run() -> typed_sessions_core::Result<()> {
/// let store = PostgresStore::connect("postgres://shop:secret@localhost/shop").await?;
/// store.migrate().await?;
/// # Ok(()) }
/// ```
///
/// # Atomicity
///
/// A session is one row, its user a column of it. A write is one statement on that row with its
/// guards in the `WHERE` clause: all of it or nothing, login and logout included. What `Ok` was
/// said to is committed. A limit on a user's sessions is counted and enforced in one statement too:
/// logins of one user wait for each other.
///
/// # Time
///
/// A row expires by PostgreSQL's own clock, once the time has passed for which its last header
/// should be kept. From then on it is missing, whether or not anybody has deleted it: the
/// [`sweeper`](PostgresStore::sweeper) and [`purge_expired`](PostgresStore::purge_expired) only
/// reclaim space.
///
/// # Errors
///
/// A call ends within the [time limit](crate::PostgresStoreBuilder::time_limit), with
/// `ErrorKind::Unavailable` if PostgreSQL did not answer. When a connection breaks, reads are sent
/// again; of a write the outcome is not known, and the caller is told so. What PostgreSQL has
/// undone itself (a serialization failure, a deadlock with somebody else) or has not read, as it
/// had closed the connection and said so, is sent again.
///
/// # Cost
///
/// Every call is one statement, and one round trip; one more, for a sign of life, on a connection
/// that may have been idle for over 10 seconds. The first of its kind on a connection costs one
/// round trip more, which prepares the statement.
///
/// A write or a delete that wrote nothing is followed by a second statement, which asks why. When
/// the reason has gone by then, both are made again, three times at most. (A login under a limit
/// asks within its one statement; that a create found a session under its id needs no question.)
///
/// sqlx's pool waits for the server's sign of life when it takes a connection back. A connection of
/// the store's own pool therefore stays out of it, at hand for the next call, until none came for
/// 10 milliseconds, or for 200 milliseconds at most. To a pool of the application's it goes back
/// after each call.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    link: Link,
    names: Names,
    logging: Logging,
    statements: Statements,
    listen: Option<PgConnectOptions>,
}

impl PostgresStore {
    pub(crate) fn new(
        link: Link,
        names: Names,
        logging: Logging,
        listen: Option<PgConnectOptions>,
    ) -> Self {
        let statements = Statements::new(&names);
        Self { inner: Arc::new(Inner { link, names, logging, statements, listen }) }
    }

    /// The pool through which it goes. Of the store's own pools, one for each runtime that uses it,
    /// the first.
    pub fn pool(&self) -> &PgPool {
        self.inner.link.pool()
    }

    /// How the bus connects to listen.
    pub(crate) fn listen_options(&self) -> PgConnectOptions {
        let of_pool = || (*self.pool().connect_options()).clone();
        self.inner.listen.clone().unwrap_or_else(of_pool)
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    pub(crate) fn names(&self) -> &Names {
        &self.inner.names
    }

    pub(crate) fn logging(&self) -> Logging {
        self.inner.logging
    }

    pub(crate) fn statements(&self) -> &Statements {
        &self.inner.statements
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    pub(crate) fn upgrade(inner: &Weak<Inner>) -> Option<Self> {
        inner.upgrade().map(|inner| Self { inner })
    }

    /// Whether it wrote anything.
    async fn write(&self, of: &OfChange, arguments: &Arguments, end: Instant) -> Result<bool> {
        let bind = |query| arguments.bind(of.parameters, query);
        let answer = self.link().send_until(end, &of.statement, Effect::Once, bind).await?;
        Ok(answer.affected > 0)
    }

    /// By the statement of this shape; when it wrote nothing, another one asks why.
    async fn update(
        &self,
        of: &OfChange,
        arguments: &Arguments,
        end: Instant,
    ) -> Result<Verdict<Applied>> {
        if self.write(of, arguments, end).await? {
            return Ok(Verdict::Certain(Applied::Applied));
        }
        let why = &self.statements().why_refused;
        let bind = |query| arguments.bind(why.parameters, query);
        let answer = self.link().send_until(end, &why.statement, Effect::Repeatable, bind).await?;
        verdict::of_change(&answer.rows)
    }

    async fn login(
        &self,
        arguments: &Arguments,
        change: &Change,
        (user, limit): (&UserId, Limit),
        end: Instant,
    ) -> Result<Verdict<Applied>> {
        let is_new = matches!(change, Change::Create(_));
        let sessions = i32::try_from(limit.sessions).unwrap_or(i32::MAX);
        let evicts = match limit.overflow {
            Overflow::EvictOldest => true,
            Overflow::Refuse => false,
        };
        let OfChange { statement, parameters } = &self.statements().login;
        let bind =
            |query| arguments.bind(parameters, query).bind(is_new).bind(sessions).bind(evicts);
        let answer = self.link().send_until(end, statement, Effect::Once, bind).await?;
        let verdict = verdict::of_login(&answer.rows)?;
        for id in evicted_ids(&answer.rows)? {
            evicted(&id, user);
        }
        Ok(verdict)
    }

    async fn try_apply(
        &self,
        arguments: &Arguments,
        change: &Change,
        end: Instant,
    ) -> Result<Verdict<Applied>> {
        if let Some(limited) = change.limit() {
            return self.login(arguments, change, limited, end).await;
        }
        let statements = self.statements();
        let shape = match change {
            Change::Create(_) => {
                let is_created = self.write(&statements.create, arguments, end).await?;
                let applied = if is_created { Applied::Applied } else { Applied::Conflict };
                return Ok(Verdict::Certain(applied));
            }
            Change::Save(save) if save.expected.is_empty() => &statements.save,
            Change::Save(_) => &statements.save_if,
            Change::Rewrite(rewrite) if rewrite.edit.is_empty() => &statements.touch,
            Change::Rewrite(_) => &statements.rewrite,
        };
        self.update(shape, arguments, end).await
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        let id = id.as_bytes();
        let statement = &self.statements().load;
        let answer =
            self.link().send(statement, Effect::Repeatable, |query| query.bind(&id[..])).await?;
        answer.rows.first().map(record).transpose()
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let arguments = Arguments::new(id, change);
        let end = self.link().end_of_call();
        for _ in 0..=MADE_AGAIN_AT_MOST {
            let verdict = self.try_apply(&arguments, change, end).await?;
            if let Verdict::Certain(applied) = verdict {
                return Ok(applied);
            }
        }
        if change.has_conditions() { Ok(Applied::Conflict) } else { Err(contended()) }
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        let id = id.as_bytes();
        let (user, login_epoch) = match only {
            Owned::Anyones => (None, None),
            Owned::OfUser(user) => (Some(user.as_str().as_bytes()), None),
            Owned::OfLogin(epoch) => (None, Some(epoch.cast_signed())),
        };
        let bind = |query| PgQuery::bind(query, &id[..]).bind(user).bind(login_epoch);
        let (link, end) = (self.link(), self.link().end_of_call());
        let Statements { delete, why_not_deleted, .. } = self.statements();
        for _ in 0..=MADE_AGAIN_AT_MOST {
            if link.send_until(end, delete, Effect::Once, bind).await?.affected > 0 {
                return Ok(Deleted::Yes);
            }
            let answer = link.send_until(end, why_not_deleted, Effect::Repeatable, bind).await?;
            if let Verdict::Certain(deleted) = verdict::of_delete(&answer.rows)? {
                return Ok(deleted);
            }
        }
        Err(contended())
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        let user = user.as_str().as_bytes();
        // No id comes before the empty one.
        let after = page.after.as_ref().map_or(&[][..], Cursor::as_bytes);
        let at_most = i64::try_from(page.at_most).unwrap_or(i64::MAX).max(1);
        let answer = self
            .link()
            .send(&self.statements().sessions_of, Effect::Repeatable, |query| {
                query.bind(user).bind(after).bind(at_most)
            })
            .await?;
        let sessions = headers(&answer.rows)?;
        let is_full = i64::try_from(sessions.len()).is_ok_and(|found| found >= at_most);
        let last = sessions.last().filter(|_| is_full);
        let next = last.map(|(id, _)| Cursor::new(*id.as_bytes()));
        Ok(Found { sessions, next })
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        let ids: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
        let statement = &self.statements().headers;
        let answer =
            self.link().send(statement, Effect::Repeatable, |query| query.bind(&ids)).await?;
        headers(&answer.rows)
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        let at_most = u32::try_from(at_most).unwrap_or(BATCH).clamp(1, BATCH);
        let bind = |query: PgQuery<'static>| query.bind(i64::from(at_most));
        let patient = self.link().with_time_limit(BATCH_TAKES_AT_MOST);
        // It ends more when it is carried out twice, but nobody whom it may not end.
        let answer = patient.send(&self.statements().clear, Effect::Repeatable, bind).await?;
        let has_found_all = answer.affected < u64::from(at_most);
        Ok(if has_found_all { More::No } else { More::Yes })
    }
}

/// The columns `header` and `fields`.
fn record(row: &PgRow) -> Result<Record> {
    let object = row.try_get_raw(1).ok().and_then(|value| value.as_bytes().ok());
    let object = object.and_then(fields::text_of_jsonb);
    let object = object.ok_or_else(|| unexpected("a column of another type"))?;
    Ok(Record::new(Header::from_text(text(row, 0)?)?, fields::parse(object)?))
}

/// The columns `id` and `header` of each row.
fn headers(rows: &[PgRow]) -> Result<Vec<(SessionId, Option<Header>)>> {
    let session = |row| {
        let id = row_id(row)?;
        Ok((id, Header::from_text(text(row, 1)?).ok()))
    };
    rows.iter().map(session).collect()
}

fn text(row: &PgRow, column: usize) -> Result<&str> {
    row.try_get(column).map_err(|_| unexpected("a column of another type"))
}

fn row_id(row: &PgRow) -> Result<SessionId> {
    session_id(row.try_get(0).ok())
}

fn session_id(bytes: Option<&[u8]>) -> Result<SessionId> {
    let id = bytes.and_then(|bytes| bytes.try_into().ok());
    id.map(SessionId::from_bytes).ok_or_else(|| unexpected("an id that has not 16 bytes"))
}

/// Whom a login ended, the column `evicted`.
fn evicted_ids(rows: &[PgRow]) -> Result<Vec<SessionId>> {
    let ids = rows.first().map(|row| row.try_get::<Option<Vec<Vec<u8>>>, _>(1));
    let ids = ids.transpose().map_err(|_| unexpected("evicted sessions that are no ids"))?;
    ids.flatten().unwrap_or_default().iter().map(|id| session_id(Some(id))).collect()
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("names", &self.inner.names)
            .field("logging", &self.inner.logging)
            .field("time_limit", &self.inner.link.time_limit())
            .finish_non_exhaustive()
    }
}
