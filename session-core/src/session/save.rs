//! Saving the struct: the first save creates, later ones send what changed.

use std::sync::Arc;

use super::birth::{Approach, Creation};
use super::edit::Edit;
use super::{FieldText, Handover, Outcome, Session, State, Tried};
use crate::change::{Change, Expected, IndexChange};
use crate::data::{Role, SessionData, SessionUser};
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::fields::{Fields, Key, Text};
use crate::policy::admit::Admission;
use crate::record::{Header, Record};
use crate::time::Timestamp;
use crate::user::UserId;

/// A field and its new text.
pub(super) type FieldChange = (usize, Option<String>);

impl<D: SessionData> Session<D> {
    /// Stores what changed. The first save creates the session with all its fields; later ones send only the fields whose
    /// text is no longer what it was when the struct was first borrowed mutably, so concurrent saves of different fields
    /// both survive. For one field the last save wins; [`update`](Session::update) and [`transact`](Session::transact)
    /// lose nothing.
    ///
    /// Atomic: all fields or none. `Gone` when the session has ended or its user changed since it was opened, `TooLarge`
    /// and `Encode` before anything is sent, `Invalid` when the user field was changed without a login.
    ///
    /// Cost: one `apply`; none when nothing changed.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { cart: Vec<String>, language: String }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let token = session.token().expose();
    /// let mut other = sessions.open(&token).await?.expect("the session lives");
    ///
    /// session.cart.push("tea".into());
    /// session.save().await?;  // sends `cart`
    /// other.language = "de".into();
    /// other.save().await?;    // sends `language`: the cart stays
    /// let both = sessions.open(&token).await?.expect("the session lives");
    /// assert_eq!((both.cart.len(), both.language.as_str()), (1, "de"));
    /// # Ok(()) }
    /// ```
    pub async fn save(&mut self) -> Result<()> {
        let unsaved = self.unsaved()?;
        self.check_user(&self.data, &unsaved)?;
        if let State::New { .. } = self.state
            && self.save_new(&unsaved).await? == Outcome::Written
        {
            return Ok(());
        }
        self.stored()?;
        let unsaved = self.unsaved()?;
        if !unsaved.is_empty() {
            let now = self.context.now();
            self.write(now, Self::edit(&unsaved, now)).await?;
        }
        self.baseline = None;
        Ok(())
    }

    /// Stores a new session with these fields. `Conflict` when it is there already: it is adopted, and the handle goes on
    /// like every other.
    pub(super) async fn save_new(&mut self, everything: &[FieldChange]) -> Result<Outcome> {
        let now = self.context.now();
        self.store_new(now, Self::edit(everything, now)).await
    }

    pub(super) async fn store_new(&mut self, now: Timestamp, edit: Edit) -> Result<Outcome> {
        let header = self.context.policy.create(self.token.secret(), now);
        self.create_or_adopt(now, header, edit, None).await
    }

    pub(super) async fn create_or_adopt(
        &mut self,
        now: Timestamp,
        header: Header,
        edit: Edit,
        index: Option<IndexChange>,
    ) -> Result<Outcome> {
        let tried = match &self.state {
            State::New { tried, .. } => *tried,
            State::Stored { .. } | State::Ended => Tried::No,
        };
        let outcome = self.create(now, header, edit, index).await?;
        if outcome == Outcome::Conflict {
            self.adopt(tried).await?;
        }
        Ok(outcome)
    }

    /// Remembers every field's text, before the first mutable borrow.
    pub(super) fn remember_baseline(&mut self) {
        if self.baseline.is_none() {
            self.baseline = Some(texts(&self.data));
        }
    }

    /// The struct and the store agree on this field again.
    pub(super) fn mark_saved(&mut self, index: usize) {
        if let Some(baseline) = &mut self.baseline {
            baseline[index] = FieldText::of(&self.data, index);
        }
    }

    /// The fields that differ from the baseline; before the first save, all.
    pub(super) fn unsaved(&self) -> Result<Vec<FieldChange>> {
        if let State::New { .. } = self.state {
            return (0..D::FIELDS.len())
                .map(|index| Ok((index, self.data.write_field(index)?)))
                .collect();
        }
        match &self.baseline {
            None => Ok(Vec::new()),
            Some(baseline) => differences(&self.data, baseline),
        }
    }

    pub(super) fn edit(changes: &[FieldChange], now: Timestamp) -> Edit {
        let mut edit = Edit::default();
        for (index, text) in changes {
            edit.put(&D::FIELDS[*index], text.as_deref(), now);
        }
        edit
    }

    /// The user's data may be edited, but only login and logout decide who the user is.
    pub(super) fn check_user(&self, data: &D, changes: &[FieldChange]) -> Result<()> {
        let touches_user = changes.iter().any(|(index, _)| D::FIELDS[*index].role == Role::User);
        if !touches_user {
            return Ok(());
        }
        let user = data.user().map(|user| UserId::new(user.id())).transpose()?;
        if user.as_ref() == self.record().and_then(|record| record.header.user()) {
            return Ok(());
        }
        let message = "the user field was set, cleared or given to another user: call `login` or `logout` for that";
        Err(Error::new(ErrorKind::Invalid, message))
    }

