//! What happens to sessions, told through `tracing` under the target `typed_sessions`. Ids of
//! sessions and users appear, secrets and values never. An error is told with all its sources.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::bus::Server;
use crate::error::Error;
use crate::policy::Refusal;
use crate::store::UserId;
use crate::token::SessionId;

const TARGET: &str = "typed_sessions";

/// An error and, after colons, what caused it.
#[derive(Debug)]
pub struct WithSources<'a>(pub &'a Error);

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    Created(&'a SessionId),
    MalformedToken,
    UnknownSession(&'a SessionId),
    Refused(&'a SessionId, Refusal),
    Renewed(&'a SessionId),
    /// A touch or a renewal was not written, since others kept changing the session.
    UpkeepContended(&'a SessionId),
    /// A touch or a renewal was not written.
    UpkeepFailed(&'a SessionId, &'a Error),
    LoggedIn(&'a SessionId, &'a UserId),
    Reauthenticated(&'a SessionId),
    LoggedOut(&'a SessionId, Option<&'a UserId>),
    Ended(&'a SessionId, Ended),
    /// All sessions of everybody were ended.
    EverybodyRevoked,
    /// A session of this user cannot be read by this version, and is left out of a listing.
    Unreadable(&'a SessionId),
    /// The store cannot be reached.
    Outage(&'a Error),
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    Destroyed,
    Revoked,
    Reuse,
    /// What the login rested on has changed.
    AuthTagChanged,
}

impl Event<'_> {
    pub(crate) fn tell(self) {
        match self {
            Self::Created(id) => {
                tracing::debug!(target: TARGET, session = %id, "session created");
            }
            Self::MalformedToken => tracing::debug!(target: TARGET, "malformed token refused"),
            Self::UnknownSession(id) => {
                tracing::debug!(target: TARGET, session = %id, "unknown session refused");
            }
            Self::Refused(id, refusal) => refused(id, refusal),
            Self::Renewed(id) => tracing::debug!(target: TARGET, session = %id, "secret renewed"),
            Self::UpkeepContended(id) => tracing::warn!(
                target: TARGET, session = %id,
                "touch or renewal not written, since others keep changing the session; \
                 the request goes on"
            ),
            Self::UpkeepFailed(id, error) => tracing::warn!(
                target: TARGET, session = %id, error = %WithSources(error),
                "touch or renewal not written; the request goes on"
            ),
            Self::LoggedIn(id, user) => {
                tracing::info!(target: TARGET, session = %id, %user, "logged in");
            }
            Self::Reauthenticated(id) => {
                tracing::info!(target: TARGET, session = %id, "reauthenticated");
            }
            Self::LoggedOut(id, user) => {
                let user = user.map(tracing::field::display);
                tracing::info!(target: TARGET, session = %id, user, "logged out");
            }
            Self::Ended(id, why) => {
                tracing::info!(target: TARGET, session = %id, reason = ?why, "session ended");
            }
            Self::EverybodyRevoked => {
                tracing::warn!(target: TARGET, "all sessions of all users ended");
            }
            Self::Unreadable(id) => tracing::warn!(
                target: TARGET, session = %id,
                "a session's header cannot be read by this version: it is not listed"
            ),
            Self::Outage(error) => tracing::warn!(
                target: TARGET, error = %WithSources(error), "the session store is unavailable"
            ),
        }
    }
}

fn refused(id: &SessionId, refusal: Refusal) {
    match refusal {
        Refusal::Expired => {
            tracing::debug!(target: TARGET, session = %id, "expired session refused");
        }
        Refusal::WrongSecret => {
            tracing::warn!(target: TARGET, session = %id, "wrong secret refused");
        }
        Refusal::Reused => tracing::warn!(
            target: TARGET, session = %id,
            "old secret refused although its successor is in use: a late client or a stolen token"
        ),
    }
}

/// A store ended a session to make room for a login.
pub(crate) fn evicted(id: &SessionId, user: &UserId) {
    tracing::info!(target: TARGET, session = %id, %user, reason = "Evicted", "session ended");
}

/// A store could not make room for a login that is written.
pub(crate) fn eviction_failed(user: &UserId, error: &Error) {
    tracing::warn!(
        target: TARGET, %user, error = %WithSources(error),
        "a login is written, but sessions above the limit could not be ended; the next one tries \
         again"
    );
}

/// A field's default stands in for what is stored.
pub(crate) fn unreadable_value(key: &str, error: &Error) {
    tracing::warn!(
        target: TARGET, key, error = %WithSources(error), "unreadable value, using the default"
    );
}

/// Somebody else than a login wrote the user field.
pub(crate) fn user_not_believed() {
    tracing::warn!(
        target: TARGET, "the user field holds a user who is not logged in: ignored"
    );
}

/// The servers that hold live connections could not be told of a change; they find out when they
/// verify.
pub(crate) fn news_not_told(error: &Error) {
    tracing::warn!(
        target: TARGET, error = %WithSources(error),
        "the bus is unavailable: live connections of what ends now close later"
    );
}

/// A hub's subscription broke. It is told once, until it is in force again.
pub(crate) fn hub_is_deaf(server: &Server, error: &Error) {
    tracing::warn!(
        target: TARGET, server = server.name(), error = %WithSources(error),
        "the hub hears nothing from other servers; it subscribes again, and verifies its \
         connections with the store meanwhile"
    );
}

pub(crate) fn hub_hears_again(server: &Server) {
    tracing::info!(target: TARGET, server = server.name(), "the hub hears other servers again");
}

/// A heartbeat failed. It is told once, until one succeeds.
pub(crate) fn hub_is_unlisted(server: &Server, error: &Error) {
    tracing::warn!(
        target: TARGET, server = server.name(), error = %WithSources(error),
        "the hub's heartbeat failed: once its lease has run out, its connections are not listed \
         and get no messages, until the bus is back"
    );
}

/// The store did not tell of these connections' sessions for too long.
pub(crate) fn hub_gives_up(server: &Server, connections: usize, after: Duration) {
    tracing::warn!(
        target: TARGET, server = server.name(), connections, ?after,
        "the store has not told for so long whether the sessions of these connections still live: \
         the hub closes them"
    );
}

/// A task of a hub has ended, with its runtime or by a panic.
pub(crate) fn hub_has_died(server: &Server) {
    tracing::error!(
        target: TARGET, server = server.name(),
        "a task of the hub has ended: its connections are closed, since nobody would find out that \
         their sessions have; make another hub"
    );
}

/// A message is of another version, or damaged.
pub(crate) fn message_not_understood(server: &Server, bytes: usize) {
    tracing::warn!(
        target: TARGET, server = server.name(), bytes,
        "a message of the bus is of another version, or damaged: ignored"
    );
}
