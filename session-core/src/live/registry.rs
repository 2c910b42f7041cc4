//! Who is connected where, in the words of a bus.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::store::UserId;
use crate::time::Timestamp;
use crate::token::{SessionId, from_base64, random, to_base64};

macro_rules! random_id {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// One that no other has.
            pub fn random() -> Self {
                Self(random())
            }

            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&to_base64(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads what `Display` wrote; anything else is [`ErrorKind::Invalid`].
            fn from_str(text: &str) -> Result<Self> {
                let message = concat!("not ", $what, ": expected 22 characters of base64url");
                from_base64(text).map(Self).ok_or_else(|| Error::new(ErrorKind::Invalid, message))
            }
        }
    };
}

random_id! {
    /// One life of a server: random, so that a restart under the same name is another one.
    ///
    /// ```
    /// use typed_sessions::bus::{Incarnation, Server};
    ///
    /// let (before, after) = (Server::new("web-1")?, Server::new("web-1")?);
    /// assert_ne!(before.incarnation(), after.incarnation());
    /// let text = after.incarnation().to_string();
    /// assert_eq!(text.parse::<Incarnation>()?, after.incarnation());
    /// # Ok::<_, typed_sessions::Error>(())
    /// ```
    Incarnation, "the incarnation of a server"
}

random_id! {
    /// One connection, among those of all servers. Random, no credential.
    ///
    /// ```
    /// use typed_sessions::bus::ConnectionId;
    ///
    /// let id: ConnectionId = "AAECAwQFBgcICQoLDA0ODw".parse()?;
    /// assert_eq!(id.to_string(), "AAECAwQFBgcICQoLDA0ODw");
    /// # Ok::<_, typed_sessions::Error>(())
    /// ```
    ConnectionId, "a connection's id"
}

/// A server process, in one life of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    name: String,
    incarnation: Incarnation,
}

impl Server {
    /// The longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 255;

    /// A server that begins now; `ErrorKind::Invalid` when the name is empty or longer than
    /// [`Server::MAX_NAME_BYTES`].
    pub fn new(name: impl Into<String>) -> Result<Self> {
        Self::known(name, Incarnation::random())
    }

    /// A server of which a bus has read; errors as [`Server::new`].
    pub fn known(name: impl Into<String>, incarnation: Incarnation) -> Result<Self> {
        let name = name.into();
        match name.len() {
            0 => Err(Error::new(
                ErrorKind::Invalid,
                "a server's name must not be empty: name its address, `10.0.0.5:2051`",
            )),
            1..=Self::MAX_NAME_BYTES => Ok(Self { name, incarnation }),
            bytes => {
                let max = Self::MAX_NAME_BYTES;
                let message =
                    format!("a server's name of {bytes} bytes is longer than {max}; shorten it");
                Err(Error::new(ErrorKind::Invalid, message))
            }
        }
    }

    /// Its name, as [`Sessions::hub`](crate::Sessions::hub) was given it. Not unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which life of it.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }
}

/// A connection as a bus lists it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionEntry {
    /// Which connection.
    pub connection: ConnectionId,
    /// The session that it follows.
    pub session: SessionId,
    /// The session's user, who cannot change while it is connected.
    pub user: Option<UserId>,
    /// When it was made, by the clock of the sessions.
    pub since: Timestamp,
}

/// What a server tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// For how long it is known from now on if it is not heard of again. Zero: it goes, and all its
    /// connections with it.
    pub lease: Duration,
    /// New connections. Perhaps some that are listed already.
    pub joined: Vec<ConnectionEntry>,
    /// Connections that have ended. Perhaps some that are not listed.
    pub left: Vec<ConnectionEntry>,
}

impl Beat {
    /// How many connections, joined and left together, come with one beat at most.
    pub const MAX_ENTRIES: usize = 500;

    /// A beat that only prolongs the lease.
    pub fn new(lease: Duration) -> Self {
        Self { lease, joined: Vec::new(), left: Vec::new() }
    }
}

/// What a bus knew of a server when its heartbeat came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// Its lease was holding.
    Known,
    /// Nothing: it is new, its lease had run out, or the bus has lost its memory. Now it is known,
    /// with the connections that joined in this beat and no others.
    Unknown,
}

/// Whose connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of all sessions of a user.
    User(UserId),
    /// Of one session.
    Session(SessionId),
}

impl Whose {
    /// Whether this connection is one of them.
    pub fn has(&self, entry: &ConnectionEntry) -> bool {
        match self {
            Self::User(user) => entry.user.as_ref() == Some(user),
            Self::Session(session) => entry.session == *session,
        }
    }
}
