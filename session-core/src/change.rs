//! What the core asks a store to write, and under which conditions.

use std::time::Duration;

use crate::fields::{Key, Text};
use crate::record::{Header, Record};
use crate::time::Timestamp;
use crate::token::SessionId;
use crate::user::UserId;

/// One conditional write to one session, to be carried out as one atomic step.
///
/// A store that holds a lock on the record can leave all conditions to [`Change::evaluate`]; one that cannot (a script, a
/// statement) carries them out in its own language, in the same order.
///
/// ```
/// # use typed_sessions::{MemoryStore, SessionData, Sessions};
/// # #[derive(SessionData)] struct Shop { visits: u32 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
/// use typed_sessions::{Applied, Change, Expected, Key, SessionStore, Text};
///
/// let store = MemoryStore::new();
/// let mut session = Sessions::<Shop>::new(store.clone()).start();
/// session.save().await?;
/// let record = store.load(&session.id()).await?.expect("it was saved");
///
/// let mut change = Change::update(record.header.last_seen(), Expected::default());
/// change.set = vec![(Key::new("visits"), Text::from_stored("5"))];
/// assert_eq!(store.apply(&session.id(), &change).await?, Applied::Applied);
/// session.reload().await?;
/// assert_eq!(session.visits, 5);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// The instant of the decision. A record whose deadline is not later counts as missing.
    pub now: Timestamp,
    /// What must hold for the change to be written.
    pub guard: Guard,
    /// The new header, if it changes.
    pub header: Option<Header>,
    /// Fields to write.
    pub set: Vec<(Key, Text)>,
    /// Fields to remove; some may not be there.
    pub remove: Vec<Key>,
    /// What happens to the index of users' sessions. Comes only with a header.
    pub index: Option<IndexChange>,
}

/// What must hold for a [`Change`] to be written.
#[derive(Clone, Debug)]
pub enum Guard {
    /// There is no record under the id, live or not; otherwise [`Applied::Conflict`].
    Absent,
    /// There is a live record that meets all of these conditions.
    Present(Expected),
}

/// Conditions on a live record.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Expected {
    /// The login epoch, otherwise [`Applied::Missing`]: for a writer of another epoch the session is gone.
    pub login_epoch: Option<u64>,
    /// The header's revision, otherwise [`Applied::Conflict`].
    pub revision: Option<u64>,
    /// What is stored under keys, byte for byte (`None`: nothing), otherwise [`Applied::Conflict`].
    pub fields: Vec<(Key, Option<Text>)>,
}

/// What became of a [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of it was written.
    Applied,
    /// Nothing was written: no live record, or one of another login epoch.
    Missing,
    /// Nothing was written: a revision or a field is not as expected, or a record is there that should not be.
    Conflict,
    /// Nothing was written: the user has as many sessions as the limit allows.
    Full,
}

/// What happens to the index of users' sessions when a change is written.
///
/// A store writes a user's entry before the record and removes one after it, so that the index is never short of a live
/// session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IndexChange {
    /// The session no longer belongs to this user.
    pub leave: Option<UserId>,
    /// The session belongs to this user from now on, until the header's absolute deadline. It may have done so before: by
    /// another login, or with an earlier absolute deadline.
    pub join: Option<Join>,
}

impl IndexChange {
    pub(crate) fn new(leave: Option<UserId>, join: Option<Join>) -> Self {
        Self { leave, join }
    }
}

/// A session becomes a user's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Join {
    /// The user.
    pub user: UserId,
    /// How many live sessions the user may have with this one. `None`: no limit, or the session has its place already.
    pub limit: Option<Limit>,
}

impl Join {
    pub(crate) fn new(user: UserId, limit: Option<Limit>) -> Self {
        Self { user, limit }
    }
}

/// How many live sessions one user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// At least 1.
    pub sessions: usize,
    /// What a login above it does.
    pub overflow: Overflow,
}

impl Limit {
    /// A limit, for tests of stores; logins bring the configured one.
    pub fn new(sessions: usize, overflow: Overflow) -> Self {
        Self { sessions, overflow }
    }

    /// Which of a user's sessions must end so that `joining` can be one of them; `Err(Applied::Full)` when none may.
    ///
    /// `members` is what the index knows: records that have ended, and `joining` itself, do not count. The least recently
    /// used go first. A store calls this in the same atomic step as the write.
    ///
    /// ```
    /// use typed_sessions::{Applied, Clock, Limit, ManualClock, Overflow, SessionId};
    ///
    /// let (members, joining) = (Vec::new(), SessionId::from_bytes([7; 16]));
    /// let room = Limit::new(1, Overflow::Refuse).make_room(&members, &joining, ManualClock::default().now());
    /// assert_eq!(room, Ok(Vec::new()), "nobody is in: nobody has to go");
    /// ```
    pub fn make_room(
        &self,
        members: &[(SessionId, Record)],
        joining: &SessionId,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, Applied> {
        let mut others: Vec<_> = members
            .iter()
            .filter(|(id, record)| id != joining && record.header.is_live(now))
            .map(|(id, record)| (record.header.last_seen(), *id))
            .collect();
        let excess = (others.len() + 1).saturating_sub(self.sessions);
        match self.overflow {
            Overflow::Refuse if excess > 0 => Err(Applied::Full),
            Overflow::Refuse => Ok(Vec::new()),
            Overflow::EvictOldest => {
                others.sort_unstable();
                Ok(others.into_iter().take(excess).map(|(_, id)| id).collect())
            }
        }
    }
}

/// What a login does when the user already has as many sessions as `max_sessions_per_user` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The least recently used sessions end.
    EvictOldest,
    /// The login fails with `ErrorKind::LimitReached`.
    Refuse,
}

