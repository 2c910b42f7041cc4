//! Ending sessions without a handle: by id, by token, or all of them.

use std::borrow::Borrow;

use crate::context::Looked;
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::event::{Ended, Event};
use crate::live::Whom;
use crate::sessions::Sessions;
use crate::store::{Deleted, More, Owned};
use crate::token::{SessionId, Token};

/// How many sessions `revoke_everybody` ends with one call of the store.
const CLEARED_AT_A_TIME: usize = 1000;

impl<D: SessionData> Sessions<D> {
    /// Ends a session, whoever's it is, for good; tells whether it was there. For administrators:
    /// [`UserSessions::revoke`](crate::UserSessions::revoke) ends only a user's own.
    ///
    /// # Cost
    ///
    /// One `delete`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// assert!(sessions.revoke(session.id()).await?);
    /// assert!(!sessions.revoke(session.id()).await?);  // it has ended already
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn revoke(&self, id: impl Borrow<SessionId>) -> Result<bool> {
        let deleted = self.context.end(id.borrow(), &Owned::Anyones, Ended::Revoked).await?;
        Ok(deleted == Deleted::Yes)
    }

    /// Ends the session of a client's token, for good, if the token opens it; tells whether it did.
    /// Reads no fields: the way out of a session that no longer decodes.
    ///
    /// # Errors
    ///
    /// `Decode` when the session's header cannot be read, so that the secret cannot be checked.
    ///
    /// # Cost
    ///
    /// One `headers`; one `delete` when the token is good.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let token = session.token().expose();
    /// assert!(sessions.revoke_token(&token).await?);
    /// assert!(!sessions.revoke_token(&token).await?);
    /// # Ok(()) });
    /// ```
    pub async fn revoke_token(&self, token: impl AsRef<str>) -> Result<bool> {
        let Some(token) = Token::parse(token.as_ref()) else {
            self.context.tell(Event::MalformedToken);
            return Ok(false);
        };
        let id = token.id();
        let header = match self.context.header(&id).await? {
            Looked::Found(header) => header,
            Looked::Unreadable => {
                return Err(Error::unreadable_header());
            }
            Looked::Missing => {
                self.context.tell(Event::UnknownSession(&id));
                return Ok(false);
            }
        };
        if let Err(refusal) = self.context.policy.admit(&header, &token, self.context.now()) {
            self.context.tell(Event::Refused(&id, refusal));
            return Ok(false);
        }
        let only = Owned::OfLogin(header.login_epoch());
        Ok(self.context.end(&id, &only, Ended::Revoked).await? == Deleted::Yes)
    }

    /// Ends all sessions of all users and of nobody, for good (OWASP ASVS 5.0, 7.4.5:
    /// administrators can end all active sessions). Ends at least what was stored when it was
    /// called; what is stored meanwhile may or may not end.
    ///
    /// # Cost
    ///
    /// One `clear` for each 1,000 sessions or so.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// sessions.revoke_everybody().await?;
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn revoke_everybody(&self) -> Result<()> {
        loop {
            // Each time: it may take minutes, and what has ended is to be heard of at once.
            let due = self.context.due(|| vec![Whom::Everybody]);
            let more = self.context.clear(CLEARED_AT_A_TIME).await;
            due.settle(&more).await;
            if more? == More::No {
                break;
            }
        }
        self.context.tell(Event::EverybodyRevoked);
        Ok(())
    }
}
