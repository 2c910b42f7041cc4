//! A map under a mutex; on request with one deliberate sin.

mod sin;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use typed_sessions::store::{
    Applied, Change, Create, Cursor, Deleted, Edit, Fields, Found, Header, Key, Limit, More,
    Overflow, Owned, Owner, Page, Record, Rewrite, Save, Text,
};
use typed_sessions::{Result, SessionId, SessionStore, Timestamp, UserId};

use self::sin::Home;
pub(crate) use self::sin::Sin;

#[derive(Debug)]
pub(crate) struct Naive {
    sin: Sin,
    state: Mutex<State>,
    home: Home,
}

type Members = Vec<(SessionId, Option<Header>)>;

/// The sessions, and what sinners remember beside them.
#[derive(Debug, Default)]
struct State {
    sessions: BTreeMap<SessionId, Record>,
    /// When a session goes by itself; never, if that is too far away.
    expiry: BTreeMap<SessionId, Option<Instant>>,
    /// Every id that was ever written.
    known: BTreeSet<SessionId>,
    /// Who fell out of an index.
    left: BTreeSet<SessionId>,
    /// How many logins were refused.
    refused: usize,
    indexed_until: BTreeMap<SessionId, Timestamp>,
    /// Who was deleted last, and whose it was.
    ghost: Option<(SessionId, UserId)>,
}

impl State {
    fn members(&self, user: &UserId) -> Members {
        self.select(|header| header.user() == Some(user))
    }

    fn select(&self, chosen: impl Fn(&Header) -> bool) -> Members {
        let chosen = self.sessions.iter().filter(|(_, record)| chosen(&record.header));
        chosen.map(|(id, record)| (*id, Some(record.header.clone()))).collect()
    }
}

