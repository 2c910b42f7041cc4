//! A store that fails on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use typed_sessions::store::{Applied, Change, Deleted, Found, Header, More, Owned, Page, Record};
use typed_sessions::{Error, Result, SessionId, SessionStore, UserId};

/// Wraps a store and makes its calls fail. Clones share the faults.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn SessionStore>,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Debug, Default)]
struct Faults {
    everywhere: Fault,
    of_sessions: HashMap<SessionId, Fault>,
}

/// What a [`Faulty`] store does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Every call is `Unavailable`.
    Unreachable,
    /// Reads work, every write is `Unavailable` and is not carried out.
    WritesFail,
    /// Every write is carried out, but its answer is lost: `Unavailable`.
    AnswersLost,
    /// Every write is carried out, and its answer never comes: whoever waits has to give up.
    AnswersNeverCome,
    /// Every `apply` is answered with a conflict.
    AlwaysConflict,
    /// Headers cannot be read, as if another version had written them.
    Unreadable,
}

impl Faulty {
    /// A store that works until told otherwise.
    pub fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), faults: Arc::default() }
    }

    /// From now on, in every call.
    pub fn set(&self, fault: Fault) {
        self.lock().everywhere = fault;
    }

    /// From now on, in what concerns this session.
    pub fn set_for(&self, id: SessionId, fault: Fault) {
        self.lock().of_sessions.insert(id, fault);
    }

    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn everywhere(&self) -> Fault {
        self.lock().everywhere
    }

    fn of(&self, id: &SessionId) -> Fault {
        let faults = self.lock();
        faults.of_sessions.get(id).copied().unwrap_or(faults.everywhere)
    }

    fn hide_unreadable(&self, headers: &mut [(SessionId, Option<Header>)]) {
        for (id, header) in headers {
            if self.of(id) == Fault::Unreadable {
                *header = None;
            }
        }
    }
}

impl Fault {
    fn before_a_read(self) -> Result<()> {
        match self {
            Self::Unreachable => Err(Error::unavailable("connection refused")),
            Self::None
            | Self::WritesFail
            | Self::AnswersLost
            | Self::AnswersNeverCome
            | Self::AlwaysConflict
            | Self::Unreadable => Ok(()),
        }
    }

    fn before_a_write(self) -> Result<()> {
        self.before_a_read()?;
        if self == Self::WritesFail { Err(Error::unavailable("read only")) } else { Ok(()) }
    }

    async fn answer<T>(self, answer: T) -> Result<T> {
        match self {
            Self::AnswersLost => Err(Error::unavailable("connection reset")),
            Self::AnswersNeverCome => std::future::pending().await,
            _ => Ok(answer),
        }
    }
}

#[async_trait]
impl SessionStore for Faulty {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        let fault = self.of(id);
        fault.before_a_read()?;
        let record = self.inner.load(id).await?;
        if fault == Fault::Unreadable && record.is_some() {
            return Err(Error::corrupt("$header", "another version wrote it"));
        }
        Ok(record)
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let fault = self.of(id);
        fault.before_a_write()?;
        if fault == Fault::AlwaysConflict {
            return Ok(Applied::Conflict);
        }
        let applied = self.inner.apply(id, change).await?;
        fault.answer(applied).await
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        let fault = self.of(id);
        fault.before_a_write()?;
        let deleted = self.inner.delete(id, only).await?;
        fault.answer(deleted).await
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        self.everywhere().before_a_read()?;
        let mut found = self.inner.sessions_of(user, page).await?;
        self.hide_unreadable(&mut found.sessions);
        Ok(found)
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        self.everywhere().before_a_read()?;
        let mut headers = self.inner.headers(ids).await?;
        self.hide_unreadable(&mut headers);
        Ok(headers)
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        let fault = self.everywhere();
        fault.before_a_write()?;
        let more = self.inner.clear(at_most).await?;
        fault.answer(more).await
    }
}
