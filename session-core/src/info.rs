//! What may be shown about a session.

use serde::{Serialize, Serializer};

use crate::device::Device;
use crate::policy::Policy;
use crate::store::{Header, UserId};
use crate::time::Timestamp;
use crate::token::SessionId;

/// What may be shown about a session, to its user or an administrator. Contains no secret.
///
/// Serializes as an object: `id`, `created`, `last_seen`, `expires`, `is_current`, and where there
/// is a login `user_id`, `authenticated` and perhaps `device`.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// let mut session = sessions.start();
/// session.login(Member { id: 7, name: "Ada".into() }).await?;
/// let shown = serde_json::to_value(session.info()).expect("plain data");
/// assert_eq!(shown["user_id"], "7");
/// assert_eq!(shown["id"], session.id().to_string());
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct SessionInfo {
    id: SessionId,
    created: Timestamp,
    last_seen: Timestamp,
    expires: Timestamp,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    login: Option<Login>,
    #[serde(rename = "is_current", serialize_with = "is_own")]
    relation: Relation,
}

/// Who logged in, when and where.
#[derive(Clone, Debug, Serialize)]
struct Login {
    user_id: UserId,
    authenticated: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
}

/// Whose session it is that somebody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Own,
    Other,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_own<S: Serializer>(relation: &Relation, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*relation == Relation::Own)
}

impl SessionInfo {
    pub(crate) fn new(id: SessionId, header: &Header, policy: &Policy, relation: Relation) -> Self {
        let login = header.login.as_ref().map(|login| Login {
            user_id: login.user.clone(),
            authenticated: login.authenticated,
            device: login.device.clone(),
        });
        Self {
            id,
            created: header.created,
            last_seen: header.last_seen,
            expires: policy.deadline(header),
            login,
            relation,
        }
    }

    /// Of a session that is not stored yet.
    pub(crate) fn unsaved(id: SessionId, started: Timestamp, expires: Timestamp) -> Self {
        let (login, relation) = (None, Relation::Own);
        Self { id, created: started, last_seen: started, expires, login, relation }
    }

    /// The public handle, for `revoke`.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// When the session was first stored.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it was last used, as of the last touch: up to `touch_every` earlier than the last
    /// request.
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// When it ends if it is not used again.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Who is logged in, as their id displays.
    pub fn user_id(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user_id.as_str())
    }

    /// Where they logged in, if the login said so.
    pub fn device(&self) -> Option<&Device> {
        self.login.as_ref()?.device.as_ref()
    }

    /// Whether it is the session of whoever looks: always for
    /// [`Session::info`](crate::Session::info), in a listing for the session that was named by
    /// [`UserSessions::seen_from`](crate::UserSessions::seen_from).
    pub fn is_current(&self) -> bool {
        self.relation == Relation::Own
    }

    /// When the user last proved who they are.
    pub fn authenticated(&self) -> Option<Timestamp> {
        self.login.as_ref().map(|login| login.authenticated)
    }
}
