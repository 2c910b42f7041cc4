//! The end of a session, by its own handle.

use std::sync::Arc;

use super::handle::Session;
use super::origin::Life;
use crate::context::Looked;
use crate::data::SessionData;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Ended;
use crate::store::{Deleted, Owned};

impl<D: SessionData> Session<D> {
    /// Ends the session for good, on all devices that hold its token. Nothing can bring it back.
    ///
    /// Handles of the same origin (views) have ended as well. Ending a session that has ended is no
    /// error.
    ///
    /// # Errors
    ///
    /// `Superseded` when, since this handle was opened, somebody logged in or out through another
    /// one: that login is not this handle's to end, and goes on.
    ///
    /// # Cost
    ///
    /// One `delete`; none before the first save. After an answer that was lost, one call more.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let token = session.token().expose();
    /// let mut in_flight = sessions.open(&token).await?.expect("the session lives");
    ///
    /// session.destroy().await?;
    /// in_flight.visits += 1;
    /// assert_eq!(in_flight.save().await.unwrap_err().kind(), ErrorKind::Gone);
    /// assert!(sessions.open(&token).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn destroy(&mut self) -> Result<()> {
        loop {
            match self.resolve_replacements().await {
                Err(error) if error.kind() != ErrorKind::Gone => return Err(error),
                _ => {}
            }
            if self.end().await? == Attempt::Ended {
                return Ok(());
            }
            if self.replacements.is_empty() {
                return Err(Error::superseded());
            }
            // An earlier login or logout of this handle, given up as unavailable, came first.
        }
    }

    async fn end(&mut self) -> Result<Attempt> {
        let (context, id) = (Arc::clone(&self.context), self.id());
        match self.origin.end() {
            Life::Ended => return Ok(Attempt::Ended),
            Life::Ending(Some(creation)) => {
                // It may still be on its way: something else takes its place, and ends.
                context.apply(&id, &creation.without_login).await?;
            }
            Life::Ending(None) | Life::Unsent(_) | Life::Sent(_) | Life::Stored | Life::Gone => {}
        }
        let mut login_epoch = self.login_epoch();
        if let Some(sent) = self.sent.clone()
            && let Looked::Found(header) = context.header(&id).await?
            && context.policy.admit(&header, &sent.token, context.now()).is_ok()
        {
            // Its own login was carried out.
            login_epoch = header.login_epoch();
        }
        match context.end(&id, &Owned::OfLogin(login_epoch), Ended::Destroyed).await? {
            deleted @ (Deleted::Yes | Deleted::Missing) => {
                self.origin.ended(deleted);
                Ok(Attempt::Ended)
            }
            Deleted::Superseded => {
                self.origin.lives_on();
                Ok(Attempt::OfAnotherLogin)
            }
        }
    }
}

/// How an attempt to end the session went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Ended,
    OfAnotherLogin,
}
