//! A compare-and-swap over the whole struct.

use super::commit::{Ground, Plan, Unsaved};
use super::handle::Session;
use super::save::{check_user, user_in};
use crate::data::{Baseline, SessionData, Stored, edit_of, expect_all, read_struct};
use crate::error::Result;
use crate::store::Fields;

impl<D: SessionData> Session<D> {
    /// Changes the struct by compare-and-swap over all its fields: `change` runs on what is stored,
    /// with the unsaved changes of this handle on top, again if others were quicker; then
    /// everything is written at once. Returns what `change` returned the last time.
    ///
    /// # Atomicity
    ///
    /// Serializable over the fields of `D`, those only read included (no write skew). The unsaved
    /// changes are part of it; fields marked `skip` are not, `change` sees their defaults.
    ///
    /// # Errors
    ///
    /// `Conflict` after 64 tries; otherwise as [`save`](Session::save). On any error the struct is
    /// as it was.
    ///
    /// # Cost
    ///
    /// One `apply`; for each time that others were quicker one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
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
    /// # Ok(()) });
    /// ```
    pub async fn transact<R>(&mut self, mut change: impl FnMut(&mut D) -> R) -> Result<R> {
        let (data, result) = self
            .commit(Unsaved::Along, |Ground { record, unsaved, now, .. }| {
                let mut data = read_struct::<D>(&record.header, &record.fields, *now)?;
                let before = Baseline::of(&data, record.fields.bytes());
                let alone = Fields::default().with(&edit_of::<D>(unsaved, *now));
                let overlay = Stored::new(&alone, *now);
                unsaved.iter().try_for_each(|(index, _)| data.__read_field(*index, &overlay))?;
                let result = change(&mut data);
                let changes = before.differences(&data)?;
                check_user::<D>(&record.header, &changes, &user_in(&data))?;
                let expected = expect_all::<D>(&record.fields);
                Ok(Plan::swap(expected, edit_of::<D>(&changes, *now), (data, result)))
            })
            .await?;
        self.absorb(data);
        Ok(result)
    }
}
