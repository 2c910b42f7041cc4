//! How a session begins, changes hands and takes a new secret.

use std::sync::Arc;

use super::deadlines::{is_from_a_wrong_clock, is_within};
use super::settings::Policy;
use crate::login::Login;
use crate::store::{
    CurrentSecret, Header, LoginInfo, Persistence, PreviousSecret, SuccessorState, UserId,
};
use crate::time::Timestamp;
use crate::token::{AuthTag, Lineage, Secret};

/// A header with a secret that took the place of another, and that secret for the client.
#[derive(Debug)]
pub(crate) struct Rekeyed {
    pub(crate) header: Header,
    pub(crate) secret: Secret,
}

impl Policy {
    /// The header of a new session.
    pub(crate) fn create(&self, secret: &Secret, lineage: Lineage, now: Timestamp) -> Header {
        let mut header = Header {
            revision: 0,
            login_epoch: 0,
            created: now,
            last_seen: now,
            deadline: now,
            absolute_deadline: now,
            period_start: now,
            idle_timeout: None,
            absolute_timeout: None,
            persistence: Persistence::Volatile,
            lineage,
            secret: CurrentSecret::new(secret, now),
            previous: None,
            replaced: None,
            login: None,
        };
        self.restart(&mut header, now);
        header
    }

    /// The header after a touch that the caller asked for.
    pub(crate) fn touched(&self, header: &Header, now: Timestamp) -> Header {
        let mut next = self.following(header, now);
        self.touch(&mut next, now);
        next
    }

    /// The header with a fresh secret and no grace: every token handed out before is dead (R5).
    pub(crate) fn rekeyed(&self, header: &Header, now: Timestamp) -> Rekeyed {
        self.rekeyed_as(header, header.login_epoch, header.lineage, now)
    }

    /// The same as the first secret of the next login epoch, which has a mark of its own.
    fn rekeyed_for_another(&self, header: &Header, now: Timestamp) -> Rekeyed {
        self.rekeyed_as(header, header.login_epoch.wrapping_add(1), Lineage::random(), now)
    }

    fn rekeyed_as(&self, before: &Header, epoch: u64, lineage: Lineage, now: Timestamp) -> Rekeyed {
        let (secret, mut header) = (Secret::random(&lineage), self.following(before, now));
        (header.login_epoch, header.lineage) = (epoch, lineage);
        header.secret = CurrentSecret::new(&secret, now);
        header.previous = None;
        header.replaced = Some(now);
        Rekeyed { header, secret }
    }

    /// The header after a login: fresh secret, next epoch, both deadlines anew (R5, W6, E2).
    pub(crate) fn logged_in(
        &self,
        header: &Header,
        user: UserId,
        login: &Login,
        tag: Option<AuthTag>,
        now: Timestamp,
    ) -> Rekeyed {
        let Rekeyed { header: mut next, secret } = self.rekeyed_for_another(header, now);
        let device = login.device.clone();
        next.login = Some(Arc::new(LoginInfo { user, authenticated: now, device, tag }));
        next.idle_timeout = login.idle_timeout;
        next.absolute_timeout = login.absolute_timeout;
        next.persistence = login.persistence;
        self.restart(&mut next, now);
        Rekeyed { header: next, secret }
    }

    /// The header after the logged-in user proved again who they are: fresh secret, both deadlines
    /// anew (NIST SP 800-63B-4, 5.2: reauthentication resets both timeouts), the same epoch.
    pub(crate) fn reauthenticated(&self, header: &Header, now: Timestamp) -> Rekeyed {
        let mut next = self.rekeyed(header, now);
        if let Some(login) = &mut next.header.login {
            Arc::make_mut(login).authenticated = now;
        }
        self.restart(&mut next.header, now);
        next
    }

    /// The header with another tag, and a fresh secret: what the login rests on has changed.
    pub(crate) fn retagged(&self, header: &Header, tag: AuthTag, now: Timestamp) -> Rekeyed {
        let mut next = self.rekeyed(header, now);
        if let Some(login) = &mut next.header.login {
            Arc::make_mut(login).tag = Some(tag);
        }
        next
    }

    /// Both timeouts begin anew, as the session's login chose them or as configured.
    fn restart(&self, header: &mut Header, now: Timestamp) {
        header.period_start = now;
        header.absolute_deadline = now.after(self.absolute_timeout_of(header));
        self.touch(header, now);
    }

    /// The header after a logout: fresh secret, next epoch. What the login had made longer is cut
    /// back to what an anonymous session may last; nothing becomes longer.
    pub(crate) fn logged_out(&self, header: &Header, now: Timestamp) -> Rekeyed {
        let Rekeyed { header: mut next, secret } = self.rekeyed_for_another(header, now);
        next.login = None;
        next.idle_timeout = None;
        next.absolute_timeout = None;
        next.persistence = Persistence::Volatile;
        next.period_start = now;
        next.absolute_deadline = next.absolute_deadline.min(now.after(self.absolute_timeout));
        self.touch(&mut next, now);
        Rekeyed { header: next, secret }
    }

    /// Marks the header as used at `now`; the absolute deadline is the limit. A period that a wrong
    /// clock has begun in the future begins now.
    pub(super) fn touch(&self, header: &mut Header, now: Timestamp) {
        let absolute = self.absolute_timeout_of(header);
        if is_from_a_wrong_clock(header.period_start, absolute, now) {
            header.period_start = now;
            header.absolute_deadline = header.absolute_deadline.min(now.after(absolute));
        }
        header.last_seen = now;
        let idle = now.after(self.idle_timeout_of(header));
        header.deadline = idle.min(self.absolute_deadline(header));
    }

    /// The header's next revision, so far the same but for what is no longer needed (R7). A counter
    /// that a damaged record has at its end begins anew: all that matters is that it differs.
    pub(super) fn following(&self, header: &Header, now: Timestamp) -> Header {
        let mut next = header.clone();
        next.revision = next.revision.wrapping_add(1);
        let is_spent = |previous: &PreviousSecret| {
            matches!(previous.successor, SuccessorState::Presented(first)
                if !is_within(previous.renewed.max(first), self.grace(), now))
        };
        next.previous = next.previous.filter(|previous| !is_spent(previous));
        next
    }
}
