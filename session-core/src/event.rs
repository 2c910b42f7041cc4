//! What happens to sessions, told through `tracing` under the target `typed_sessions`. Ids appear, secrets and values never.

use std::fmt::Display;

use crate::policy::admit::Refusal;
use crate::token::SessionId;

const TARGET: &str = "typed_sessions";

pub(crate) fn created(id: &SessionId) {
    tracing::debug!(target: TARGET, session = %id, "session created");
}

pub(crate) fn malformed_token() {
    tracing::debug!(target: TARGET, "malformed token refused");
}

pub(crate) fn unknown_session(id: &SessionId) {
    tracing::debug!(target: TARGET, session = %id, "token of an unknown session refused");
}

pub(crate) fn refused(id: &SessionId, refusal: Refusal) {
    match refusal {
        Refusal::Expired => {
            tracing::debug!(target: TARGET, session = %id, "expired session refused")
        }
        Refusal::WrongSecret => {
            tracing::warn!(target: TARGET, session = %id, "wrong secret refused")
        }
        Refusal::Reused => tracing::warn!(
            target: TARGET, session = %id,
            "old secret refused although its successor is in use: a late client or a stolen token"
        ),
    }
}

pub(crate) fn renewed(id: &SessionId) {
    tracing::debug!(target: TARGET, session = %id, "secret renewed");
}

pub(crate) fn upkeep_failed(id: &SessionId, reason: &dyn Display) {
    tracing::warn!(target: TARGET, session = %id, %reason, "touch or renewal not written; the request goes on");
}

pub(crate) fn logged_in(id: &SessionId) {
    tracing::info!(target: TARGET, session = %id, "logged in");
}

pub(crate) fn reauthenticated(id: &SessionId) {
    tracing::info!(target: TARGET, session = %id, "reauthenticated");
}

pub(crate) fn logged_out(id: &SessionId) {
    tracing::info!(target: TARGET, session = %id, "logged out");
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

pub(crate) fn ended(id: &SessionId, why: Ended) {
    tracing::info!(target: TARGET, session = %id, reason = ?why, "session ended");
}
