//! What a handle knows without asking the store.

use super::{Handover, Session, State};
use crate::data::{SessionData, SessionUser};
use crate::info::{Relation, SessionInfo};
use crate::time::Timestamp;
use crate::token::{SessionId, Token};

impl<D: SessionData> Session<D> {
    /// The public handle of the session; it never changes.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    /// session.save().await?;
    /// let (id, token) = (session.id(), session.token().clone());
    ///
    /// session.renew().await?;
    /// assert_eq!(session.id(), id);         // the same session,
    /// assert_ne!(session.token(), &token);  // with another secret
    /// # Ok(()) }
    /// ```
    pub fn id(&self) -> SessionId {
        self.token.id()
    }

    /// The token that opens the session from now on; before the first save it opens nothing yet.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let cookie = session.token().expose();
    /// assert!(sessions.open(&cookie).await?.is_some());
    /// # Ok(()) }
    /// ```
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The token, when the client must be given one that it does not have: after the first save, a renewal, a login or a
    /// logout. A web layer sets its cookie exactly then.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// assert!(session.fresh_token().is_none());  // nothing is stored: no cookie
    /// session.save().await?;
    /// let cookie = session.fresh_token().expect("the client has none yet").expose();
    ///
    /// let session = sessions.open(&cookie).await?.expect("the session lives");
    /// assert!(session.fresh_token().is_none());  // the client has it
    /// # Ok(()) }
    /// ```
    pub fn fresh_token(&self) -> Option<&Token> {
        (self.handover == Handover::Due).then_some(&self.token)
    }

    /// What may be shown about the session, as of the last store call of this handle.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    /// session.save().await?;
    /// let info = session.info();
    /// assert_eq!(info.id(), session.id());
    /// assert_eq!(info.expires().since(info.last_seen()), minutes(30));
    /// assert_eq!(info.user_id(), None);
    /// # Ok(()) }
    /// ```
    pub fn info(&self) -> SessionInfo {
        match &self.state {
            State::Stored { record, .. } => {
                SessionInfo::new(self.id(), &record.header, Relation::Own)
            }
            State::New { started, .. } => {
                let policy = &self.context.policy;
                let expires = started.after(policy.idle_timeout.min(policy.absolute_timeout));
                SessionInfo::unsaved(self.id(), *started, expires)
            }
            State::Ended => SessionInfo::unsaved(self.id(), Timestamp::MIN, Timestamp::MIN),
        }
    }

    /// The id of the logged-in user; `None` when nobody is, or when the stored id is no `D::User::Id`.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    /// assert_eq!(session.user_id(), None);
    /// session.login(Member { id: 7 }).await?;
    /// assert_eq!(session.user_id(), Some(7));
    /// assert!(session.is_logged_in());
    /// # Ok(()) }
    /// ```
    pub fn user_id(&self) -> Option<<D::User as SessionUser>::Id> {
        self.record()?.header.user()?.as_str().parse().ok()
    }

    /// Whether a user is logged in, as of the last store call of this handle.
    pub fn is_logged_in(&self) -> bool {
        self.record().is_some_and(|record| record.header.login.is_some())
    }

    /// Whether anything was stored and the session was not destroyed through this handle.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    /// assert!(!session.is_stored());
    /// session.save().await?;
    /// assert!(session.is_stored());
    /// # Ok(()) }
    /// ```
    pub fn is_stored(&self) -> bool {
        matches!(self.state, State::Stored { .. })
    }
}
