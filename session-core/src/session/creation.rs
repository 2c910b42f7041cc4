//! The one way in which a record comes into being.
//!
//! A creation is remembered from before it is sent until its answer is known, by all handles of the
//! origin. Whoever needs to know whether it was carried out sends it again, without the login if it
//! has one: the place is taken then, by the first sending or by the second, and only one of both
//! can have been carried out. So no answer that was lost, no future that was dropped and no other
//! handle can create a session twice, write over it, or bring back a login that was revoked
//! meanwhile.

use std::sync::Arc;

use super::commit::{Ground, Plan, limit_reached};
use super::handle::{Of, Session, Standing, State};
use super::origin::{Claim, Creation, Life};
use crate::data::{Baseline, Role, SessionData, edit_of};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Ended, Event};
use crate::store::{Applied, Change, Create, Edit, Fields, Header, Key, Owned, Record, Text};
use crate::time::Timestamp;
use crate::token::Token;

impl<D: SessionData> Session<D> {
    /// Finds out what became of everything that was sent before, and takes over the record if there
    /// is one. No store call unless this handle has not seen the record that another one of its
    /// origin created, or an answer is outstanding.
    pub(super) async fn settle(&mut self) -> Result<Standing> {
        self.settle_for(Of::TheHandle).await
    }

    /// The same, for a record of this login.
    pub(super) async fn settle_for(&mut self, of: Of) -> Result<Standing> {
        let life = self.origin.life();
        if let State::New { .. } = self.state {
            match life {
                Life::Unsent(_) => return Ok(Standing::Unsent),
                Life::Sent(creation) => self.take_its_place(&creation).await?,
                Life::Stored | Life::Gone => {}
                Life::Ending(_) | Life::Ended => return Err(Error::gone()),
            }
            self.look_again(of).await?;
        } else if let Life::Ended = life {
            return Err(Error::gone());
        }
        self.resolve_replacements().await?;
        Ok(Standing::Stored)
    }

