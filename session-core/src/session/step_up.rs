//! Step-up: how long ago the user proved who they are, and what the proof rests on.

use std::time::Duration;

use super::handle::Session;
use crate::data::SessionData;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::policy::Policy;
use crate::token::AuthTag;

impl<D: SessionData> Session<D> {
    /// Whether the user proved who they are less than `duration` ago: by login or by
    /// [`reauthenticate`](Session::reauthenticate). Ask before a sensitive operation (OWASP ASVS
    /// 5.0, 7.5.1 and 7.5.3).
    ///
    /// `false` when nobody is logged in, and when this handle's token was replaced by a proof that
    /// another handle made: whoever holds a stolen token does not profit from its owner's proof.
    ///
    /// # Cost
    ///
    /// No store call: as of the last one of this handle.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use typed_sessions::{ManualClock, minutes};
    ///
    /// let clock = ManualClock::default();
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// assert!(session.authenticated_within(minutes(5)));
    /// clock.advance(minutes(5));
    /// assert!(!session.authenticated_within(minutes(5)));
    /// # Ok(()) });
    /// ```
    pub fn authenticated_within(&self, duration: Duration) -> bool {
        let now = self.context.now();
        let Some(header) = self.record().map(|record| &record.header) else { return false };
        let Some(login) = &header.login else { return false };
        // A proof from the future is a clock gone wrong, not a recent proof. And a proof is not
        // this handle's if it came with another token: whoever holds a stolen one has proved
        // nothing.
        login.authenticated <= now
            && now.since(login.authenticated) < duration
            && self.policy().admit(header, &self.token(), now).is_ok()
    }

    /// Notes that the logged-in user proved again who they are; call it after checking their
    /// password or passkey.
    ///
    /// Fresh secret, every token handed out before is dead at once (OWASP ASVS 5.0, 7.2.4), and
    /// both timeouts begin anew (NIST SP 800-63B-4, 5.2). Other handles go on. Hand
    /// [`fresh_token`](Session::fresh_token) to the client.
    ///
    /// # Errors
    ///
    /// `Invalid` when nobody is logged in or the session was opened by `peek`; `Superseded` when
    /// this handle's own token is dead.
    ///
    /// # Cost
    ///
    /// One `apply`; if the header changed since this handle saw it, one `load` and one `apply`
    /// more.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use typed_sessions::minutes;
    ///
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// if !session.authenticated_within(minutes(5)) {
    ///     // ask for the password, check it, then:
    ///     session.reauthenticate().await?;
    /// }
    /// # Ok(()) });
    /// ```
    pub async fn reauthenticate(&mut self) -> Result<()> {
        self.require_login("reauthenticate").await?;
        self.replace_secret(Policy::reauthenticated).await?;
        self.context.tell(Event::Reauthenticated(&self.id()));
        Ok(())
    }

    /// Notes what the login rests on from now on: call it with the new password hash after the user
    /// has changed their password, so that this session outlives the change and, by
    /// [`open_checked`](crate::Sessions::open_checked), no other does.
    /// [`Login::auth_tag`](crate::Login::auth_tag) notes it at login.
    ///
    /// Only a fingerprint is stored: HMAC-SHA256 under the session's id. Fresh secret, as after
    /// every change of credentials.
    ///
    /// # Errors
    ///
    /// As [`reauthenticate`](Session::reauthenticate).
    ///
    /// # Cost
    ///
    /// As [`reauthenticate`](Session::reauthenticate).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// session.set_auth_tag("hash of the new password").await?;
    ///
    /// let current = |_user: u64| async { Ok::<_, Error>("hash of the new password") };
    /// assert!(sessions.open_checked(session.token().expose(), current).await?.is_some());
    /// # Ok(()) });
    /// ```
    pub async fn set_auth_tag(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.require_login("set_auth_tag").await?;
        let tag = AuthTag::new(&self.id(), bytes.as_ref());
        self.replace_secret(|policy, header, now| policy.retagged(header, tag, now)).await
    }

    /// Whether the login rests on these bytes; `true` when nobody is logged in, `false` when the
    /// login has no tag.
    pub(crate) fn rests_on(&self, bytes: &[u8]) -> bool {
        let Some(login) = self.record().and_then(|record| record.header.login.as_ref()) else {
            return true;
        };
        login.tag.is_some_and(|tag| tag.matches(&AuthTag::new(&self.id(), bytes)))
    }

    /// The same, of what the store has now.
    pub(crate) async fn look_at_the_tag_again(&mut self, bytes: &[u8]) -> Result<TagNow> {
        match self.load().await {
            Err(error) if matches!(error.kind(), ErrorKind::Gone | ErrorKind::Superseded) => {
                return Ok(TagNow::NotThisHandles);
            }
            result => result?,
        };
        if self.rests_on(bytes) {
            return Ok(TagNow::Same);
        }
        let (token, now) = (self.token(), self.context.now());
        let is_alive = self.policy().admit(&self.stored()?.header, &token, now).is_ok();
        // With the secret replaced, what this handle was opened with decides nothing any more.
        Ok(if is_alive { TagNow::Differs } else { TagNow::NotThisHandles })
    }

    async fn require_login(&mut self, operation: &str) -> Result<()> {
        self.require_active(operation)?;
        self.settle().await?;
        if self.is_logged_in() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!("`{operation}` is for a logged-in session; `login` first"),
        ))
    }
}

/// How a second look at the tag ends.
pub(crate) enum TagNow {
    Same,
    Differs,
    /// The session has ended, or goes on with another login or another secret.
    NotThisHandles,
}
