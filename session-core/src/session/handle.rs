//! The handle itself: what it holds, how it reads, and what it dereferences to.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::origin::{Creation, Delivery, Origin};
use crate::context::Context;
use crate::data::{Baseline, FieldChange, Role, SessionData, Stored, read_struct};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::Policy;
use crate::store::{Header, Record};
use crate::time::Timestamp;
use crate::token::Token;

/// One session, opened or just started. Dereferences to the struct `D`.
///
/// Change the struct and [`save`](Session::save); or use the per-field operations, which are
/// immediate and atomic. Each handle belongs to one request; several handles of one session, on any
/// number of servers, work side by side.
///
/// Every write fails with [`ErrorKind::Gone`] once the session has ended, and with
/// [`ErrorKind::Superseded`] once its user has logged in or out through another handle: a request
/// in flight never brings a session back. Dropping a handle saves nothing.
///
/// Changes through interior mutability (a `Cell` or `Mutex` in a field) are not noticed unless
/// something else borrows the struct mutably.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// use typed_sessions::{MemoryStore, SessionData, Sessions};
///
/// #[derive(SessionData)]
/// struct Shop { cart: Vec<String>, visits: u32 }
///
/// let sessions = Sessions::<Shop>::new(MemoryStore::new());
/// let mut session = sessions.start();
/// session.cart.push("tea".into());                   // a field of the struct
/// session.save().await?;                             // stores what changed
/// session.update(Shop::VISITS, |n| *n += 1).await?;  // immediate and atomic
///
/// let session = sessions.open(session.token().expose()).await?.expect("the session lives");
/// assert_eq!((session.cart.len(), session.visits), (1, 1));
/// # Ok(()) });
/// ```
pub struct Session<D: SessionData> {
    pub(super) context: Arc<Context>,
    pub(super) origin: Arc<Origin>,
    pub(super) mode: Mode,
    pub(super) state: State,
    pub(super) data: D,
    /// Each field as text, as it was before the struct was first borrowed mutably; `None` until
    /// then, so that a request that only reads never encodes anything.
    pub(super) baseline: Option<Baseline>,
    /// The creation that this handle has sent, until it knows what became of it.
    pub(super) sent: Option<Arc<Creation>>,
    /// The writes with another token that this handle has sent, until it knows what became of them.
    pub(super) replacements: Vec<Replacement>,
}

/// A write that replaces the secret.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    /// What the client must be given if it was carried out.
    pub(super) token: Token,
    /// What the header must be for it to be carried out.
    pub(super) login_epoch: u64,
    pub(super) revision: u64,
}

impl Replacement {
    /// Whether it would be carried out on this header. Otherwise it is refused when it comes.
    pub(super) fn may_still_come(&self, header: &Header) -> bool {
        (header.login_epoch(), header.revision()) == (self.login_epoch, self.revision)
    }
}

/// What a handle may do besides reading and writing fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Active,
    /// Nothing done through it touches or renews the session.
    Silent,
    /// It came from a live connection, which has no way to hand the client another token.
    Connected,
}

/// What this handle has seen of the session.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every handle is `Stored`; a box would cost each open an allocation"
)]
pub(super) enum State {
    /// Nothing yet: it was started then.
    New { started: Timestamp },
    /// As it was last seen in the store.
    Stored(Record),
}

impl<D: SessionData> Session<D> {
    pub(crate) fn start(context: Arc<Context>) -> Self {
        let state = State::New { started: context.now() };
        let origin = Arc::new(Origin::start());
        Self::new(context, origin, Mode::Active, state, D::__initial())
    }

    pub(super) fn opened(
        context: Arc<Context>,
        token: Token,
        delivery: Delivery,
        mode: Mode,
        record: Record,
        data: D,
    ) -> Self {
        let origin = Arc::new(Origin::opened(token, delivery));
        Self::new(context, origin, mode, State::Stored(record), data)
    }

    pub(super) fn new(
        context: Arc<Context>,
        origin: Arc<Origin>,
        mode: Mode,
        state: State,
        data: D,
    ) -> Self {
        let (baseline, sent, replacements) = (None, None, Vec::new());
        Self { context, origin, mode, state, data, baseline, sent, replacements }
    }

    /// Reads the whole struct from the store. Changes that were not saved are dropped; fields
    /// marked `skip` stay. Before the first save the struct gets its defaults.
    ///
    /// After a login or logout through a view of the same origin, this handle may write again.
    ///
    /// # Errors
    ///
    /// `Gone` when the session has ended; `Superseded` when its user logged in or out through a
    /// handle of another origin; `Decode` when a value does not fit.
    ///
    /// # Cost
    ///
    /// One `load`; none before the first save.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// other.set(Shop::VISITS, 5).await?;
    ///
    /// session.visits = 100;  // never saved
    /// session.reload().await?;
    /// assert_eq!(session.visits, 5);
    /// # Ok(()) });
    /// ```
    pub async fn reload(&mut self) -> Result<()> {
        let data = if self.settle_for(Of::TheToken).await? == Standing::Unsent {
            D::__initial()
        } else {
            let now = self.look_again(Of::TheToken).await?;
            self.read(now)?
        };
        self.absorb(data);
        Ok(())
    }

