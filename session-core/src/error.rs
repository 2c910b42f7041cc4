//! The one error type of the library.

use std::error::Error as StdError;
use std::fmt;

/// The result of every fallible operation of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
///
/// ```
/// use typed_sessions::{Error, ErrorKind};
///
/// fn status(error: &Error) -> u16 {
///     match error.kind() {
///         ErrorKind::Gone => 401,
///         ErrorKind::Conflict => 409,
///         ErrorKind::Unavailable => 503,
///         _ => 500,
///     }
/// }
///
/// assert_eq!(status(&Error::unavailable("connection refused")), 503);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The session has ended: destroyed, revoked, evicted or expired. Nothing was written.
    Gone,
    /// The session lives, but since this handle was opened its user logged in or out, or its secret
    /// was replaced without grace: this handle may not do that any more. Nothing was written. Open
    /// the session again with the client's present token; answer 409 to a request that was late.
    Superseded,
    /// Other writers kept changing the same fields until the bounded retries ran out. Nothing was
    /// written; try again.
    Conflict,
    /// The store could not be reached in time. What was sent may or may not have been written; try
    /// again later.
    Unavailable,
    /// The user has as many sessions as `max_sessions_per_user` allows and the policy is
    /// `Overflow::Refuse`.
    LimitReached,
    /// What is stored under a key is not what the struct expects. Nothing was overwritten.
    Decode,
    /// A field's value cannot be stored as JSON such that it reads back. Nothing was sent.
    Encode,
    /// A value or the whole session is larger than configured. Nothing was sent.
    TooLarge,
    /// The call is not possible as it stands (a user field changed without login, a reserved key,
    /// ...).
    Invalid,
    /// The configuration contradicts itself; the message names both values.
    Config,
    /// The store answered with an error that trying again will not cure (no permission, no table,
    /// no memory, ...).
    Store,
}

/// An error of this library: opaque, with a [`kind`](Error::kind) to act on and a message for
/// people.
///
/// Neither the message nor the chain of [`source`](StdError::source)s contains a token, a secret or
/// the value of a field. Session ids and keys may appear.
///
/// ```
/// use typed_sessions::{Error, ErrorKind};
///
/// let error = Error::unavailable("connection refused");
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert!(error.is_transient());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// For stores: the backend could not be reached, or did not answer in time.
    ///
    /// ```
    /// # use std::io;
    /// # use typed_sessions::{Error, ErrorKind};
    /// let error = Error::unavailable(io::Error::from(io::ErrorKind::ConnectionRefused));
    /// assert_eq!(error.kind(), ErrorKind::Unavailable);
    /// assert!(std::error::Error::source(&error).is_some());
    /// ```
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::from_store(
            ErrorKind::Unavailable,
            "the session store is unavailable; try again",
            source.into(),
        )
    }

    /// For stores: the backend refused, and would refuse again.
    ///
    /// ```
    /// # use typed_sessions::{Error, ErrorKind};
    /// let error = Error::store("permission denied");
    /// assert_eq!(error.kind(), ErrorKind::Store);
    /// assert!(!error.is_transient());
    /// ```
    pub fn store(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::from_store(ErrorKind::Store, "the session store refused the operation", source.into())
    }

    /// For stores: a record is larger than they keep. The message says what to change.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooLarge, message)
    }

    /// For stores: what they are told to do is not possible. The message says what to change and
    /// quotes no password.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// For stores: what is kept under `key` of a session is not what this library writes.
    ///
    /// `reason` must not quote the stored text.
    ///
    /// ```
    /// # use typed_sessions::{Error, ErrorKind};
    /// let error = Error::corrupt("$header", "it is empty");
    /// assert_eq!(error.kind(), ErrorKind::Decode);
    /// assert_eq!(error.to_string(), "the stored key `$header` cannot be read: it is empty");
    /// ```
    pub fn corrupt(key: &str, reason: &str) -> Self {
        Self::new(ErrorKind::Decode, format!("the stored key `{key}` cannot be read: {reason}"))
    }

    fn from_store(kind: ErrorKind, message: &str, source: Box<dyn StdError + Send + Sync>) -> Self {
        Self(Box::new(Inner { kind, message: message.to_owned(), source: Some(source) }))
    }

    pub(crate) fn gone() -> Self {
        let message = "the session has ended since it was opened; start or open another one";
        Self::new(ErrorKind::Gone, message)
    }

    pub(crate) fn unreadable_header() -> Self {
        Self::corrupt("$header", "this version cannot read it")
    }

    pub(crate) fn superseded() -> Self {
        let message = "since this handle was opened the session's user logged in or out, or its \
                       secret was replaced; open it again with the client's present token";
        Self::new(ErrorKind::Superseded, message)
    }

    /// What went wrong, as far as a caller can act on it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Conflict)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