impl Naive {
    pub(crate) fn new(sin: Sin) -> Self {
        Self { sin, state: Mutex::default(), home: Home::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.sin != Sin::NeverExpires {
            let State { sessions, expiry, .. } = &mut *state;
            let now = Instant::now();
            sessions.retain(|id, _| {
                expiry.get(id).copied().flatten().is_none_or(|expiry| now < expiry)
            });
            expiry.retain(|id, _| sessions.contains_key(id));
        }
        state
    }

    /// The change as a sinner carries it out.
    fn corrupted(&self, change: &Change, current: Option<&Record>) -> Change {
        let mut change = change.clone();
        if let Change::Rewrite(Rewrite { now, header, edit, .. }) = &change
            && (self.sin, current.is_none()) == (Sin::UpsertsOnWrite, true)
        {
            let create = Create::new(header.clone(), *now);
            change = Change::Create(Create { fields: edit.set.clone(), ..create });
        }
        let current = current.map(|record| &record.header);
        match &mut change {
            Change::Create(_) => {}
            Change::Save(Save { now, login_epoch, expected, edit }) => {
                self.corrupt_guards(now, login_epoch, current);
                self.corrupt_edit(edit);
                if self.sin == Sin::IgnoresFieldGuards {
                    expected.clear();
                }
            }
            Change::Rewrite(Rewrite { now, login_epoch, revision, edit, .. }) => {
                self.corrupt_guards(now, login_epoch, current);
                self.corrupt_edit(edit);
                if let (Sin::IgnoresRevision, Some(current)) = (self.sin, current) {
                    *revision = current.revision();
                }
            }
        }
        let texts = match &mut change {
            Change::Create(create) => &mut create.fields,
            Change::Save(save) => &mut save.edit.set,
            Change::Rewrite(rewrite) => &mut rewrite.edit.set,
        };
        for (key, text) in texts {
            self.corrupt_text(key, text);
        }
        change
    }

    fn corrupt_guards(&self, now: &mut Timestamp, epoch: &mut u64, current: Option<&Header>) {
        match (self.sin, current) {
            (Sin::ForgetsTheDeadline, _) => *now = Timestamp::MIN,
            (Sin::IgnoresLoginEpoch, Some(current)) => *epoch = current.login_epoch(),
            _ => {}
        }
    }

    fn corrupt_edit(&self, edit: &mut Edit) {
        if self.sin == Sin::IgnoresRemovals {
            edit.remove.clear();
        }
    }

    fn corrupt_text(&self, key: &mut Key, text: &mut Text) {
        let until = |text: &str, end| text.split(end).next().unwrap_or_default().to_owned();
        match self.sin {
            Sin::StopsAtNul => {
                *key = Key::new(&until(key.as_str(), "\0"));
                *text = Text::from_stored(&until(text.as_str(), "\\u0000"));
            }
            Sin::NormalizesJson => {
                if let Ok(value) = serde_json::from_str::<serde_json::Value>(text.as_str()) {
                    *text = Text::from_stored(&value.to_string());
                }
            }
            _ => {}
        }
    }

    /// What the sins of the index do before the change is evaluated; an answer if they already have
    /// one.
    fn meddle(
        &self,
        state: &mut State,
        id: &SessionId,
        change: &Change,
        current: Option<&Record>,
    ) -> Option<Applied> {
        let (joins, leaves) = match change {
            Change::Create(create) => (create.header.user().is_some(), false),
            Change::Save(_) => return None,
            Change::Rewrite(rewrite) => match &rewrite.owner {
                Owner::Same | Owner::SameForLonger => (false, false),
                Owner::Login { before, .. } => (true, before.is_some()),
                Owner::Logout { .. } => (false, true),
            },
        };
        let refused = change.evaluate(current).is_err();
        let room = change
            .limit()
            .map(|(user, limit)| limit.make_room(&state.members(user), id, change.now()));
        match self.sin {
            Sin::EvictsBeforeTheGuard => {
                room?.ok()?.iter().for_each(|id| drop(state.sessions.remove(id)));
            }
            Sin::FullBeforeTheGuard => return room?.err(),
            Sin::LeavesWhenRefused
                if leaves && (refused || room.is_some_and(|room| room.is_err())) =>
            {
                state.left.insert(*id);
            }
            Sin::CountsTheRefused => {
                state.refused += usize::from(refused && joins);
                let (user, limit) = change.limit()?;
                let taken = state.members(user).len() + state.refused;
                return (limit.overflow == Overflow::Refuse
                    && !refused
                    && taken >= limit.sessions + 2)
                    .then_some(Applied::Full);
            }
            Sin::IndexesByTheFirstDeadline if joins && !refused => {
                state.indexed_until.retain(|_, until| *until > change.now());
                let until = change.header()?.absolute_deadline();
                state.indexed_until.entry(*id).or_insert(until);
            }
            Sin::ReapsByTheCallersClock => {
                let is_kept = |it: &SessionId, record: &Record| {
                    it == id || record.header.is_live(change.now())
                };
                state.sessions.retain(|id, record| is_kept(id, record));
            }
            _ => {}
        }
        None
    }

    /// Who has to go for a login.
    fn make_room(
        &self,
        state: &State,
        id: &SessionId,
        change: &Change,
    ) -> Result<Vec<SessionId>, Applied> {
        let Some((user, limit)) = change.limit() else { return Ok(Vec::new()) };
        let mut members = state.members(user);
        match self.sin {
            Sin::IgnoresTheLimit => Ok(Vec::new()),
            Sin::CountsTheDead => limit.make_room(&members, id, Timestamp::MIN),
            Sin::EvictsTheNewest if limit.overflow == Overflow::EvictOldest => {
                let everybody = Limit::new(1, Overflow::EvictOldest);
                let oldest_first = everybody.make_room(&members, id, change.now())?;
                members.retain(|(id, _)| oldest_first.contains(id));
                let excess = (members.len() + 1).saturating_sub(limit.sessions);
                Ok(oldest_first.into_iter().rev().take(excess).collect())
            }
            _ => limit.make_room(&members, id, change.now()),
        }
    }

    /// What a refusal is called.
    fn refuse(&self, change: &Change, current: Option<&Record>, refused: Applied) -> Applied {
        match (self.sin, refused, current) {
            (Sin::SaysMissingForSuperseded, Applied::Superseded, _) => Applied::Missing,
            (Sin::RefusesInAnotherOrder, Applied::Superseded, Some(current)) => {
                let mut of_this_epoch = change.clone();
                match &mut of_this_epoch {
                    Change::Create(_) => {}
                    Change::Save(save) => save.login_epoch = current.header.login_epoch(),
                    Change::Rewrite(rewrite) => rewrite.login_epoch = current.header.login_epoch(),
                }
                of_this_epoch.refusal(Some(current)).unwrap_or(refused)
            }
            _ => refused,
        }
    }

    fn index_of(&self, state: &State, user: &UserId) -> Members {
        let mut members = state.members(user);
        match self.sin {
            Sin::ForgetsTheIndex => members.clear(),
            Sin::KeepsWhoLoggedOut => members = state.select(|header| header.login_epoch() > 0),
            Sin::KeepsTheDeletedIndexed => {
                let ghost = state.ghost.iter().filter(|(_, owner)| owner == user);
                members.extend(ghost.map(|(id, _)| (*id, None)));
                members.sort_unstable_by_key(|(id, _)| *id);
            }
            Sin::LeavesWhenRefused => members.retain(|(id, _)| !state.left.contains(id)),
            Sin::IndexesByTheFirstDeadline => {
                members.retain(|(id, _)| state.indexed_until.contains_key(id));
            }
            _ => {}
        }
        members
    }
}

#[async_trait]
impl SessionStore for Naive {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.home.reach(self.sin).await?;
        let mut state = self.lock();
        if self.sin == Sin::AdoptsUnknownIds
            && !state.known.contains(id)
            && let Some(some) = state.sessions.values().next().cloned()
        {
            state.sessions.entry(*id).or_insert(some);
        }
        Ok(state.sessions.get(id).cloned())
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.home.reach(self.sin).await?;
        let mut current = self.lock().sessions.get(id).cloned();
        if self.sin == Sin::ChecksAndWritesInTwoSteps {
            tokio::task::yield_now().await;
        }
        let mut state = self.lock();
        if self.sin != Sin::ChecksAndWritesInTwoSteps {
            current = state.sessions.get(id).cloned();
        }
        let change = self.corrupted(change, current.as_ref());
        if let (Sin::WritesHalf, Some(record)) = (self.sin, &mut current) {
            let edit = match &change {
                Change::Create(create) => Edit { set: create.fields.clone(), remove: Vec::new() },
                Change::Save(Save { edit, .. }) | Change::Rewrite(Rewrite { edit, .. }) => {
                    edit.clone()
                }
            };
            record.fields = record.fields.with(&edit);
            state.sessions.insert(*id, record.clone());
        }
        let is_create = matches!(change, Change::Create(_));
        let is_over = current.as_ref().is_some_and(|it| !it.header.is_live(change.now()));
        if is_create && self.sin == Sin::CreatesOverExisting
            || is_create && self.sin == Sin::CreatesOverExpired && is_over
        {
            current = None;
        }
        if let Some(answer) = self.meddle(&mut state, id, &change, current.as_ref()) {
            return Ok(answer);
        }
        let mut next = match change.evaluate(current.as_ref()) {
            Ok(next) => next,
            Err(refused) => return Ok(self.refuse(&change, current.as_ref(), refused)),
        };
        let evicted = match self.make_room(&state, id, &change) {
            Ok(evicted) => evicted,
            Err(full) => return Ok(full),
        };
        if let Change::Save(Save { edit, .. }) | Change::Rewrite(Rewrite { edit, .. }) = &change {
            let Edit { set, remove } = edit.clone();
            match self.sin {
                Sin::DropsUnknownKeys => next.fields = Fields::from_iter(set),
                Sin::RemovesWhatItSets => {
                    next.fields = next.fields.with(&Edit { set: Vec::new(), remove });
                }
                _ => {}
            }
        }
        if let Some(keep_for) = change.keep_for() {
            let until = Instant::now().checked_add(keep_for);
            let first = state.expiry.entry(*id).or_insert(until);
            if self.sin != Sin::SetsItsExpiryOnce {
                *first = until;
            }
        }
        for id in evicted {
            state.sessions.remove(&id);
        }
        state.sessions.insert(*id, next);
        state.known.insert(*id);
        Ok(Applied::Applied)
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        let mut state = self.lock();
        let Some(record) = state.sessions.get(id) else { return Ok(Deleted::Missing) };
        if !only.permits(&record.header) && self.sin != Sin::IgnoresOwned {
            return Ok(match self.sin {
                Sin::SaysMissingForAnothers => Deleted::Missing,
                _ => Deleted::Superseded,
            });
        }
        if let (Sin::KeepsTheDeletedIndexed, Some(user)) = (self.sin, record.header.user()) {
            state.ghost = Some((*id, user.clone()));
        }
        if self.sin != Sin::PretendsToDelete {
            state.sessions.remove(id);
        }
        Ok(Deleted::Yes)
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        let state = self.lock();
        let mut sessions = self.index_of(&state, user);
        let mut handed_out = 0;
        if let Some(cursor) = &page.after {
            if self.sin == Sin::PagesByCounting {
                handed_out = String::from_utf8_lossy(cursor.as_bytes()).parse().unwrap_or_default();
                sessions.drain(..sessions.len().min(handed_out));
            } else {
                sessions.retain(|(id, _)| id.as_bytes()[..] > *cursor.as_bytes());
            }
        }
        if sessions.len() <= page.at_most || self.sin == Sin::IgnoresThePagesSize {
            return Ok(Found { sessions, next: None });
        }
        sessions.truncate(page.at_most);
        let next = match (self.sin, sessions.last()) {
            (Sin::ForgetsTheOtherPages, _) | (_, None) => None,
            (Sin::PagesByCounting, _) => {
                Some(Cursor::new((handed_out + sessions.len()).to_string()))
            }
            (_, Some((last, _))) => Some(Cursor::new(*last.as_bytes())),
        };
        Ok(Found { sessions, next })
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        let state = self.lock();
        let ids = &ids
            [..if self.sin == Sin::AnswersForAHundred { ids.len().min(100) } else { ids.len() }];
        let header = |id: &SessionId| Some(state.sessions.get(id)?.header.clone());
        let headers = ids.iter().map(|id| (*id, header(id)));
        Ok(headers.filter(|(_, it)| it.is_some() || self.sin == Sin::InventsTheMissing).collect())
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        let mut state = self.lock();
        let is_chosen =
            |header: &Header| self.sin != Sin::ClearsUsersOnly || header.user().is_some();
        let chosen = state.select(is_chosen);
        for (id, _) in chosen.iter().take(at_most) {
            state.sessions.remove(id);
        }
        let is_done = chosen.len() <= at_most || self.sin == Sin::ClearStopsEarly;
        Ok(if is_done { More::No } else { More::Yes })
    }
}
