//! What a handle knows without asking the store.

use std::time::Duration;

use super::handle::{Session, State};
use super::origin::Life;
use crate::data::{SessionData, SessionUser};
use crate::info::{Relation, SessionInfo};
use crate::store::Persistence;
use crate::token::{SessionId, Token};

impl<D: SessionData> Session<D> {
    /// The public handle of the session; it never changes.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let (id, token) = (session.id(), session.token());
    ///
    /// session.renew().await?;
    /// assert_eq!(session.id(), id);         // the same session,
    /// assert_ne!(session.token(), token);  // with another secret
    /// # Ok(()) });
    /// ```
    pub fn id(&self) -> SessionId {
        self.origin.id()
    }

    /// The token that opens the session from now on; before the first save it opens nothing yet.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let cookie = session.token().expose();
    /// assert!(sessions.open(&cookie).await?.is_some());
    /// # Ok(()) });
    /// ```
    pub fn token(&self) -> Token {
        self.origin.token()
    }

    /// The token, when the client must be given one that it does not have: after the first save, a
    /// renewal, a login or a logout. A web layer sets its cookie exactly then.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// assert!(session.fresh_token().is_none());  // nothing is stored: no cookie
    /// session.save().await?;
    /// let cookie = session.fresh_token().expect("the client has none yet").expose();
    ///
    /// let session = sessions.open(&cookie).await?.expect("the session lives");
    /// assert!(session.fresh_token().is_none());  // the client has it
    /// # Ok(()) });
    /// ```
    pub fn fresh_token(&self) -> Option<Token> {
        self.origin.undelivered()
    }

    /// What may be shown about the session, as of the last store call of this handle.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    /// session.save().await?;
    /// let info = session.info();
    /// assert_eq!(info.id(), session.id());
    /// assert_eq!(info.expires().since(info.last_seen()), minutes(30));
    /// assert_eq!(info.user_id(), None);
    /// # Ok(()) });
    /// ```
    pub fn info(&self) -> SessionInfo {
        match &self.state {
            State::Stored(record) => {
                SessionInfo::new(self.id(), &record.header, self.policy(), Relation::Own)
            }
            State::New { started } => {
                let policy = self.policy();
                let expires = started.after(policy.idle_timeout.min(policy.absolute_timeout));
                SessionInfo::unsaved(self.id(), *started, expires)
            }
        }
    }

    /// The id of the logged-in user; `None` when nobody is, or when the stored id is no
    /// `D::User::Id`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    /// assert_eq!(session.user_id(), None);
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// assert_eq!(session.user_id(), Some(7));
    /// assert!(session.is_logged_in());
    /// # Ok(()) });
    /// ```
    pub fn user_id(&self) -> Option<<D::User as SessionUser>::Id> {
        self.record()?.header.user()?.as_str().parse().ok()
    }

    /// Whether a user is logged in, as of the last store call of this handle.
    pub fn is_logged_in(&self) -> bool {
        self.record().is_some_and(|record| record.header.login.is_some())
    }

    /// Whether anything was stored, through this handle or a view of it, and the session was not
    /// destroyed since.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// assert!(!session.is_stored());
    /// session.save().await?;
    /// assert!(session.is_stored());
    /// # Ok(()) });
    /// ```
    pub fn is_stored(&self) -> bool {
        matches!(self.origin.life(), Life::Stored | Life::Ending(_))
    }

    /// Whether the session is known to have ended: destroyed through this handle or a view of it,
    /// or not there when one of them asked last. Ends elsewhere are still to be found out: the next
    /// call is `Gone`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// let view = session.view::<Prefs>()?;
    /// session.destroy().await?;
    /// assert!(session.is_ended() && view.is_ended());
    /// # Ok(()) });
    /// ```
    pub fn is_ended(&self) -> bool {
        matches!(self.origin.life(), Life::Ended | Life::Gone)
    }

    /// Whether the struct has anything that [`save`](Session::save) would write. For a new session:
    /// whether any field is another than it was at `start`, so that a web layer stores visitors
    /// only when there is something to keep.
    ///
    /// Fields are compared as texts, but not before the struct was borrowed mutably.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// assert!(!session.is_changed());
    /// session.visits += 1;
    /// assert!(session.is_changed());
    /// session.save().await?;
    /// assert!(!session.is_changed());
    /// # Ok(()) });
    /// ```
    pub fn is_changed(&self) -> bool {
        // A creation of which no answer came is to be sent again.
        matches!(self.origin.life(), Life::Sent(_))
            || self.baseline.as_ref().is_some_and(|baseline| baseline.differs(&self.data))
    }

    /// For how long the client should keep its token: until the absolute deadline, when the login
    /// asked to be [remembered](crate::Login::remember); `None` means until the browser is closed.
    /// It is the cookie's `Max-Age`.
    ///
    /// As of the last store call of this handle.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use typed_sessions::{Login, days};
    ///
    /// let mut session = sessions.start();
    /// assert_eq!(session.max_age(), None);
    /// let member = Member { id: 7, name: "Ada".into() };
    /// session.login_with(member, Login::new().remember(days(30))).await?;
    /// assert!(session.max_age().is_some_and(|age| age <= days(30)));
    /// # Ok(()) });
    /// ```
    pub fn max_age(&self) -> Option<Duration> {
        let header = &self.record()?.header;
        let deadline = self.policy().absolute_deadline(header);
        (header.persistence == Persistence::Remembered).then(|| deadline.since(self.context.now()))
    }
}
