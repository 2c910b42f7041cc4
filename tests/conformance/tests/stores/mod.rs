//! A map under a mutex; on request with one deliberate sin.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use typed_sessions::{
    Applied, Change, Expected, Fields, Guard, Key, Record, Result, SessionId, SessionStore, Text, Timestamp, UserId,
};

/// What a store may do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each test binary uses its part")]
pub(crate) enum Sin {
    None,
    /// Creates the record that an update does not find.
    UpsertsOnWrite,
    /// Writes whatever the fields are.
    IgnoresFieldGuards,
    /// Writes whatever the revision is.
    IgnoresRevision,
    /// Writes whatever the login epoch is.
    IgnoresLoginEpoch,
    /// Writes to records past their deadline.
    ForgetsTheDeadline,
    /// Keeps only the fields that the last change named.
    DropsUnknownKeys,
    /// Reads, lets others in, writes.
    ChecksAndWritesInTwoSteps,
    /// Writes the fields before it checks the revision.
    WritesHalf,
    /// Keeps text as C strings.
    StopsAtNul,
    /// Takes out sessions that still live.
    PurgesTheLiving,
    /// Forgets to index who logs in.
    ForgetsTheIndex,
    /// Keeps who logged out in the index.
    KeepsWhoLoggedOut,
    /// Does not remove keys.
    IgnoresRemovals,
    /// Rewrites JSON as it likes it.
    NormalizesJson,
    /// Creates over a record that is there.
    CreatesOverExisting,
    /// Creates a record when it is read.
    AdoptsUnknownIds,
    /// Says that it deleted, and does not.
    PretendsToDelete,
    /// Lets everybody in.
    IgnoresTheLimit,
}

#[derive(Debug)]
pub(crate) struct Naive {
    sin: Sin,
    sessions: Mutex<HashMap<SessionId, Record>>,
    /// Every id that was ever written.
    known: Mutex<HashSet<SessionId>>,
}

impl Naive {
    pub(crate) fn new(sin: Sin) -> Self {
        Self { sin, sessions: Mutex::default(), known: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Record>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The change as a sinner carries it out.
    fn corrupted(&self, change: &Change, current: Option<&Record>) -> Change {
        let mut change = change.clone();
        if let Guard::Present(expected) = &mut change.guard {
            self.forget(expected);
            if self.sin == Sin::ForgetsTheDeadline {
                change.now = Timestamp::MIN;
            }
            if self.sin == Sin::UpsertsOnWrite && current.is_none() && change.header.is_some() {
                change.guard = Guard::Absent;
            }
        } else if self.sin == Sin::CreatesOverExisting && current.is_some() {
            change.guard = Guard::Present(Expected::default());
        }
        match self.sin {
            Sin::IgnoresRemovals => change.remove.clear(),
            Sin::StopsAtNul => change.set.iter_mut().for_each(|(key, text)| {
                *key = Key::new(key.as_str().split('\0').next().unwrap_or_default());
                *text = Text::from_stored(text.as_str().split("\\u0000").next().unwrap_or_default());
            }),
            Sin::NormalizesJson => change.set.iter_mut().for_each(|(_, text)| {
                if let Ok(value) = serde_json::from_str::<serde_json::Value>(text.as_str()) {
                    *text = Text::from_stored(&value.to_string());
                }
            }),
            _ => {}
        }
        change
    }

    fn forget(&self, expected: &mut Expected) {
        match self.sin {
            Sin::IgnoresFieldGuards => expected.fields.clear(),
            Sin::IgnoresRevision => expected.revision = None,
            Sin::IgnoresLoginEpoch => expected.login_epoch = None,
            _ => {}
        }
    }

    fn members(sessions: &HashMap<SessionId, Record>, user: &UserId) -> Vec<(SessionId, Record)> {
        let of_user = |(_, record): &(&SessionId, &Record)| record.header.user() == Some(user);
        sessions.iter().filter(of_user).map(|(id, record)| (*id, record.clone())).collect()
    }
}

#[async_trait]
impl SessionStore for Naive {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        let mut sessions = self.lock();
        if self.sin == Sin::AdoptsUnknownIds
            && !self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
            && let Some(some) = sessions.values().next().cloned()
        {
            sessions.entry(*id).or_insert(some);
        }
        Ok(sessions.get(id).cloned())
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let mut current = self.lock().get(id).cloned();
        if self.sin == Sin::ChecksAndWritesInTwoSteps {
            tokio::task::yield_now().await;
        }
        let mut sessions = self.lock();
        if self.sin != Sin::ChecksAndWritesInTwoSteps {
            current = sessions.get(id).cloned();
        }
        let change = self.corrupted(change, current.as_ref());
        if self.sin == Sin::WritesHalf
            && let Some(record) = &mut current
        {
            record.fields = record.fields.with(&change.set, &change.remove);
            sessions.insert(*id, record.clone());
        }
        let mut evicted = Vec::new();
        if let Some(join) = change.index.as_ref().and_then(|index| index.join.as_ref())
            && let (Some(limit), Ok(_)) = (join.limit, change.evaluate(current.as_ref()))
            && self.sin != Sin::IgnoresTheLimit
        {
            match limit.make_room(&Self::members(&sessions, &join.user), id, change.now) {
                Ok(room) => evicted = room,
                Err(full) => return Ok(full),
            }
        }
        let mut next = match change.evaluate(current.as_ref()) {
            Ok(next) => next,
            Err(refused) => return Ok(refused),
        };
        if self.sin == Sin::DropsUnknownKeys {
            next.fields = Fields::default().with(&change.set, &[]);
        }
        for id in evicted {
            sessions.remove(&id);
        }
        sessions.insert(*id, next);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(*id);
        Ok(Applied::Applied)
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        if self.sin == Sin::PretendsToDelete {
            return Ok(self.lock().contains_key(id));
        }
        Ok(self.lock().remove(id).is_some())
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        let mut members = Self::members(&self.lock(), user);
        match self.sin {
            Sin::ForgetsTheIndex => members.clear(),
            Sin::KeepsWhoLoggedOut => {
                let once = |(_, record): &(&SessionId, &Record)| record.header.login_epoch() > 0;
                members = self.lock().iter().filter(once).map(|(id, record)| (*id, record.clone())).collect();
            }
            _ => {}
        }
        Ok(members)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let mut sessions = self.lock();
        let ended = |record: &Record| self.sin == Sin::PurgesTheLiving || !record.header.is_live(now);
        let ids: Vec<SessionId> =
            sessions.iter().filter(|(_, record)| ended(record)).map(|(id, _)| *id).take(limit).collect();
        Ok(ids.iter().filter(|id| sessions.remove(id).is_some()).count())
    }
}
