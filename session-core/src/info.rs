//! What may be shown about a session.

use crate::device::Device;
use crate::record::Header;
use crate::time::Timestamp;
use crate::token::SessionId;
use crate::user::LoginInfo;

use std::sync::Arc;

/// What may be shown about a session, to its user or an administrator. Contains no secret.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    id: SessionId,
    created: Timestamp,
    last_seen: Timestamp,
    expires: Timestamp,
    login: Option<Arc<LoginInfo>>,
}

impl SessionInfo {
    pub(crate) fn new(id: SessionId, header: &Header) -> Self {
        Self {
            id,
            created: header.created,
            last_seen: header.last_seen,
            expires: header.deadline,
            login: header.login.clone(),
        }
    }

    /// Of a session that is not stored yet.
    pub(crate) fn unsaved(id: SessionId, started: Timestamp, expires: Timestamp) -> Self {
        Self { id, created: started, last_seen: started, expires, login: None }
    }

    /// The public handle, for `revoke`.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// When the session was first stored.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it was last used, as of the last touch: up to `touch_every` earlier than the last request.
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// When it ends if it is not used again.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Who is logged in, as their id displays.
    pub fn user_id(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user.as_str())
    }

    /// Where they logged in, if the login said so.
    pub fn device(&self) -> Option<&Device> {
        self.login.as_ref()?.device.as_ref()
    }

    /// When the user last proved who they are.
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.login.as_ref().map(|login| login.authenticated)
    }
}
