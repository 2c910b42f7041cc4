//! Several handles of one origin, saved in one write: what a request changed through views is
//! written along with what it changed through the session.

use std::any::Any;

use async_trait::async_trait;

use super::commit::{Ground, Plan, Unsaved};
use super::handle::{Session, State};
use super::login::cleared;
use super::save::{check_user, user_in};
use crate::data::{Baseline, FieldSpec, Role, SessionData, Stored, Writer, Written, edit_of};
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

    /// What is to be below the changes of all handles, in a save at `now` into a session with this
    /// header: all fields of the struct, if the session is new; the clearing of those that were
    /// another user's.
    fn add_ground(
        &self,
        edit: &mut Edit,
        header: &Header,
        is_new: bool,
        now: Timestamp,
    ) -> Result<()>;

    /// What was changed through this handle.
    fn add_changes(&self, edit: &mut Edit, header: &Header, now: Timestamp) -> Result<()>;

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
        if self.sent.is_some() || !self.replacements.is_empty() {
            Session::settle(self).await?;
        }
        Ok(())
    }

    fn add_ground(
        &self,
        edit: &mut Edit,
        header: &Header,
        is_new: bool,
        now: Timestamp,
    ) -> Result<()> {
        if is_new {
            let all = Baseline::to_store(&self.data)?.all();
            check_user::<D>(header, &all, &user_in(&self.data))?;
            put_over(edit, edit_of::<D>(&all, now));
        } else if was_of_another_user(self, header) {
            put_over(edit, edit_of::<D>(&cleared::<D>(Vec::new()), now));
        }
        Ok(())
    }

    fn add_changes(&self, edit: &mut Edit, header: &Header, now: Timestamp) -> Result<()> {
        let mut changes = self.unsaved()?;
        check_user::<D>(header, &changes, &user_in(&self.data))?;
        if was_of_another_user(self, header) {
            changes.retain(|(index, _)| D::__FIELDS[*index].role != Role::UntilLogout);
        }
        put_over(edit, edit_of::<D>(&changes, now));
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Whether the user who was logged in when this handle was used has been logged out since, through
/// another one: then what the handle has in fields marked `until_logout` is that user's.
fn was_of_another_user<D: SessionData>(session: &Session<D>, header: &Header) -> bool {
    let before = session.record().and_then(|record| record.header.user());
    before.is_some_and(|before| header.user() != Some(before))
}

/// Of two edits of one key the later one has its way.
fn put_over(edit: &mut Edit, Edit { set, remove }: Edit) {
    let is_named = |key: &_| set.iter().any(|(other, _)| other == key) || remove.contains(key);
    edit.set.retain(|(key, _)| !is_named(key));
    edit.remove.retain(|key| !is_named(key));
    edit.set.extend(set);
    edit.remove.extend(remove);
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
/// What was changed before one of them logged in or out is written as well, but for what a logout
/// clears, if another user had been logged in.
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
                handle.add_ground(&mut edit, &record.header, *is_new, *now)?;
            }
            for handle in handles.iter_mut().filter(|handle| handle.is_changed()) {
                handle.add_changes(&mut edit, &record.header, *now)?;
            }
            Ok(Plan::fields(edit, ()))
        })
        .await
}