    /// Writes fields into the record, whatever they were.
    pub(super) async fn write(&mut self, now: Timestamp, edit: Edit) -> Result<()> {
        match self.commit(now, edit, Vec::new()).await? {
            Outcome::Written => Ok(()),
            Outcome::Conflict => {
                Err(Error::store("the store reports a conflict for a change without conditions"))
            }
        }
    }

    /// Writes fields into the record, if those in `expected` are as they were.
    pub(super) async fn commit(
        &mut self,
        now: Timestamp,
        edit: Edit,
        expected: Vec<(Key, Option<Text>)>,
    ) -> Result<Outcome> {
        let record = self.stored()?;
        let fields = edit.check(&record.fields, &self.context.policy)?;
        let login_epoch = Some(record.header.login_epoch());
        let mut change =
            Change::update(now, Expected { login_epoch, fields: expected, ..Expected::default() });
        edit.fill(&mut change);
        let next = Record::new(record.header.clone(), fields);
        let outcome = self.apply(&change).await?;
        if outcome == Outcome::Written {
            self.set_record(next);
        }
        Ok(outcome)
    }

    /// Creates the record. A conflict means that it is there already: [`adopt`](Session::adopt) it.
    pub(super) async fn create(
        &mut self,
        now: Timestamp,
        header: Header,
        edit: Edit,
        index: Option<IndexChange>,
    ) -> Result<Outcome> {
        let State::New { birth, tried, .. } = &mut self.state else {
            return Err(Error::gone());
        };
        let birth = Arc::clone(birth);
        let fields = edit.check(&Fields::default(), &self.context.policy)?;
        match birth.approach() {
            Approach::Create => *tried = Tried::Yes,
            Approach::Adopt => return Ok(Outcome::Conflict),
            Approach::Refuse => return Err(Error::gone()),
        }
        let mut change = Change::create(now, header.clone());
        edit.fill(&mut change);
        change.index = index;
        let outcome = self.apply(&change).await?;
        if outcome == Outcome::Written {
            if let Creation::Revived = birth.created() {
                self.context.store.delete(&self.id()).await?;
                return Err(Error::gone());
            }
            event::created(&self.id());
            self.became(Record::new(header, fields));
        }
        Ok(outcome)
    }

    /// Takes the record that another handle of this session, or an earlier try whose answer was lost, has created.
    pub(super) async fn adopt(&mut self, tried: Tried) -> Result<()> {
        let record = self.context.store.load(&self.id()).await?.ok_or_else(Error::gone)?;
        let now = self.context.now();
        match self.context.policy.admit(&record.header, self.token.secret(), now) {
            Ok(Admission::Current) => {}
            Ok(Admission::Previous { .. }) | Err(_) => return Err(Error::gone()),
        }
        if let State::New { birth, .. } = &self.state {
            birth.seen();
        }
        self.became(record);
        self.baseline = Some(match tried {
            // Another handle's: only what was changed since the start is this one's to write.
            Tried::No => texts(&D::initial()),
            // Its own, perhaps with values that have changed since: all is to be written.
            Tried::Yes => D::FIELDS.iter().map(|_| FieldText::Unknown).collect(),
        });
        Ok(())
    }

    /// Whether nothing of the session was ever sent to the store, by any handle.
    pub(super) fn is_unborn(&self) -> bool {
        matches!(&self.state, State::New { birth, .. } if birth.is_untried())
    }

    /// Takes the record if another handle has created it.
    pub(super) async fn adopt_if_new(&mut self) -> Result<()> {
        match &self.state {
            State::New { tried, .. } => {
                let tried = *tried;
                self.adopt(tried).await
            }
            State::Stored { .. } | State::Ended => Ok(()),
        }
    }

    /// The session is stored now, and the client must hear of it.
    fn became(&mut self, record: Record) {
        self.set_record(record);
        self.baseline = None;
        self.handover = Handover::Due;
    }
}

/// Every field as text.
pub(super) fn texts<D: SessionData>(data: &D) -> Vec<FieldText> {
    (0..D::FIELDS.len()).map(|index| FieldText::of(data, index)).collect()
}

/// The fields whose text is no longer what it was.
pub(super) fn differences<D: SessionData>(
    data: &D,
    before: &[FieldText],
) -> Result<Vec<FieldChange>> {
    let mut changes = Vec::new();
    for (index, before) in before.iter().enumerate() {
        let text = data.write_field(index)?;
        if !before.is(text.as_deref()) {
            changes.push((index, text));
        }
    }
    Ok(changes)
}

impl FieldText {
    fn of<D: SessionData>(data: &D, index: usize) -> Self {
        data.write_field(index).map_or(FieldText::Unknown, FieldText::Known)
    }

    fn is(&self, text: Option<&str>) -> bool {
        matches!(self, FieldText::Known(known) if known.as_deref() == text)
    }
}
