//! How a session begins, changes hands and takes a new secret.

use std::sync::Arc;

use super::Policy;
use crate::auth_tag::AuthTag;
use crate::login::Login;
use crate::record::{CurrentSecret, Header};
use crate::time::Timestamp;
use crate::token::Secret;
use crate::user::{LoginInfo, UserId};

impl Policy {
    /// The header of a new session.
    pub(crate) fn create(&self, secret: &Secret, now: Timestamp) -> Header {
        let mut header = Header {
            revision: 0,
            login_epoch: 0,
            created: now,
            last_seen: now,
            deadline: now,
            absolute_deadline: now.after(self.absolute_timeout),
            idle_timeout: None,
            absolute_timeout: None,
            secret: CurrentSecret::new(secret, now),
            previous: None,
            login: None,
        };
        self.touch(&mut header, now);
        header
    }

    /// The header after a touch that the caller asked for.
    pub(crate) fn touched(&self, header: &Header, now: Timestamp) -> Header {
        let mut next = following(header);
        self.touch(&mut next, now);
        next
    }

    /// The header with a fresh secret and no grace: every token handed out before is dead (R5).
    pub(crate) fn rekeyed(header: &Header, secret: &Secret, now: Timestamp) -> Header {
        let mut next = following(header);
        next.secret = CurrentSecret::new(secret, now);
        next.previous = None;
        next
    }

    /// The header after a login: fresh secret, next epoch, both deadlines anew (R5, W6, E2).
    pub(crate) fn logged_in(
        &self,
        header: &Header,
        user: UserId,
        login: &Login,
        tag: Option<AuthTag>,
        secret: &Secret,
        now: Timestamp,
    ) -> Header {
        let mut next = Self::rekeyed(header, secret, now);
        next.login_epoch = next.login_epoch.wrapping_add(1);
        next.login = Some(Arc::new(LoginInfo {
            user,
            authenticated: now,
            device: login.device.clone(),
            tag,
        }));
        next.idle_timeout = login.idle_timeout;
        next.absolute_timeout = login.absolute_timeout;
        self.restart(&mut next, now);
        next
    }

    /// The header after the logged-in user proved again who they are: fresh secret, both deadlines anew (NIST
    /// SP 800-63B-4, 5.2: reauthentication resets both timeouts), the same epoch.
    pub(crate) fn reauthenticated(
        &self,
        header: &Header,
        secret: &Secret,
        now: Timestamp,
    ) -> Header {
        let mut next = Self::rekeyed(header, secret, now);
        if let Some(login) = &mut next.login {
            Arc::make_mut(login).authenticated = now;
        }
        self.restart(&mut next, now);
        next
    }

    /// The header with another tag, and a fresh secret: what the login rests on has changed.
    pub(crate) fn retagged(
        header: &Header,
        tag: AuthTag,
        secret: &Secret,
        now: Timestamp,
    ) -> Header {
        let mut next = Self::rekeyed(header, secret, now);
        if let Some(login) = &mut next.login {
            Arc::make_mut(login).tag = Some(tag);
        }
        next
    }

    /// Both timeouts begin anew, as the session's login chose them or as configured.
    fn restart(&self, header: &mut Header, now: Timestamp) {
        header.absolute_deadline =
            now.after(header.absolute_timeout.unwrap_or(self.absolute_timeout));
        self.touch(header, now);
    }

    /// The header after a logout: fresh secret, next epoch. What the login had made longer is cut back to what an
    /// anonymous session may last; nothing becomes longer.
    pub(crate) fn logged_out(&self, header: &Header, secret: &Secret, now: Timestamp) -> Header {
        let mut next = Self::rekeyed(header, secret, now);
        next.login_epoch = next.login_epoch.wrapping_add(1);
        next.login = None;
        next.idle_timeout = None;
        next.absolute_timeout = None;
        next.absolute_deadline = next.absolute_deadline.min(now.after(self.absolute_timeout));
        self.touch(&mut next, now);
        next
    }
}

/// The header's next revision, so far the same. A counter that a damaged record has at its end begins anew: all that
/// matters is that it differs.
pub(super) fn following(header: &Header) -> Header {
    let mut next = header.clone();
    next.revision = next.revision.wrapping_add(1);
    next
}
