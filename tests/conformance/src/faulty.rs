//! A store that fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use typed_sessions::{
    Applied, Change, Error, Record, Result, SessionId, SessionStore, Timestamp, UserId,
};

/// Wraps a store and makes its calls fail. Clones share the fault.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn SessionStore>,
    fault: Arc<AtomicU8>,
}

/// What a [`Faulty`] store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every call is `Unavailable`.
    Unreachable,
    /// Reads work, every write is `Unavailable` and is not carried out.
    WritesFail,
    /// Every write is carried out, but its answer is lost: `Unavailable`.
    AnswersLost,
    /// Every `apply` is answered with a conflict.
    AlwaysConflict,
}

impl Faulty {
    /// A store that works until told otherwise.
    pub fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), fault: Arc::default() }
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault.load(Ordering::SeqCst) == fault as u8
    }

    fn reading(&self) -> Result<()> {
        if self.has(Fault::Unreachable) {
            Err(Error::unavailable("connection refused"))
        } else {
            Ok(())
        }
    }

    fn writing(&self) -> Result<()> {
        self.reading()?;
        if self.has(Fault::WritesFail) { Err(Error::unavailable("read only")) } else { Ok(()) }
    }

    fn answer<T>(&self, answer: T) -> Result<T> {
        if self.has(Fault::AnswersLost) {
            Err(Error::unavailable("connection reset"))
        } else {
            Ok(answer)
        }
    }
}

#[async_trait]
impl SessionStore for Faulty {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.reading()?;
        self.inner.load(id).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.writing()?;
        if self.has(Fault::AlwaysConflict) {
            return Ok(Applied::Conflict);
        }
        let applied = self.inner.apply(id, change).await?;
        self.answer(applied)
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        self.writing()?;
        let deleted = self.inner.delete(id).await?;
        self.answer(deleted)
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        self.reading()?;
        self.inner.sessions_of(user).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        self.writing()?;
        let purged = self.inner.purge_expired(now, limit).await?;
        self.answer(purged)
    }
}
