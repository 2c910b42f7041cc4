//! What the client must be told about its token once a request is answered.

use super::handle::Session;
use super::origin::{Delivery, Life};
use crate::context::Looked;
use crate::data::SessionData;
use crate::error::Result;
use crate::policy::Admission;
use crate::token::Token;

/// What the client must be told about its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handover {
    /// Nothing: it holds the right one, or there is none.
    Nothing,
    /// This token, which a renewal made: only if it [is still the current one](is_current).
    IfCurrent(Token),
    /// This token.
    Give(Token),
    /// What it holds opens nothing any more: handles of this origin have ended the session.
    Remove,
}

/// What the client of this session must be told.
pub fn handover<D: SessionData>(session: &Session<D>) -> Handover {
    match session.origin.delivery() {
        Delivery::Done => Handover::Nothing,
        Delivery::DueByRenewal => Handover::IfCurrent(session.token()),
        Delivery::Due => Handover::Give(session.token()),
        Delivery::Withdrawn => Handover::Remove,
    }
}

/// Which login the session is in, as this handle knows it: every login and every logout makes it
/// another one, a renewal and a proof do not.
pub fn login_epoch<D: SessionData>(session: &Session<D>) -> u64 {
    session.record().map_or(0, |record| record.header.login_epoch())
}

impl<D: SessionData> Session<D> {
    pub(crate) fn is_destroyed(&self) -> bool {
        matches!(self.origin.life(), Life::Ended)
    }
}

/// Whether the session's token is the current one by what the store has now: no login, logout,
/// proof or later renewal has put another one in its place. One `headers`.
pub async fn is_current<D: SessionData>(session: &Session<D>) -> Result<bool> {
    let context = &session.context;
    let Looked::Found(header) = context.header(&session.id()).await? else { return Ok(false) };
    let admission = context.policy.admit(&header, &session.token(), context.now());
    Ok(matches!(admission, Ok(Admission::Current)))
}
