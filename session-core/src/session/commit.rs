//! The one way to write: a plan is made on what this handle knows of the record, and made again on
//! the present record for as long as others are quicker.

use std::sync::Arc;

use super::handle::{Replacement, Session, State};
use crate::data::{FieldChange, SessionData};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::Rekeyed;
use crate::retry::Retry;
use crate::store::{Applied, Change, Edit, Header, Key, Limit, Record, Rewrite, Save, Text};
use crate::time::Timestamp;
use crate::token::{Secret, Token};

/// What a plan is made on.
pub(super) struct Ground<'a> {
    /// The record as this handle knows it; of a new session, as it is about to be created.
    pub(super) record: &'a Record,
    /// What the client holds.
    pub(super) token: &'a Token,
    /// What the struct has that the record has not.
    pub(super) unsaved: &'a [FieldChange],
    pub(super) now: Timestamp,
    /// Whether the session is about to be created.
    pub(super) is_new: bool,
}

/// Whether a write takes along what was changed in the struct and not saved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsaved {
    Along,
    Stays,
}

/// What is to be written, and what the caller gets once it is.
pub(super) struct Plan<R> {
    /// The next header, if it changes: then the write is a compare-and-swap on its revision.
    pub(super) header: Option<Header>,
    /// The secret of the next header, if the client is to be given another one.
    pub(super) secret: Option<Secret>,
    /// What must be stored, where the header stays: a compare-and-swap on these texts.
    pub(super) expected: Vec<(Key, Option<Text>)>,
    pub(super) edit: Edit,
    /// For a login: how many sessions its user may have.
    pub(super) limit: Option<Limit>,
    pub(super) result: R,
}

impl<R> Plan<R> {
    /// Fields change.
    pub(super) fn fields(edit: Edit, result: R) -> Self {
        let (header, secret, expected, limit) = (None, None, Vec::new(), None);
        Self { header, secret, expected, edit, limit, result }
    }

    /// Fields change, if these texts are what is stored.
    pub(super) fn swap(expected: Vec<(Key, Option<Text>)>, edit: Edit, result: R) -> Self {
        Self { expected, ..Self::fields(edit, result) }
    }

    /// The header changes.
    pub(super) fn header(header: Header, edit: Edit, result: R) -> Self {
        Self { header: Some(header), ..Self::fields(edit, result) }
    }

    fn is_nothing(&self) -> bool {
        self.header.is_none() && self.expected.is_empty() && self.edit.is_empty()
    }

    /// The header changes, and with it the secret, which the client is to be given.
    pub(super) fn rekeyed(next: Rekeyed, edit: Edit, result: R) -> Self {
        Self { secret: Some(next.secret), ..Self::header(next.header, edit, result) }
    }
}

impl<D: SessionData> Session<D> {
    /// Carries out a plan. A conflict is planned anew on the present record, with a pause, up to 64
    /// times. A plan that writes nothing and expects nothing costs no call, unless it creates.
    pub(super) async fn commit<R>(
        &mut self,
        unsaved: Unsaved,
        mut plan: impl FnMut(&Ground<'_>) -> Result<Plan<R>>,
    ) -> Result<R> {
        self.settle().await?;
        let mut changes = self.along(unsaved)?;
        let mut retry = Retry::default();
        loop {
            let now = self.context.now();
            if let State::New { .. } = self.state {
                if let Some(result) = self.create(&mut plan, now).await? {
                    return Ok(result);
                }
                self.settle().await?;
                changes = self.along(unsaved)?;
                continue;
            }
            if !self.policy().is_live(&self.stored()?.header, now) {
                // Over, as far as this handle knows: then nothing done through it may prolong it.
                self.load().await?;
                continue;
            }
            let (record, token) = (self.stored()?, self.token());
            let plan =
                plan(&Ground { record, token: &token, unsaved: &changes, now, is_new: false })?;
            if plan.is_nothing() {
                return Ok(plan.result);
            }
            let (write, result) = self.prepare(plan, now)?;
            if self.write(write).await? == Outcome::Written {
                return Ok(result);
            }
            retry.again().await?;
            // An earlier write of this handle, given up as unavailable, may have come first.
            self.resolve_replacements().await?;
            self.load().await?;
            changes = self.along(unsaved)?;
        }
    }

    fn along(&self, unsaved: Unsaved) -> Result<Vec<FieldChange>> {
        match (&self.state, unsaved) {
            (State::Stored(_), Unsaved::Along) => self.unsaved(),
            // A new session is created with all fields of the struct.
            _ => Ok(Vec::new()),
        }
    }

    fn prepare<R>(&self, plan: Plan<R>, now: Timestamp) -> Result<(Write, R)> {
        let before = self.stored()?;
        let Plan { header, secret, expected, edit, limit, result } = plan;
        let fields = before.fields.with(&edit);
        self.policy().check_size(&before.fields, &edit, &fields)?;
        let Some(header) = header else {
            let record = Record::new(before.header.clone(), fields);
            let mut save = Save::of(&before.header, now);
            (save.expected, save.edit) = (expected, edit);
            return Ok((Write { change: Change::Save(save), record, token: None }, result));
        };
        let token = secret.map(|secret| Token::new(self.id(), secret));
        let record = Record::new(header.clone(), fields);
        let mut rewrite = Rewrite::new(&before.header, header, limit, now);
        rewrite.edit = edit;
        Ok((Write { change: Change::Rewrite(rewrite), record, token }, result))
    }

    /// Sends a write; if it took place, this handle knows the record after it.
    async fn write(&mut self, write: Write) -> Result<Outcome> {
        let (context, id) = (Arc::clone(&self.context), self.id());
        let Write { change, record, token } = write;
        let before = &self.stored()?.header;
        let (login_epoch, revision) = (before.login_epoch(), before.revision());
        if let Some(token) = token.clone() {
            self.replacements.push(Replacement { token, login_epoch, revision });
        }
        let applied = context.apply(&id, &change).await?;
        if token.is_some() {
            self.replacements.pop();
        }
        match applied {
            Applied::Applied => {
                self.replacements.retain(|sent| sent.may_still_come(&record.header));
                if let Some(token) = token {
                    self.origin.replaced(token);
                }
                self.state = State::Stored(record);
                Ok(Outcome::Written)
            }
            Applied::Conflict if change.has_conditions() => Ok(Outcome::Overtaken),
            Applied::Conflict => {
                Err(Error::store("the store reports a conflict for a change without conditions"))
            }
            Applied::Missing => {
                self.origin.gone();
                Err(Error::gone())
            }
            Applied::Superseded if !self.replacements.is_empty() => Ok(Outcome::Overtaken),
            Applied::Superseded => Err(Error::superseded()),
            Applied::Full => Err(limit_reached()),
        }
    }
}

/// A change, and what it leads to.
struct Write {
    change: Change,
    record: Record,
    /// That the client must be given once it is written.
    token: Option<Token>,
}

/// What became of a write whose session is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Written,
    /// By another write, of this handle or not: it is to be looked again.
    Overtaken,
}

pub(super) fn limit_reached() -> Error {
    let message = "the user has as many sessions as `max_sessions_per_user` allows; end one of \
                   them first";
    Error::new(ErrorKind::LimitReached, message)
}
