//! What a web layer needs beyond the public API. Not part of the public API.

use std::sync::Arc;

use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::session::{Mode, Session, open_token};
use crate::sessions::Sessions;
use crate::token::Token;

pub use crate::event::WithSources;
pub use crate::session::{
    Bare, Handle, Handover, Opened, catch_up, handover, is_current, login_epoch, save_together,
};

/// Opens the session of a token, as [`Sessions::open`] does, and tells whether a token that opened
/// nothing was just late.
pub async fn open<D: SessionData>(sessions: &Sessions<D>, token: Token) -> Result<Opened<D>> {
    open_token(&Arc::clone(&sessions.context), token, Mode::Active).await
}

/// What a request is told that wants to write with a token which came too late.
pub fn superseded() -> Error {
    Error::superseded()
}

/// Whether the session was destroyed through a handle of this origin.
pub fn is_destroyed<D: SessionData>(session: &Session<D>) -> bool {
    session.is_destroyed()
}
