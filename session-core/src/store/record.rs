//! What a store keeps of a session: a header and fields.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::fields::Fields;
use super::user_id::{LoginInfo, UserId};
use crate::device::Device;
use crate::time::Timestamp;
use crate::token::{Lineage, Secret, SecretHash, Seed};

/// One session as a store keeps it. Cloning copies the header and shares the fields.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// use typed_sessions::SessionStore;
/// use typed_sessions::store::Text;
///
/// let store = MemoryStore::new();
/// let mut session = Sessions::<Shop>::new(store.clone()).start();
/// session.save().await?;
/// let record = store.load(&session.id()).await?.expect("it was saved");
/// assert_eq!(record.fields.get("visits").map(Text::as_str), Some("0"));
/// assert_eq!(record.header.user(), None);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The session's lifecycle.
    pub header: Header,
    /// Its data.
    pub fields: Fields,
}

impl Record {
    /// A record of these parts.
    pub fn new(header: Header, fields: Fields) -> Self {
        Self { header, fields }
    }
}

/// The lifecycle of a session: who may open it and until when.
///
/// A store keeps it as [`to_text`](Header::to_text), and beside that text, in a form of its own,
/// what its guards compare: user, login epoch, revision and deadline. Only the core makes and
/// changes headers, and every change adds one to the [`revision`](Header::revision).
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// # use typed_sessions::SessionStore;
/// # let store = MemoryStore::new();
/// # let mut session = Sessions::<Shop>::new(store.clone()).start();
/// # session.save().await?;
/// let header = store.load(&session.id()).await?.expect("it was saved").header;
/// assert_eq!(header.deadline(), header.last_seen().after(minutes(30)));
/// assert!(header.is_live(header.last_seen()) && !header.is_live(header.deadline()));
///
/// session.touch().await?;
/// let touched = store.load(&session.id()).await?.expect("it lives").header;
/// assert_eq!(touched.revision(), header.revision() + 1);
/// # Ok(()) });
/// ```
#[derive(Clone)]
pub struct Header {
    pub(crate) revision: u64,
    pub(crate) login_epoch: u64,
    pub(crate) created: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) absolute_deadline: Timestamp,
    /// When the absolute timeout began to count: at creation, login, proof or logout.
    pub(crate) period_start: Timestamp,
    /// Set by a login that chose its own idle timeout; otherwise the configured one holds.
    pub(crate) idle_timeout: Option<Duration>,
    /// Set by a login that chose its own absolute timeout.
    pub(crate) absolute_timeout: Option<Duration>,
    pub(crate) persistence: Persistence,
    /// Marks the secrets of this login; new with each login and logout.
    pub(crate) lineage: Lineage,
    pub(crate) secret: CurrentSecret,
    pub(crate) previous: Option<PreviousSecret>,
    /// When a secret last took another's place without grace.
    pub(crate) replaced: Option<Timestamp>,
    pub(crate) login: Option<Arc<LoginInfo>>,
}

/// Whether the client is to keep its token when it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Until the browser is closed.
    Volatile,
    /// "Remember me".
    Remembered,
}

/// The secret that opens the session now.
#[derive(Clone)]
pub(crate) struct CurrentSecret {
    pub(crate) hash: SecretHash,
    pub(crate) since: Timestamp,
    /// Derives the successor.
    pub(crate) seed: Seed,
}

impl CurrentSecret {
    pub(crate) fn new(secret: &Secret, now: Timestamp) -> Self {
        Self { hash: secret.hash(), since: now, seed: Seed::random() }
    }
}

/// The secret before the current one, for as long as it may still be presented.
#[derive(Clone)]
pub(crate) struct PreviousSecret {
    pub(crate) hash: SecretHash,
    /// Derived the current secret.
    pub(crate) seed: Seed,
    pub(crate) renewed: Timestamp,
    pub(crate) successor: SuccessorState,
}

/// Whether the client has shown that it received the current secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuccessorState {
    Unseen,
    /// It has, first at this instant.
    Presented(Timestamp),
}

impl Header {
    /// Counts the changes of the header.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Counts the logins and logouts. A handle of an earlier epoch must not write.
    pub fn login_epoch(&self) -> u64 {
        self.login_epoch
    }

    /// When the session was first stored.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it was last touched: at most `touch_every` before the last request.
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// From this instant on the session is over: the earlier of idle and absolute timeout.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// The latest that the [`deadline`](Header::deadline) can ever become without another login.
    pub fn absolute_deadline(&self) -> Timestamp {
        self.absolute_deadline
    }

    /// Who is logged in.
    pub fn user(&self) -> Option<&UserId> {
        self.login.as_ref().map(|login| &login.user)
    }

    /// Where they logged in.
    pub fn device(&self) -> Option<&Device> {
        self.login.as_ref()?.device.as_ref()
    }

    /// Whether the session has not yet ended at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.deadline
    }
}

impl fmt::Debug for Header {
    /// Leaves the secrets' hashes out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("revision", &self.revision)
            .field("login_epoch", &self.login_epoch)
            .field("created", &self.created)
            .field("last_seen", &self.last_seen)
            .field("deadline", &self.deadline)
            .field("absolute_deadline", &self.absolute_deadline)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}
