//! Several handles of one origin, saved in one write: what a request changed through views is
//! written along with what it changed through the session.

use std::any::Any;

use async_trait::async_trait;

use super::commit::{Ground, Plan, Unsaved};
use super::handle::{Session, State};
use super::save::{check_user, user_in};
use crate::data::{Baseline, FieldSpec, SessionData, Stored, Writer, Written, edit_of};
use crate::error::Result;
use crate::store::{Edit, Header, Record};
use crate::time::Timestamp;

/// A struct without fields: a session of it is the session itself, whatever is in it.
#[derive(Debug)]
pub struct Bare;

impl SessionData for Bare {
    type User = crate::NoUser;

    const __FIELDS: &'static [FieldSpec] = &[];

    fn __initial() -> Self {
        Self
    }

    fn __read(_: &Stored<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn __read_field(&mut self, _: usize, _: &Stored<'_>) -> Result<()> {
        Ok(())
    }

    fn __write_field(&self, _: usize, _: &mut Writer) -> Result<Written> {
        Ok(Written::Nothing)
    }

    fn __absorb(&mut self, _: Self) {}
}

/// A session of any struct.
#[async_trait]
pub trait Handle: Any + Send {
    /// Whether a save would write anything.
    fn is_changed(&self) -> bool;

    /// The record as this handle knows it.
    fn seen(&self) -> Option<&Record>;

    /// Finds out what became of a write of which no answer came.
    async fn settle(&mut self) -> Result<()>;

    /// What a save would write at `now` into a session with this header, as a part of an edit.
    fn add_changes(
        &self,
        edit: &mut Edit,
        header: &Header,
        is_new: bool,
        now: Timestamp,
    ) -> Result<()>;

    /// The session itself.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

#[async_trait]
impl<D: SessionData> Handle for Session<D> {
    fn is_changed(&self) -> bool {
        self.is_changed()
    }

    fn seen(&self) -> Option<&Record> {
        self.record()
    }

    async fn settle(&mut self) -> Result<()> {
        if self.sent.is_some() || self.replacement.is_some() {
            Session::settle(self).await?;
        }
        Ok(())
    }

    fn add_changes(
        &self,
        edit: &mut Edit,
        header: &Header,
        is_new: bool,
        now: Timestamp,
    ) -> Result<()> {
        let changes = if is_new { Baseline::to_store(&self.data)?.all() } else { self.unsaved()? };
        check_user::<D>(header, &changes, &user_in(&self.data))?;
        let Edit { set, remove } = edit_of::<D>(&changes, now);
        // Of two structs with one key the later one has its way.
        let is_named = |key: &_| set.iter().any(|(other, _)| other == key) || remove.contains(key);
        edit.set.retain(|(key, _)| !is_named(key));
        edit.remove.retain(|key| !is_named(key));
        edit.set.extend(set);
        edit.remove.extend(remove);
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// The handle takes over the record as another one of its origin knows it, if that one is not
/// older.
pub fn catch_up(session: &mut Session<Bare>, with: &dyn Handle) {
    if let Some(record) = with.seen()
        && session.record().is_none_or(|own| own.header.revision() <= record.header.revision())
    {
        session.state = State::Stored(record.clone());
    }
}

/// Saves what was changed through any of these handles of one origin, in one write. The handles are
/// used up by it: they do not learn what was written.
///
/// What was changed before one of them logged in or out is written as well.
pub async fn save_together(
    session: &mut Session<Bare>,
    handles: &mut [Box<dyn Handle>],
) -> Result<()> {
    for handle in &mut *handles {
        handle.settle().await?;
        catch_up(session, &**handle);
    }
    session
        .commit(Unsaved::Along, |Ground { record, now, is_new, .. }| {
            let mut edit = Edit::default();
            // Exclusively, so that the data of a handle need not be `Sync`.
            for handle in handles.iter_mut().filter(|handle| handle.is_changed()) {
                handle.add_changes(&mut edit, &record.header, *is_new, *now)?;
            }
            Ok(Plan::fields(edit, ()))
        })
        .await
}
