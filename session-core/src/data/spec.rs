//! What the derive tells the core about one stored field.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::time::Timestamp;

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
        let (role, on_garbage) = (Role::Plain, OnGarbage::Fail);
        Self { key, aliases: &[], ttl: None, role, on_garbage }
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

    /// Its key, then the older ones.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.key).chain(self.aliases.iter().copied())
    }

    /// When a value that has a ttl expires at the latest, if no wrong clock has written it.
    pub(crate) fn latest(&self, now: Timestamp) -> Option<Timestamp> {
        self.ttl.map(|ttl| now.after(ttl.saturating_mul(2)))
    }

    /// A value that does not decode is an error, unless the field is `#[session(or_default)]`.
    pub(crate) fn recover<T>(&self, error: Error, absent: fn() -> T) -> Result<T> {
        match self.on_garbage {
            OnGarbage::Fail => Err(error),
            OnGarbage::UseDefault => {
                crate::event::unreadable_value(self.key, &error);
                Ok(absent())
            }
        }
    }
}