    /// The record, if this handle has seen one and the session is not known to have ended.
    pub(super) fn record(&self) -> Option<&Record> {
        match &self.state {
            State::Stored(record) if !self.is_ended() => Some(record),
            _ => None,
        }
    }

    /// The header, if this handle has seen one and the session is not known to have ended.
    pub(crate) fn header(&self) -> Option<&Header> {
        Some(&self.record()?.header)
    }

    /// The record, however old; `Gone` when this handle has none.
    pub(super) fn stored(&self) -> Result<&Record> {
        match &self.state {
            State::Stored(record) => Ok(record),
            State::New { .. } => Err(Error::gone()),
        }
    }

    /// Brings the record, but not the struct, up to date: the session must live and be of the same
    /// login epoch.
    pub(super) async fn load(&mut self) -> Result<Timestamp> {
        self.look_again(Of::TheHandle).await
    }

    /// Takes over the present record, if it lives and is of the login that it must be of.
    pub(super) async fn look_again(&mut self, of: Of) -> Result<Timestamp> {
        let (context, id) = (Arc::clone(&self.context), self.id());
        let found = context.load(&id).await?;
        let now = context.now();
        let Some(record) = found.filter(|record| context.policy.is_live(&record.header, now))
        else {
            self.origin.gone();
            return Err(Error::gone());
        };
        self.origin.found();
        let opens = |token: &Token| context.policy.admit(&record.header, token, now).is_ok();
        let login = self.sent.as_ref().map(|sent| &sent.token).filter(|token| opens(token));
        if let Some(token) = login.cloned() {
            // Its own creation was carried out, whatever became of the answer.
            self.origin.replaced(token);
        } else if record.header.login_epoch() != self.login_epoch()
            && !(of == Of::TheToken && opens(&self.origin.token()))
        {
            return Err(Error::superseded());
        }
        self.sent = None;
        self.take_over_record(record, now)?;
        Ok(now)
    }

    /// This handle knows this record from now on. If it is of another login than before, so are the
    /// fields that login and logout write.
    pub(super) fn take_over_record(&mut self, record: Record, now: Timestamp) -> Result<()> {
        if record.header.login_epoch() != self.login_epoch() {
            let fresh: D = read_struct(&record.header, &record.fields, now)?;
            let is_logged_in = fresh.__user().is_some();
            let stored = Stored::new(&record.fields, now);
            for (index, spec) in D::__FIELDS.iter().enumerate() {
                match spec.role {
                    Role::Plain => continue,
                    Role::User if !is_logged_in => self.data.__set_user(None),
                    Role::User | Role::UntilLogout => self.data.__read_field(index, &stored)?,
                }
                self.mark_saved(index);
            }
        }
        self.state = State::Stored(record);
        Ok(())
    }

    /// The login epoch to which this handle may write.
    pub(crate) fn login_epoch(&self) -> u64 {
        match &self.state {
            State::Stored(record) => record.header.login_epoch(),
            // Before any login.
            State::New { .. } => 0,
        }
    }

    /// The struct as the record has it.
    pub(super) fn read(&self, now: Timestamp) -> Result<D> {
        let record = self.stored()?;
        read_struct(&record.header, &record.fields, now)
    }

    /// The struct becomes what is stored.
    pub(super) fn absorb(&mut self, fresh: D) {
        self.data.__absorb(fresh);
        self.baseline = None;
    }

    /// The fields that differ from the baseline.
    pub(super) fn unsaved(&self) -> Result<Vec<FieldChange>> {
        match &self.baseline {
            None => Ok(Vec::new()),
            Some(baseline) => baseline.differences(&self.data),
        }
    }

    /// The struct and the store agree on this field again.
    pub(super) fn mark_saved(&mut self, index: usize) {
        if let Some(baseline) = &mut self.baseline {
            baseline.refresh(&self.data, index);
        }
    }

    pub(super) fn require_active(&self, operation: &str) -> Result<()> {
        let advice = match self.mode {
            Mode::Active => return Ok(()),
            Mode::Silent => "this session was opened by `peek`; `open` it",
            Mode::Connected => {
                "this handle came from a live connection, which cannot hand the client a new \
                 token; do it in a request"
            }
        };
        let message = format!("`{operation}` changes the secret, but {advice}");
        Err(Error::new(ErrorKind::Invalid, message))
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.context.policy
    }
}

/// Of which login a record must be that a handle takes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The one that the handle may write to.
    TheHandle,
    /// That one, or the one that the token opens now: a handle of the same origin logged in or out.
    TheToken,
}

/// Whether there is anything in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing was ever sent, by any handle.
    Unsent,
    Stored,
}

impl<D: SessionData> Deref for Session<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.data
    }
}

impl<D: SessionData> DerefMut for Session<D> {
    fn deref_mut(&mut self) -> &mut D {
        if self.baseline.is_none() {
            let bytes = self.record().map_or(0, |record| record.fields.bytes());
            self.baseline = Some(Baseline::of(&self.data, bytes));
        }
        &mut self.data
    }
}

impl<D: SessionData> fmt::Debug for Session<D> {
    /// Shows the id and nothing of the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Session");
        debug.field("id", &self.id()).field("mode", &self.mode).finish_non_exhaustive()
    }
}
