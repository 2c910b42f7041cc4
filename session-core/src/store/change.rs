//! What the core asks a store to write, and under which conditions.

use std::time::Duration;

use super::applied::Applied;
use super::fields::{Edit, Key, Text};
use super::limit::Limit;
use super::record::{Header, Record};
use super::user_id::UserId;
use crate::time::Timestamp;

/// One conditional write to one session, to be carried out as one atomic step.
///
/// Exhaustive on purpose: a store matches it without a wildcard, so that one which overlooks a new
/// kind of write or a new condition does not compile.
///
/// # Two ways to carry it out
///
/// A store that can hold a lock on the record leaves all conditions to [`Change::evaluate`]. A
/// store whose database only says "condition failed" (a conditional `UPDATE` that met no row, a
/// `ConditionalCheckFailed`) puts the conditions into its statement; when nothing was written it
/// loads the record and asks [`Change::refusal`] why. If by then nothing refuses the change any
/// more, it applies it again, three times at most; after that the answer is [`Applied::Conflict`]
/// for a change [with conditions](Change::has_conditions) and an error of kind `Unavailable` for
/// one without.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// use typed_sessions::SessionStore;
/// use typed_sessions::store::{Applied, Change, Key, Save, Text};
///
/// let store = MemoryStore::new();
/// let mut session = Sessions::<Shop>::new(store.clone()).start();
/// session.save().await?;
/// let record = store.load(&session.id()).await?.expect("it was saved");
///
/// let mut save = Save::of(&record.header, record.header.last_seen());
/// save.edit.set.push((Key::new("visits"), Text::from_stored("5")));
/// assert_eq!(store.apply(&session.id(), &Change::Save(save)).await?, Applied::Applied);
/// session.reload().await?;
/// assert_eq!(session.visits, 5);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug)]
pub enum Change {
    /// A session comes into being.
    Create(Create),
    /// Fields change; the header stays as it is.
    Save(Save),
    /// The header changes, and perhaps fields with it.
    Rewrite(Rewrite),
}

/// A session comes into being, if there is no record under its id, live or not.
#[derive(Clone, Debug)]
pub struct Create {
    /// The instant of the decision.
    pub now: Timestamp,
    /// Its header. A user in it logs in: the session becomes one of theirs.
    pub header: Header,
    /// Its fields.
    pub fields: Vec<(Key, Text)>,
    /// How many sessions that user may have with this one.
    pub limit: Option<Limit>,
}

/// Fields of a live session change.
#[derive(Clone, Debug)]
pub struct Save {
    /// The instant of the decision. A record whose deadline is not later is missing.
    pub now: Timestamp,
    /// The login epoch that the header must have.
    pub login_epoch: u64,
    /// What must be stored under keys, byte for byte; `None`: nothing.
    pub expected: Vec<(Key, Option<Text>)>,
    /// What is written.
    pub edit: Edit,
}

/// The header of a live session changes.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// The instant of the decision. A record whose deadline is not later is missing.
    pub now: Timestamp,
    /// The login epoch that the header must have had.
    pub login_epoch: u64,
    /// The revision that the header must have had.
    pub revision: u64,
    /// The next header.
    pub header: Header,
    /// What is written beside it.
    pub edit: Edit,
    /// Whose session it is from now on.
    pub owner: Owner,
}

/// Whose session it is after a [`Rewrite`]: all that a store needs for its index of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The same as before, a user or nobody, and no longer than before.
    Same,
    /// The same user as before, and the absolute deadline is later.
    SameForLonger,
    /// The header's user has logged in.
    Login {
        /// Whose it was before: perhaps the same user's.
        before: Option<UserId>,
        /// How many sessions the user may have with this one.
        limit: Option<Limit>,
    },
    /// Nobody's: this user has logged out.
    Logout {
        /// Whose it was before.
        before: UserId,
    },
}

impl Create {
    /// A new session with this header, so far without fields.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # use typed_sessions::SessionStore;
    /// use typed_sessions::store::{Applied, Change, Create};
    ///
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let create = Change::Create(Create::new(record.header.clone(), record.header.created()));
    /// assert!(create.evaluate(None).is_ok());
    /// assert_eq!(create.evaluate(Some(&record)).unwrap_err(), Applied::Conflict);
    /// # Ok(()) });
    /// ```
    pub fn new(header: Header, now: Timestamp) -> Self {
        Self { now, header, fields: Vec::new(), limit: None }
    }
}

impl Save {
    /// A write to the session as it is in this header's login epoch; so far it writes nothing.
    pub fn of(header: &Header, now: Timestamp) -> Self {
        Self { now, login_epoch: header.login_epoch(), expected: Vec::new(), edit: Edit::default() }
    }
}

impl Rewrite {
    /// The step from one header to the next; `limit` is for the case that it is a login.
    ///
    /// The guards and the [`Owner`] follow from the two headers, so that they cannot contradict
    /// them.
    pub fn new(before: &Header, header: Header, limit: Option<Limit>, now: Timestamp) -> Self {
        let is_same_login = before.login_epoch() == header.login_epoch();
        let owner = match (header.user(), before.user()) {
            (Some(_), _) if is_same_login => {
                if header.absolute_deadline() > before.absolute_deadline() {
                    Owner::SameForLonger
                } else {
                    Owner::Same
                }
            }
            (Some(_), user) => Owner::Login { before: user.cloned(), limit },
            (None, Some(user)) => Owner::Logout { before: user.clone() },
            (None, None) => Owner::Same,
        };
        let (login_epoch, revision) = (before.login_epoch(), before.revision());
        Self { now, login_epoch, revision, header, edit: Edit::default(), owner }
    }
}

