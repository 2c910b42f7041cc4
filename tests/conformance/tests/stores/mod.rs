//! A map under a mutex; on request with one deliberate sin.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use typed_sessions::{
    Applied, Change, Expected, Fields, Guard, Key, Overflow, Record, Result, SessionId,
    SessionStore, Text, Timestamp, UserId,
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
    /// Creates over a record that is there but past its deadline.
    CreatesOverExpired,
    /// Removes after it has set.
    RemovesWhatItSets,
    /// Makes room for a login before it knows whether the login may be written.
    EvictsBeforeTheGuard,
    /// Says that the house is full before it knows whether the login may be written.
    FullBeforeTheGuard,
    /// Takes a session from its user's index although the change is refused.
    LeavesWhenRefused,
    /// Counts logins that were refused.
    CountsTheRefused,
    /// Forgets a record when its first deadline has passed, in real time.
    SetsItsExpiryOnce,
    /// Keeps a session in the index until the absolute deadline of its login.
    IndexesByTheFirstDeadline,
}

#[derive(Debug)]
pub(crate) struct Naive {
    sin: Sin,
    sessions: Mutex<HashMap<SessionId, Record>>,
    /// Every id that was ever written.
    known: Mutex<HashSet<SessionId>>,
    /// What sinners remember beside the records: who fell out of an index, who was refused, and when records go.
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    left: HashSet<SessionId>,
    refused: usize,
    expiry: HashMap<SessionId, Instant>,
    indexed_until: HashMap<SessionId, Timestamp>,
}

impl Naive {
    pub(crate) fn new(sin: Sin) -> Self {
        Self { sin, sessions: Mutex::default(), known: Mutex::default(), memory: Mutex::default() }
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
        } else if self.sin == Sin::CreatesOverExpired
            && current.is_some_and(|it| !it.header.is_live(change.now))
            || self.sin == Sin::CreatesOverExisting && current.is_some()
        {
            change.now = Timestamp::MIN;
            change.guard = Guard::Present(Expected::default());
        }
        match self.sin {
            Sin::IgnoresRemovals => change.remove.clear(),
            Sin::StopsAtNul => change.set.iter_mut().for_each(|(key, text)| {
                *key = Key::new(key.as_str().split('\0').next().unwrap_or_default());
                *text =
                    Text::from_stored(text.as_str().split("\\u0000").next().unwrap_or_default());
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

    /// What the sins of the index do before the change is evaluated; an answer if they already have one.
    fn meddle(
        &self,
        sessions: &mut HashMap<SessionId, Record>,
        id: &SessionId,
        change: &Change,
        current: Option<&Record>,
    ) -> Option<Applied> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let index = change.index.as_ref()?;
        let refused = change.evaluate(current).is_err();
        let limit = index.join.as_ref().and_then(|join| Some((join, join.limit?)));
        let room = limit.map(|(join, limit)| {
            limit.make_room(&Self::members(sessions, &join.user), id, change.now)
        });
        match self.sin {
            Sin::EvictsBeforeTheGuard => {
                room?.ok()?.iter().for_each(|id| drop(sessions.remove(id)));
            }
            Sin::FullBeforeTheGuard => return room?.err(),
            Sin::LeavesWhenRefused
                if index.leave.is_some() && (refused || room.is_some_and(|room| room.is_err())) =>
            {
                memory.left.insert(*id);
            }
            Sin::CountsTheRefused => {
                memory.refused += usize::from(refused && index.join.is_some());
                let (join, limit) = limit?;
                let taken = Self::members(sessions, &join.user).len() + memory.refused;
                return (limit.overflow == Overflow::Refuse
                    && !refused
                    && taken >= limit.sessions + 2)
                    .then_some(Applied::Full);
            }
            _ => {}
        }
        if self.sin == Sin::IndexesByTheFirstDeadline && index.join.is_some() && !refused {
            memory.indexed_until.retain(|_, until| *until > change.now);
            let until = change.header.as_ref()?.absolute_deadline();
            memory.indexed_until.entry(*id).or_insert(until);
        }
        None
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
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.expiry.get(id).is_some_and(|expiry| *expiry < Instant::now()) {
            sessions.remove(id);
        }
        drop(memory);
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
        if let Some(answer) = self.meddle(&mut sessions, id, &change, current.as_ref()) {
            return Ok(answer);
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
        if self.sin == Sin::RemovesWhatItSets {
            next.fields = next.fields.with(&[], &change.remove);
        }
        if let (Sin::SetsItsExpiryOnce, Some(keep_for)) = (self.sin, change.keep_for()) {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.expiry.entry(*id).or_insert_with(|| Instant::now() + keep_for);
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
                members = self
                    .lock()
                    .iter()
                    .filter(once)
                    .map(|(id, record)| (*id, record.clone()))
                    .collect();
            }
            Sin::LeavesWhenRefused => {
                let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
                members.retain(|(id, _)| !memory.left.contains(id));
            }
            Sin::IndexesByTheFirstDeadline => {
                let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
                members.retain(|(id, _)| memory.indexed_until.contains_key(id));
            }
            _ => {}
        }
        Ok(members)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let mut sessions = self.lock();
        let ended =
            |record: &Record| self.sin == Sin::PurgesTheLiving || !record.header.is_live(now);
        let ids: Vec<SessionId> = sessions
            .iter()
            .filter(|(_, record)| ended(record))
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        Ok(ids.iter().filter(|id| sessions.remove(id).is_some()).count())
    }
}
