//! A compare-and-swap over the whole struct.

use super::edit::expect_all;
use super::save::{FieldChange, differences, texts};
use super::{Outcome, Session, State};
use crate::data::SessionData;
use crate::error::Result;
use crate::retry::Retry;
use crate::stored::Stored;
use crate::time::Timestamp;

impl<D: SessionData> Session<D> {
    /// Changes the struct by compare-and-swap over all its fields: `change` runs on what is stored, with the unsaved
    /// changes of this handle on top, again if others were quicker; then everything is written at once. Returns what
    /// `change` returned the last time.
    ///
    /// Serializable over the fields of `D`, those only read included (no write skew). The unsaved changes are part of it;
    /// fields marked `skip` are not, `change` sees their defaults. After 64 tries `Conflict`; on any error nothing was
    /// written and the struct is as it was.
    ///
    /// Cost: one `apply`; for each time that others were quicker one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// #[derive(SessionData)]
    /// struct Wallet {
    ///     cash: u32,
    ///     savings: u32,
    /// }
    ///
    /// # let sessions = Sessions::<Wallet>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.set(Wallet::CASH, 100).await?;
    /// let moved = session.transact(|wallet| {
    ///     let amount = wallet.cash.min(30);
    ///     wallet.cash -= amount;
    ///     wallet.savings += amount;
    ///     amount
    /// });
    /// assert_eq!(moved.await?, 30);
    /// assert_eq!((session.cash, session.savings), (70, 30));
    /// # Ok(()) }
    /// ```
    pub async fn transact<R>(&mut self, mut change: impl FnMut(&mut D) -> R) -> Result<R> {
        if let State::New { .. } = self.state
            && let Some(result) = self.transact_new(&mut change).await?
        {
            return Ok(result);
        }
        let unsaved = self.unsaved()?;
        let mut retry = Retry::default();
        loop {
            let now = self.context.now();
            let mut data = self.read(now)?;
            let before = texts(&data);
            overlay(&mut data, &unsaved, now)?;
            let result = change(&mut data);
            let changes = differences(&data, &before)?;
            self.check_user(&data, &changes)?;
            let expected = expect_all::<D>(&self.stored()?.fields);
            if self.commit(now, Self::edit(&changes, now), expected).await? == Outcome::Written {
                self.absorb(data);
                return Ok(result);
            }
            retry.again().await?;
            self.load().await?;
        }
    }

    /// `None` when the session is there already.
    async fn transact_new<R>(&mut self, change: &mut impl FnMut(&mut D) -> R) -> Result<Option<R>> {
        let mut data = D::initial();
        overlay(&mut data, &self.unsaved()?, self.context.now())?;
        let result = change(&mut data);
        let everything: Vec<_> = (0..D::FIELDS.len())
            .map(|index| Ok((index, data.write_field(index)?)))
            .collect::<Result<_>>()?;
        self.check_user(&data, &everything)?;
        if self.save_new(&everything).await? == Outcome::Conflict {
            return Ok(None);
        }
        self.absorb(data);
        Ok(Some(result))
    }
}

/// Puts texts of fields into a struct.
fn overlay<D: SessionData>(data: &mut D, changes: &[FieldChange], now: Timestamp) -> Result<()> {
    let fields = Session::<D>::edit(changes, now).alone();
    let stored = Stored::new(&fields, now);
    changes.iter().try_for_each(|(index, _)| data.read_field(*index, &stored))
}
