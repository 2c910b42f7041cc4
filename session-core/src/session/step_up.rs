//! Step-up: how long ago the user proved who they are, and what the proof rests on.

use std::time::Duration;

use super::Session;
use crate::auth_tag::AuthTag;
use crate::data::SessionData;
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::policy::Policy;

impl<D: SessionData> Session<D> {
    /// Whether the user proved who they are less than `duration` ago: by login or by
    /// [`reauthenticate`](Session::reauthenticate). Ask before a sensitive operation (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
    ///
    /// `false` when nobody is logged in. As of the last store call of this handle; no store call.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// use typed_sessions::{ManualClock, minutes};
    ///
    /// let clock = ManualClock::default();
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7 }).await?;
    /// assert!(session.authenticated_within(minutes(5)));
    /// clock.advance(minutes(5));
    /// assert!(!session.authenticated_within(minutes(5)));
    /// # Ok(()) }
    /// ```
    pub fn authenticated_within(&self, duration: Duration) -> bool {
        let login = self.record().and_then(|record| record.header.login.as_ref());
        let now = self.context.now();
        // A proof from the future is a clock gone wrong, not a recent proof.
        login.is_some_and(|login| {
            login.authenticated <= now && now.since(login.authenticated) < duration
        })
    }

    /// Notes that the logged-in user proved again who they are; call it after checking their password or passkey.
    ///
    /// Fresh secret, every token handed out before is dead at once (OWASP ASVS 5.0, 7.2.4), and both timeouts begin anew
    /// (NIST SP 800-63B-4, 5.2). Other handles go on. Hand [`fresh_token`](Session::fresh_token) to the client.
    ///
    /// `Invalid` when nobody is logged in or the session was opened by `peek`. Cost: one `apply`; if the header changed
    /// since this handle saw it, one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// use typed_sessions::minutes;
    ///
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7 }).await?;
    /// if !session.authenticated_within(minutes(5)) {
    ///     // ask for the password, check it, then:
    ///     session.reauthenticate().await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn reauthenticate(&mut self) -> Result<()> {
        self.require_login("reauthenticate")?;
        self.rekey(Policy::reauthenticated).await?;
        event::reauthenticated(&self.id());
        Ok(())
    }

    /// Notes what the login rests on from now on: call it with the new password hash after the user has changed their
    /// password, so that this session outlives the change and, by [`open_checked`](crate::Sessions::open_checked), no
    /// other does. [`Login::auth_tag`](crate::Login::auth_tag) notes it at login.
    ///
    /// Only a fingerprint is stored: HMAC-SHA256 under the session's id. Fresh secret, as after every change of credentials.
    /// Errors and cost as [`reauthenticate`](Session::reauthenticate).
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7 }).await?;
    /// session.auth_tag("hash of the new password").await?;
    ///
    /// let current = |_user: u64| async { Ok::<_, typed_sessions::Error>("hash of the new password") };
    /// assert!(sessions.open_checked(session.token().expose(), current).await?.is_some());
    /// # Ok(()) }
    /// ```
    pub async fn auth_tag(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.require_login("auth_tag")?;
        let tag = AuthTag::new(&self.id(), bytes.as_ref());
        self.rekey(|_, header, secret, now| Policy::retagged(header, tag, secret, now)).await
    }

    /// Whether the login rests on these bytes; `true` when nobody is logged in, `false` when the login has no tag.
    pub(crate) fn rests_on(&self, bytes: &[u8]) -> bool {
        let Some(login) = self.record().and_then(|record| record.header.login.as_ref()) else {
            return true;
        };
        login.tag.is_some_and(|tag| tag.matches(&AuthTag::new(&self.id(), bytes)))
    }

    /// The same, of what the store has now; `false` when the session has ended or its user changed.
    pub(crate) async fn rests_on_after_all(&mut self, bytes: &[u8]) -> Result<bool> {
        match self.load().await {
            Ok(_) => Ok(self.rests_on(bytes)),
            Err(error) if error.kind() == ErrorKind::Gone => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn require_login(&self, operation: &str) -> Result<()> {
        self.require_active(operation)?;
        if self.stored()?.header.login.is_some() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!("`{operation}` is for a logged-in session; `login` first"),
        ))
    }
}