impl Change {
    /// A change that creates a record with this header and, so far, no fields.
    ///
    /// ```
    /// # use typed_sessions::{Applied, Change, MemoryStore, SessionData, SessionStore, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let create = Change::create(record.header.created(), record.header.clone());
    /// assert!(create.evaluate(None).is_ok());
    /// assert_eq!(create.evaluate(Some(&record)).unwrap_err(), Applied::Conflict);
    /// # Ok(()) }
    /// ```
    pub fn create(now: Timestamp, header: Header) -> Self {
        Self {
            now,
            guard: Guard::Absent,
            header: Some(header),
            set: Vec::new(),
            remove: Vec::new(),
            index: None,
        }
    }

    /// A change to a live record that meets these conditions; so far it writes nothing.
    ///
    /// ```
    /// # use typed_sessions::{Applied, Change, Expected, MemoryStore, SessionData, SessionStore, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let mut expected = Expected::default();
    /// expected.revision = Some(record.header.revision() + 1);
    /// let update = Change::update(record.header.created(), expected);
    /// assert_eq!(update.evaluate(Some(&record)).unwrap_err(), Applied::Conflict);
    /// assert_eq!(update.evaluate(None).unwrap_err(), Applied::Missing);
    /// # Ok(()) }
    /// ```
    pub fn update(now: Timestamp, expected: Expected) -> Self {
        let guard = Guard::Present(expected);
        Self { now, guard, header: None, set: Vec::new(), remove: Vec::new(), index: None }
    }

    /// How long the record must be kept from now on: until its deadline, and a whole millisecond at least. `None` when
    /// the change leaves the header, and so the deadline, as it is.
    ///
    /// For a store's own expiry. It is a duration since [`Change::now`] may come from a fake clock.
    ///
    /// ```
    /// # use typed_sessions::{Change, Expected, MemoryStore, SessionData, SessionStore, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let now = record.header.last_seen();
    /// let mut change = Change::update(now, Expected::default());
    /// assert_eq!(change.keep_for(), None);  // the store's expiry stays as it is
    /// change.header = Some(record.header.clone());
    /// assert_eq!(change.keep_for(), Some(minutes(30)));
    /// # Ok(()) }
    /// ```
    pub fn keep_for(&self) -> Option<Duration> {
        let header = self.header.as_ref()?;
        Some(header.deadline().since(self.now).max(Duration::from_millis(1)))
    }

    /// The record after this change, or why it must not be written.
    ///
    /// Pure: the caller holds a lock on the record from reading `current` until the answer is written.
    ///
    /// ```
    /// # use typed_sessions::{Applied, Change, Expected, Key, MemoryStore, SessionData, SessionStore, Sessions, Text};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let mut change = Change::update(record.header.last_seen(), Expected::default());
    /// change.set = vec![(Key::new("visits"), Text::from_stored("5"))];
    /// match change.evaluate(Some(&record)) {
    ///     Ok(next) => assert_eq!(next.fields.get("visits"), Some(&Text::from_stored("5"))),
    ///     Err(refused) => panic!("{refused:?}"),  // a store returns `Ok(refused)`
    /// }
    ///
    /// change.now = record.header.deadline();  // too late
    /// assert_eq!(change.evaluate(Some(&record)).unwrap_err(), Applied::Missing);
    /// # Ok(()) }
    /// ```
    pub fn evaluate(&self, current: Option<&Record>) -> Result<Record, Applied> {
        let base = match (&self.guard, current) {
            (Guard::Absent, None) => None,
            (Guard::Absent, Some(_)) => return Err(Applied::Conflict),
            (Guard::Present(expected), Some(record)) if record.header.is_live(self.now) => {
                expected.check(record)?;
                Some(record)
            }
            (Guard::Present(_), _) => return Err(Applied::Missing),
        };
        let header =
            self.header.as_ref().or(base.map(|record| &record.header)).ok_or(Applied::Missing)?;
        let fields = base.map(|record| record.fields.clone()).unwrap_or_default();
        Ok(Record::new(header.clone(), fields.with(&self.set, &self.remove)))
    }
}

impl Expected {
    fn check(&self, record: &Record) -> Result<(), Applied> {
        let differs = |expected: Option<u64>, actual: u64| {
            expected.is_some_and(|expected| expected != actual)
        };
        if differs(self.login_epoch, record.header.login_epoch()) {
            return Err(Applied::Missing);
        }
        let changed =
            |(key, text): &(Key, Option<Text>)| record.fields.get(key.as_str()) != text.as_ref();
        if differs(self.revision, record.header.revision()) || self.fields.iter().any(changed) {
            return Err(Applied::Conflict);
        }
        Ok(())
    }
}