    /// Carries out a plan on a session that is not stored yet: creates it, with all fields of the
    /// struct. `None` when another handle of the origin was quicker.
    pub(super) async fn create<R>(
        &mut self,
        plan: &mut impl FnMut(&Ground<'_>) -> Result<Plan<R>>,
        now: Timestamp,
    ) -> Result<Option<R>> {
        let Life::Unsent(lineage) = self.origin.life() else { return Ok(None) };
        let texts = Baseline::to_store(&self.data)?;
        let (token, policy) = (self.origin.token(), &self.context.policy);
        let fields = Fields::default().with(&edit_of::<D>(&texts.all(), now));
        let anonymous = Record::new(policy.create(token.secret(), lineage, now), fields);
        let ground = Ground { record: &anonymous, token: &token, unsaved: &[], now, is_new: true };
        let plan = plan(&ground)?;
        let Plan { header, secret, expected: _, edit, limit, result } = plan;
        let without_login = header.as_ref().is_some_and(|header| header.user().is_some());
        let without_login =
            without_login.then(|| Change::Create(anonymously::<D>(&anonymous, now)));
        let header = header.unwrap_or(anonymous.header);
        let fields = anonymous.fields.with(&edit);
        check_user::<D>(&header, &fields)?;
        let set = all_of(&fields);
        let whole = Edit { set, remove: Vec::new() };
        policy.check_size(&Fields::default(), &whole, &fields)?;

        let token = match secret {
            Some(secret) => Token::new(token.id(), secret),
            None => token,
        };
        let create = Create { now, header: header.clone(), fields: whole.set, limit };
        let (change, record) = (Change::Create(create), Record::new(header, fields));
        let without_login = without_login.unwrap_or_else(|| change.clone());
        let creation = Arc::new(Creation { change, without_login, record, token, lineage });
        if self.origin.claim(&creation)? == Claim::Taken {
            return Ok(None);
        }
        // Whatever becomes of it: what is sent now need not be sent again.
        let before = self.baseline.replace(texts);
        self.sent = Some(Arc::clone(&creation));
        let (context, id) = (Arc::clone(&self.context), self.id());
        match context.apply(&id, &creation.change).await? {
            Applied::Applied => {
                self.let_it_stay(&creation, creation.record.header.login_epoch()).await?;
                self.origin.replaced(creation.token.clone());
                self.state = State::Stored(creation.record.clone());
                (self.baseline, self.sent) = (None, None);
                Ok(Some(result))
            }
            // Another handle of the origin has settled it meanwhile.
            Applied::Conflict => {
                self.let_it_stay(&creation, 0).await?;
                self.look_again(Of::TheHandle).await?;
                let is_of_the_login = self.login_epoch() == creation.record.header.login_epoch();
                Ok(is_of_the_login.then_some(result))
            }
            Applied::Full => {
                self.origin.refused(&creation);
                (self.baseline, self.sent) = (before, None);
                Err(limit_reached())
            }
            Applied::Missing | Applied::Superseded => Err(odd_answer()),
        }
    }

    /// Takes the place of a creation of which no answer came, unless it was carried out.
    async fn take_its_place(&mut self, creation: &Arc<Creation>) -> Result<()> {
        let (context, id) = (Arc::clone(&self.context), self.id());
        match context.apply(&id, &creation.without_login).await? {
            Applied::Applied => self.let_it_stay(creation, 0).await,
            Applied::Conflict => {
                self.origin.created(creation);
                Ok(())
            }
            Applied::Missing | Applied::Superseded | Applied::Full => Err(odd_answer()),
        }
    }

    /// What was created stays, unless the session was destroyed meanwhile: then it must not have
    /// come into being.
    async fn let_it_stay(&mut self, creation: &Arc<Creation>, login_epoch: u64) -> Result<()> {
        let (context, id) = (Arc::clone(&self.context), self.id());
        if self.origin.created(creation) == Claim::Granted {
            context.tell(Event::Created(&id));
            return Ok(());
        }
        context.end(&id, &Owned::OfLogin(login_epoch), Ended::Destroyed).await?;
        Err(Error::gone())
    }

    /// Finds out whether a write took place that would have replaced the secret.
    pub(super) async fn resolve_replacements(&mut self) -> Result<()> {
        if self.replacements.is_empty() {
            return Ok(());
        }
        let (context, id) = (Arc::clone(&self.context), self.id());
        let found = context.load(&id).await?;
        let now = context.now();
        let Some(record) = found.filter(|record| context.policy.is_live(&record.header, now))
        else {
            self.replacements.clear();
            self.origin.gone();
            return Err(Error::gone());
        };
        let header = &record.header;
        let mut tokens = self.replacements.iter().map(|sent| &sent.token);
        if let Some(token) = tokens.find(|token| context.policy.admit(header, token, now).is_ok()) {
            self.origin.replaced(token.clone());
            self.replacements.clear();
            return self.take_over_record(record, now);
        }
        self.replacements.retain(|sent| sent.may_still_come(header));
        Ok(())
    }
}

/// The creation of this record without a login.
fn anonymously<D: SessionData>(record: &Record, now: Timestamp) -> Create {
    let mut fields = all_of(&record.fields);
    let user_field = D::__FIELDS.iter().find(|spec| spec.role == Role::User);
    fields.retain(|(key, _)| user_field.is_none_or(|spec| spec.key != key.as_str()));
    Create { now, header: record.header.clone(), fields, limit: None }
}

fn all_of(fields: &Fields) -> Vec<(Key, Text)> {
    fields.iter().map(|(key, text)| (key.clone(), text.clone())).collect()
}

/// Only a login stores a user.
fn check_user<D: SessionData>(header: &Header, fields: &Fields) -> Result<()> {
    let user_field = D::__FIELDS.iter().find(|spec| spec.role == Role::User);
    let is_set = user_field.is_some_and(|spec| fields.get(spec.key).is_some());
    if is_set && header.user().is_none() { Err(user_without_login()) } else { Ok(()) }
}

pub(super) fn user_without_login() -> Error {
    let message = "the user field was set, cleared or given to another user: call `login` or \
                   `logout` for that";
    Error::new(ErrorKind::Invalid, message)
}

fn odd_answer() -> Error {
    Error::store("the store answers a creation as only other writes are answered")
}
