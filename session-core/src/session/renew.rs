//! Operations on the header: touch and renew.

use super::commit::{Ground, Plan, Unsaved};
use super::handle::{Mode, Session, Standing};
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::policy::{Policy, Refusal, Rekeyed};
use crate::store::{Edit, Header};
use crate::time::Timestamp;
use crate::token::Token;

impl<D: SessionData> Session<D> {
    /// Marks the session as used now, without the throttle that `open` applies: the idle timeout
    /// begins anew. The absolute deadline stays.
    ///
    /// Does nothing before the first save and on a session opened by `peek`.
    ///
    /// # Errors
    ///
    /// `Gone` when the session has ended, `Superseded` when its user logged in or out since this
    /// handle was opened.
    ///
    /// # Cost
    ///
    /// One `apply`; if the header changed since this handle saw it, one `load` and one `apply`
    /// more.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let clock = ManualClock::default();
    /// # let sessions = Sessions::<Shop>::builder(MemoryStore::new())
    /// #     .clock(clock.clone())
    /// #     .build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// clock.advance(minutes(29));  // a minute before the idle timeout
    /// session.touch().await?;
    /// clock.advance(minutes(29));
    /// assert!(sessions.open(session.token().expose()).await?.is_some());
    /// # Ok(()) });
    /// ```
    pub async fn touch(&mut self) -> Result<()> {
        if self.mode == Mode::Silent || self.settle().await? == Standing::Unsent {
            return Ok(());
        }
        let policy = *self.policy();
        self.commit(Unsaved::Stays, |Ground { record, now, .. }| {
            Ok(Plan::header(policy.touched(&record.header, *now), Edit::default(), ()))
        })
        .await
    }

    /// Gives the session a fresh random secret: every token handed out before is dead at once,
    /// without grace. For a change of privilege that is no login (OWASP ASVS 5.0, 7.2.4). Hand
    /// [`fresh_token`](Session::fresh_token) to the client.
    ///
    /// Does nothing before the first save: no token was handed out.
    ///
    /// # Errors
    ///
    /// `Invalid` on a session opened by `peek`; `Superseded` when this handle's own token is dead,
    /// since it must not be exchanged for a live one.
    ///
    /// # Cost
    ///
    /// As [`touch`](Session::touch).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let old = session.token().expose();
    ///
    /// session.renew().await?;
    /// let new = session.fresh_token().expect("the client needs it").expose();
    /// assert!(sessions.open(&old).await?.is_none());
    /// assert!(sessions.open(&new).await?.is_some());
    /// # Ok(()) });
    /// ```
    pub async fn renew(&mut self) -> Result<()> {
        self.require_active("renew")?;
        if self.settle().await? == Standing::Unsent {
            return Ok(());
        }
        self.replace_secret(Policy::rekeyed).await?;
        self.context.tell(Event::Renewed(&self.id()));
        Ok(())
    }

    /// Changes the header to one with a fresh secret, for the client to be handed.
    pub(super) async fn replace_secret(
        &mut self,
        next: impl Fn(&Policy, &Header, Timestamp) -> Rekeyed,
    ) -> Result<()> {
        self.refresh_for_the_token().await?;
        let policy = *self.policy();
        self.commit(Unsaved::Stays, |Ground { record, token, now, .. }| {
            require_admission(&policy, &record.header, token, *now)?;
            Ok(Plan::rekeyed(next(&policy, &record.header, *now), Edit::default(), ()))
        })
        .await
    }
}

impl<D: SessionData> Session<D> {
    /// Where the token does not fit the record as this handle knows it, a view may have put another
    /// one in its place: looks again. Whether it may be exchanged is decided afterwards.
    pub(super) async fn refresh_for_the_token(&mut self) -> Result<()> {
        let is_dead = {
            let (token, now) = (self.token(), self.context.now());
            let fits = |header: &Header| self.policy().admit(header, &token, now).is_ok();
            self.record().is_some_and(|record| !fits(&record.header))
        };
        if is_dead {
            self.load().await?;
        }
        Ok(())
    }
}

/// A token that is dead by now must not be exchanged for a live one (R5).
pub(super) fn require_admission(
    policy: &Policy,
    header: &Header,
    token: &Token,
    now: Timestamp,
) -> Result<()> {
    match policy.admit(header, token, now) {
        Ok(_) => Ok(()),
        Err(Refusal::Expired) => Err(Error::gone()),
        Err(Refusal::WrongSecret | Refusal::Reused) => Err(Error::superseded()),
    }
}
