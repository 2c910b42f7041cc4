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
    relation: Relation,
}

/// Whose session it is that somebody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Own,
    Other,
}

impl SessionInfo {
    pub(crate) fn new(id: SessionId, header: &Header, relation: Relation) -> Self {
        Self {
            id,
            created: header.created,
            last_seen: header.last_seen,
            expires: header.deadline,
            login: header.login.clone(),
            relation,
        }
    }

    /// Of a session that is not stored yet.
    pub(crate) fn unsaved(id: SessionId, started: Timestamp, expires: Timestamp) -> Self {
        Self {
            id,
            created: started,
            last_seen: started,
            expires,
            login: None,
            relation: Relation::Own,
        }
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

    /// Whether it is the session of whoever looks: always for [`Session::info`](crate::Session::info), in a listing for
    /// the session that was named by [`UserSessions::seen_from`](crate::UserSessions::seen_from).
    pub fn is_current(&self) -> bool {
        self.relation == Relation::Own
    }

    /// When the user last proved who they are.
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.login.as_ref().map(|login| login.authenticated)
    }
}
