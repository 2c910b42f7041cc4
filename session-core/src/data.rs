//! What `#[derive(SessionData)]` implements: a struct as a set of session keys.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::stored::Stored;

/// A struct whose fields are session keys. Derive it; do not implement it by hand.
///
/// ```
/// use typed_sessions::{MemoryStore, SessionData, Sessions};
///
/// #[derive(SessionData)]
/// struct Shop {
///     cart: Vec<String>,
///     #[session(key = "lang", default = "en".to_owned())]
///     language: String,
/// }
///
/// let session = Sessions::<Shop>::new(MemoryStore::new()).start();
/// assert!(session.cart.is_empty());
/// assert_eq!(session.language, "en");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not session data",
    label = "derive `SessionData` on this struct",
    note = "add `#[derive(typed_sessions::SessionData)]` to `{Self}`"
)]
pub trait SessionData: Sized + Send + 'static {
    /// The type inside the `#[session(user)]` field; [`NoUser`] when there is none.
    type User: SessionUser;

    /// The stored fields, in the order of the struct.
    #[doc(hidden)]
    const FIELDS: &'static [FieldSpec];

    /// The struct of a new session: every field has its default.
    #[doc(hidden)]
    fn initial() -> Self;

    /// Reads every field; what is absent gets its default.
    #[doc(hidden)]
    fn read(stored: &Stored<'_>) -> Result<Self>;

    /// Reads one field into `self`.
    #[doc(hidden)]
    fn read_field(&mut self, index: usize, stored: &Stored<'_>) -> Result<()>;

    /// One field as JSON text; `None` when its key is to be absent.
    #[doc(hidden)]
    fn write_field(&self, index: usize) -> Result<Option<String>>;

    /// Takes over the stored fields of another struct; fields marked `skip` stay.
    #[doc(hidden)]
    fn absorb(&mut self, fresh: Self);

    /// The logged-in user.
    #[doc(hidden)]
    fn user(&self) -> Option<&Self::User> {
        None
    }

    /// Puts the user into its field.
    #[doc(hidden)]
    fn set_user(&mut self, user: Option<Self::User>) {
        let _ = user;
    }
}

/// Who can be logged in: the type inside the `#[session(user)] member: Option<Member>` field.
///
/// The id ties a user's sessions together. Two users must never display as the same id.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use typed_sessions::SessionUser;
///
/// #[derive(Serialize, Deserialize)]
/// struct Member { id: u64, name: String }
///
/// impl SessionUser for Member {
///     type Id = u64;
///     fn id(&self) -> u64 { self.id }
/// }
///
/// let ada = Member { id: 7, name: "Ada".into() };
/// assert_eq!(ada.id(), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be logged in: it is not a `SessionUser`",
    label = "implement `SessionUser` for this type",
    note = "`impl SessionUser for {Self} {{ type Id = u64; fn id(&self) -> u64 {{ self.id }} }}`"
)]
pub trait SessionUser: Serialize + DeserializeOwned + Send + 'static {
    /// The user's id: `u64`, `Uuid`, `String`, ...
    type Id: Display + FromStr;

    /// Whose session it is.
    fn id(&self) -> Self::Id;
}

/// The user type of a struct that has no `#[session(user)]` field. It has no value, so such a session cannot log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum NoUser {}

impl SessionUser for NoUser {
    type Id = String;

    fn id(&self) -> String {
        match *self {}
    }
}

/// What the derive tells the core about one stored field.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    pub(crate) key: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) ttl: Option<Duration>,
    pub(crate) role: Role,
    pub(crate) on_garbage: OnGarbage,
}

/// When a field ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It stays until the session ends.
    Plain,
    /// It holds the user: set by login, cleared by logout.
    User,
    /// Logout clears it.
    UntilLogout,
}

/// What a value that does not decode turns into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnGarbage {
    /// An error that names the key.
    Fail,
    /// The default, with a warning.
    UseDefault,
}

impl FieldSpec {
    /// A field stored under `key`.
    pub const fn new(key: &'static str) -> Self {
        Self { key, aliases: &[], ttl: None, role: Role::Plain, on_garbage: OnGarbage::Fail }
    }

    /// Older keys that are still read.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// How long a written value lasts.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The field that login writes.
    #[must_use]
    pub const fn user(mut self) -> Self {
        self.role = Role::User;
        self
    }

    /// Logout clears the field.
    #[must_use]
    pub const fn until_logout(mut self) -> Self {
        self.role = Role::UntilLogout;
        self
    }

    /// A value that does not decode becomes the default.
    #[must_use]
    pub const fn or_default(mut self) -> Self {
        self.on_garbage = OnGarbage::UseDefault;
        self
    }
}
