//! Why a connection closes, decided from the session's header.

use std::fmt;

use bytes::Bytes;

use crate::context::Looked;
use crate::policy::Policy;
use crate::time::Timestamp;
use crate::token::Lineage;

/// What a [`Connection`](crate::Connection) hears.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use typed_sessions::{Push, Reason};
///
/// /// What is written to a WebSocket.
/// fn frame(push: Push) -> Result<String, u16> {
///     match push {
///         Push::Message(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
///         Push::Closed(reason) => Err(reason.close_code()),
///     }
/// }
/// assert_eq!(frame(Push::Message("hello".into())), Ok("hello".to_owned()));
/// assert_eq!(frame(Push::Closed(Reason::SignedOut)), Err(1008));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// What somebody sent to the session, its user or everybody.
    Message(Bytes),
    /// The connection is closed, and nothing comes after this. What had been sent and not yet taken
    /// is dropped.
    Closed(Reason),
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The session's time was up: idle, or its absolute deadline.
    Expired,
    /// The session was destroyed, revoked or evicted.
    Ended,
    /// The user logged out.
    SignedOut,
    /// Somebody logged in: the same user again, or another one.
    Superseded,
    /// The connection's reader was too slow, and its buffer is full.
    Lagged,
    /// This server closes its connections: it stops, it has not reached the store for as long as
    /// [`outage_grace`](crate::HubBuilder::outage_grace) allows, or another version has written the
    /// session. The client may connect again.
    ShuttingDown,
}

impl Reason {
    /// The close code for a WebSocket (RFC 6455, 7.4): 1008 (policy violation) where the session
    /// is not what it was, so that connecting again needs another token at least; 1001 (going away)
    /// on shutdown; 1013 (try again later) for who was too slow.
    pub fn close_code(self) -> u16 {
        match self {
            Self::Expired | Self::Ended | Self::SignedOut | Self::Superseded => 1008,
            Self::ShuttingDown => 1001,
            Self::Lagged => 1013,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Expired => "the session has expired",
            Self::Ended => "the session has ended",
            Self::SignedOut => "signed out",
            Self::Superseded => "somebody logged in",
            Self::Lagged => "too slow",
            Self::ShuttingDown => "the server closes its connections",
        })
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays; its session is over at this instant if it is not used before.
    Stays(Timestamp),
    Closes(Reason),
}

impl Policy {
    /// What becomes of a connection that was made in this login, by what the store has of its
    /// session. `deadline`: when the session was to be over, as far as was known; `now`: an instant
    /// before the store was asked.
    pub(crate) fn verdict(
        &self,
        login: &Lineage,
        deadline: Timestamp,
        looked: &Looked,
        now: Timestamp,
    ) -> Verdict {
        match looked {
            Looked::Missing if deadline <= now => Verdict::Closes(Reason::Expired),
            Looked::Missing => Verdict::Closes(Reason::Ended),
            // Another version wrote it, perhaps with another login. The client may connect again,
            // to a server that can tell.
            Looked::Unreadable => Verdict::Closes(Reason::ShuttingDown),
            Looked::Found(header) if header.lineage != *login => {
                let is_signed_in = header.user().is_some();
                let reason = if is_signed_in { Reason::Superseded } else { Reason::SignedOut };
                Verdict::Closes(reason)
            }
            Looked::Found(header) if self.is_live(header, now) => {
                Verdict::Stays(self.deadline(header))
            }
            Looked::Found(_) => Verdict::Closes(Reason::Expired),
        }
    }
}