impl Change {
    /// The instant of the decision.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Create(Create { now, .. })
            | Self::Save(Save { now, .. })
            | Self::Rewrite(Rewrite { now, .. }) => *now,
        }
    }

    /// The header that it writes.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Create(Create { header, .. }) | Self::Rewrite(Rewrite { header, .. }) => {
                Some(header)
            }
            Self::Save(_) => None,
        }
    }

    /// For a login under a limit: whose login it is, and the limit.
    pub fn limit(&self) -> Option<(&UserId, Limit)> {
        match self {
            Self::Create(Create { header, limit: Some(limit), .. })
            | Self::Rewrite(Rewrite {
                header,
                owner: Owner::Login { limit: Some(limit), .. },
                ..
            }) => Some((header.user()?, *limit)),
            Self::Create(_) | Self::Save(_) | Self::Rewrite(_) => None,
        }
    }

    /// Whether it can be refused as a [`Applied::Conflict`].
    pub fn has_conditions(&self) -> bool {
        match self {
            Self::Create(_) | Self::Rewrite(_) => true,
            Self::Save(save) => !save.expected.is_empty(),
        }
    }

    /// For how long the store has to keep the record from now on; `None`: as long as before.
    ///
    /// A duration, since the clock behind `now` may be a fake one: a store counts it from its own
    /// present. At least a millisecond.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # use typed_sessions::SessionStore;
    /// use typed_sessions::store::{Change, Create, Save};
    ///
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let (header, now) = (&record.header, record.header.last_seen());
    /// let create = Change::Create(Create::new(header.clone(), now));
    /// assert_eq!(create.keep_for(), Some(minutes(30)));
    /// assert_eq!(Change::Save(Save::of(header, now)).keep_for(), None);
    /// # Ok(()) });
    /// ```
    pub fn keep_for(&self) -> Option<Duration> {
        let header = self.header()?;
        Some(header.deadline().since(self.now()).max(Duration::from_millis(1)))
    }

    /// The record after this change, or why it must not be written. [`Applied::Full`] is not among
    /// the reasons: it takes the user's other sessions, see [`Limit::make_room`].
    ///
    /// Pure: the caller holds a lock on the record from reading `current` until the answer is
    /// written.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # use typed_sessions::SessionStore;
    /// use typed_sessions::store::{Applied, Change, Key, Save, Text};
    ///
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// # let record = store.load(&session.id()).await?.expect("it was saved");
    /// let mut save = Save::of(&record.header, record.header.last_seen());
    /// save.edit.set.push((Key::new("visits"), Text::from_stored("5")));
    /// match Change::Save(save.clone()).evaluate(Some(&record)) {
    ///     Ok(next) => assert_eq!(next.fields.get("visits"), Some(&Text::from_stored("5"))),
    ///     Err(refused) => panic!("{refused:?}"), // a store returns `Ok(refused)`
    /// }
    ///
    /// save.now = record.header.deadline(); // too late
    /// assert_eq!(Change::Save(save).evaluate(Some(&record)).unwrap_err(), Applied::Missing);
    /// # Ok(()) });
    /// ```
    pub fn evaluate(&self, current: Option<&Record>) -> Result<Record, Applied> {
        match self {
            Self::Create(Create { header, fields, now: _, limit: _ }) => match current {
                Some(_) => Err(Applied::Conflict),
                None => Ok(Record::new(header.clone(), fields.iter().cloned().collect())),
            },
            Self::Save(Save { now, login_epoch, expected, edit }) => {
                let current = of_epoch(current, *now, *login_epoch)?;
                let changed = |(key, text): &(Key, Option<Text>)| {
                    current.fields.get(key.as_str()) != text.as_ref()
                };
                if expected.iter().any(changed) {
                    return Err(Applied::Conflict);
                }
                Ok(Record::new(current.header.clone(), current.fields.with(edit)))
            }
            Self::Rewrite(Rewrite { now, login_epoch, revision, header, edit, owner: _ }) => {
                let current = of_epoch(current, *now, *login_epoch)?;
                if current.header.revision() != *revision {
                    return Err(Applied::Conflict);
                }
                Ok(Record::new(header.clone(), current.fields.with(edit)))
            }
        }
    }

    /// Why this change must not be written, as far as the record decides; `None`: nothing refuses
    /// it. The other half of [`evaluate`](Change::evaluate), for stores that check in their own
    /// language and ask afterwards.
    pub fn refusal(&self, current: Option<&Record>) -> Option<Applied> {
        self.evaluate(current).err()
    }
}

/// The record, if it lives and is of this login epoch.
fn of_epoch(current: Option<&Record>, now: Timestamp, epoch: u64) -> Result<&Record, Applied> {
    match current {
        Some(record) if record.header.is_live(now) => {
            if record.header.login_epoch() == epoch {
                Ok(record)
            } else {
                Err(Applied::Superseded)
            }
        }
        _ => Err(Applied::Missing),
    }
}
