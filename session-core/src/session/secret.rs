//! Operations on the header: touch and renew.

use super::{Handover, Mode, Outcome, Session, State};
use crate::change::{Change, Expected, IndexChange, Join};
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::event;
use crate::policy::Policy;
use crate::record::{Header, Record};
use crate::retry::Retry;
use crate::time::Timestamp;
use crate::token::{Secret, Token};

impl<D: SessionData> Session<D> {
    /// Marks the session as used now, without the throttle that `open` applies: the idle timeout begins anew. The
    /// absolute deadline stays.
    ///
    /// Does nothing before the first save and on a session opened by `peek`. Cost: one `apply`; if the header changed
    /// since this handle saw it, one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let clock = ManualClock::default();
    /// # let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// clock.advance(minutes(29));  // a minute before the idle timeout
    /// session.touch().await?;
    /// clock.advance(minutes(29));
    /// assert!(sessions.open(session.token().expose()).await?.is_some());
    /// # Ok(()) }
    /// ```
    pub async fn touch(&mut self) -> Result<()> {
        if self.mode == Mode::Silent || matches!(self.state, State::New { .. }) {
            return Ok(());
        }
        self.change_header(Policy::touched).await
    }

    /// Gives the session a fresh random secret: every token handed out before is dead at once, without grace. For a
    /// change of privilege that is no login (OWASP ASVS 5.0, 7.2.4). Hand [`fresh_token`](Session::fresh_token) to the
    /// client.
    ///
    /// Does nothing before the first save: no token was handed out. `Invalid` on a session opened by `peek`. Cost: as
    /// [`touch`](Session::touch).
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let old = session.token().expose();
    ///
    /// session.renew().await?;
    /// let new = session.fresh_token().expect("the client needs it").expose();
    /// assert!(sessions.open(&old).await?.is_none());
    /// assert!(sessions.open(&new).await?.is_some());
    /// # Ok(()) }
    /// ```
    pub async fn renew(&mut self) -> Result<()> {
        self.require_active("renew")?;
        if self.is_unborn() {
            return Ok(());
        }
        self.adopt_if_new().await?;
        self.rekey(|_, header, secret, now| Policy::rekeyed(header, secret, now)).await?;
        event::renewed(&self.id());
        Ok(())
    }

    /// Changes the header to one with a fresh secret, for the client to be handed.
    pub(super) async fn rekey(
        &mut self,
        next: impl Fn(&Policy, &Header, &Secret, Timestamp) -> Header,
    ) -> Result<()> {
        let secret = Secret::random();
        let presented = self.token.clone();
        self.rewrite(|session, record, now| {
            // A token that is dead by now must not be exchanged for a live one (R5).
            let policy = &session.context.policy;
            policy.admit(&record.header, presented.secret(), now).map_err(|_| Error::gone())?;
            let mut change = Change::update(now, Self::expect_header(record));
            let header = next(policy, &record.header, &secret, now);
            if header.absolute_deadline() > record.header.absolute_deadline() {
                // The index keeps a session until then.
                change.index = header
                    .user()
                    .map(|user| IndexChange::new(None, Some(Join::new(user.clone(), None))));
            }
            change.header = Some(header);
            Ok(change)
        })
        .await?;
        self.hand_over(secret);
        Ok(())
    }

    /// From now on the client must use this secret.
    pub(super) fn hand_over(&mut self, secret: Secret) {
        self.token = Token::new(self.id(), secret);
        self.handover = Handover::Due;
    }

    async fn change_header(
        &mut self,
        next: impl Fn(&Policy, &Header, Timestamp) -> Header,
    ) -> Result<()> {
        self.rewrite(|session, record, now| {
            let mut change = Change::update(now, Self::expect_header(record));
            change.header = Some(next(&session.context.policy, &record.header, now));
            Ok(change)
        })
        .await
    }

    /// The guard of every change to the header.
    pub(super) fn expect_header(record: &Record) -> Expected {
        let header = &record.header;
        Expected {
            login_epoch: Some(header.login_epoch()),
            revision: Some(header.revision()),
            ..Expected::default()
        }
    }

    /// Writes a change that depends on the record, again on the new record if others were quicker.
    pub(super) async fn rewrite(
        &mut self,
        plan: impl Fn(&Self, &Record, Timestamp) -> Result<Change>,
    ) -> Result<()> {
        let mut retry = Retry::default();
        loop {
            let now = self.context.now();
            let record = self.stored()?;
            let change = plan(self, record, now)?;
            let header = change.header.clone().unwrap_or_else(|| record.header.clone());
            let next = Record::new(header, record.fields.with(&change.set, &change.remove));
            if self.apply(&change).await? == Outcome::Written {
                self.set_record(next);
                return Ok(());
            }
            retry.again().await?;
            self.load().await?;
        }
    }
}
