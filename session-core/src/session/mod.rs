//! A handle on one session: the struct, and what may be done with it.

mod birth;
pub(crate) mod edit;
mod field_ops;
mod login;
mod look;
mod raw;
mod save;
mod secret;
mod step_up;
mod transact;
mod view;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use self::birth::{Birth, MaybeStored};
use crate::change::{Applied, Change};
use crate::data::SessionData;
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::record::Record;
use crate::sessions::Context;
use crate::stored::read_struct;
use crate::time::Timestamp;
use crate::token::Token;

/// One session, opened or just started. Dereferences to the struct `D`.
///
/// Change the struct and [`save`](Session::save); or use the per-field operations, which are immediate and atomic. Each
/// handle belongs to one request; several handles of one session, on any number of servers, work side by side.
///
/// Every write fails with [`ErrorKind::Gone`] once the session has ended or its user has logged in or out through another
/// handle: a request in flight never brings a session back. Dropping a handle saves nothing.
///
/// Changes through interior mutability (a `Cell` or `Mutex` in a field) are not noticed unless something else borrows the
/// struct mutably.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
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
/// # Ok(()) }
/// ```
pub struct Session<D: SessionData> {
    context: Arc<Context>,
    token: Token,
    handover: Handover,
    mode: Mode,
    state: State,
    data: D,
    /// Each field as text, as it was before the struct was first borrowed mutably; `None` until then, so that a request
    /// that only reads never encodes anything.
    baseline: Option<Vec<FieldText>>,
}

/// Whether the client has yet to be given the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handover {
    /// It holds it already, or there is nothing to open yet.
    Done,
    Due,
}

/// What a handle may do besides reading and writing fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Active,
    /// Nothing done through it touches or renews the session.
    Silent,
}

/// Where the session is in its life, as far as this handle knows.
#[derive(Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every handle is `Stored`; a box would cost each open an allocation"
)]
enum State {
    /// Nothing is stored yet.
    New { started: Timestamp, birth: Arc<Birth>, tried: Tried },
    /// As it was last seen in the store.
    Stored { record: Record, birth: Option<Arc<Birth>> },
    /// It was destroyed through this handle.
    Ended,
}

/// Whether this handle has sent a creation, which may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    No,
    Yes,
}

/// A field's text at some moment. `Unknown`, as of a value that cannot be encoded, differs from every text.
enum FieldText {
    Known(Option<String>),
    Unknown,
}

impl State {
    fn of_another_handle(&self) -> Self {
        let mut state = self.clone();
        if let State::New { tried, .. } = &mut state {
            *tried = Tried::No;
        }
        state
    }
}

impl<D: SessionData> Session<D> {
    pub(crate) fn start(context: Arc<Context>) -> Self {
        let token = Token::random();
        let state = State::New { started: context.now(), birth: Arc::default(), tried: Tried::No };
        let (handover, mode) = (Handover::Done, Mode::Active);
        Self { context, token, handover, mode, state, data: D::initial(), baseline: None }
    }

    pub(crate) fn opened(
        context: Arc<Context>,
        token: Token,
        handover: Handover,
        mode: Mode,
        record: Record,
        data: D,
    ) -> Self {
        let state = State::Stored { record, birth: None };
        Self { context, token, handover, mode, state, data, baseline: None }
    }

    /// Reads the whole struct from the store. Changes that were not saved are dropped; fields marked `skip` stay.
    ///
    /// `Gone` when the session has ended or its user changed. Cost: one `load`; none before the first save, when the
    /// struct gets its defaults.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// other.set(Shop::VISITS, 5).await?;
    ///
    /// session.visits = 100;  // never saved
    /// session.reload().await?;
    /// assert_eq!(session.visits, 5);
    /// # Ok(()) }
    /// ```
    pub async fn reload(&mut self) -> Result<()> {
        let data = match self.state {
            State::New { .. } => D::initial(),
            State::Stored { .. } | State::Ended => {
                let now = self.load().await?;
                self.read(now)?
            }
        };
        self.absorb(data);
        Ok(())
    }

    /// Ends the session for good, on all devices that hold its token. Nothing can bring it back.
    ///
    /// Cost: one `delete`; none before the first save. Ending a session that has ended is no error.
    ///
    /// ```
    /// # use typed_sessions::{ErrorKind, MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let token = session.token().expose();
    /// let mut in_flight = sessions.open(&token).await?.expect("the session lives");
    ///
    /// session.destroy().await?;
    /// assert!(sessions.open(&token).await?.is_none());
    /// in_flight.visits += 1;
    /// assert_eq!(in_flight.save().await.unwrap_err().kind(), ErrorKind::Gone);
    /// # Ok(()) }
    /// ```
    pub async fn destroy(&mut self) -> Result<()> {
        let birth = match &self.state {
            State::New { birth, .. } => Some(birth),
            State::Stored { birth, .. } => birth.as_ref(),
            State::Ended => return Ok(()),
        };
        let stored = birth.map_or(MaybeStored::Yes, |birth| birth.end());
        if stored == MaybeStored::Yes && self.context.store.delete(&self.id()).await? {
            event::ended(&self.id(), event::Ended::Destroyed);
        }
        self.state = State::Ended;
        self.handover = Handover::Done;
        Ok(())
    }

    fn record(&self) -> Option<&Record> {
        match &self.state {
            State::Stored { record, .. } => Some(record),
            State::New { .. } | State::Ended => None,
        }
    }

    /// The record; `Gone` when this handle has none.
    fn stored(&self) -> Result<&Record> {
        self.record().ok_or_else(Error::gone)
    }

    fn set_record(&mut self, next: Record) {
        match &mut self.state {
            State::Stored { record, .. } => *record = next,
            State::New { birth, .. } => {
                let birth = Some(Arc::clone(birth));
                self.state = State::Stored { record: next, birth };
            }
            State::Ended => {}
        }
    }

    /// Brings the record, but not the struct, up to date: the session must live and be of the same login epoch.
    async fn load(&mut self) -> Result<Timestamp> {
        let epoch = self.stored()?.header.login_epoch();
        let record = self.context.store.load(&self.id()).await?.ok_or_else(Error::gone)?;
        let now = self.context.now();
        if !record.header.is_live(now) || record.header.login_epoch() != epoch {
            return Err(Error::gone());
        }
        self.set_record(record);
        Ok(now)
    }

    /// The struct as the record has it.
    fn read(&self, now: Timestamp) -> Result<D> {
        read_struct(self.stored()?, now)
    }

    /// The struct becomes what is stored.
    fn absorb(&mut self, fresh: D) {
        self.data.absorb(fresh);
        self.baseline = None;
    }

    /// Sends a change; `Gone` and `LimitReached` are errors, a conflict is for the caller to resolve.
    async fn apply(&self, change: &Change) -> Result<Outcome> {
        match self.context.store.apply(&self.id(), change).await? {
            Applied::Applied => Ok(Outcome::Written),
            Applied::Conflict => Ok(Outcome::Conflict),
            Applied::Missing => Err(Error::gone()),
            Applied::Full => {
                let message = "the user has as many sessions as `max_sessions_per_user` allows; end one of them first";
                Err(Error::new(ErrorKind::LimitReached, message))
            }
        }
    }

    fn require_active(&self, operation: &str) -> Result<()> {
        match self.mode {
            Mode::Active => Ok(()),
            Mode::Silent => {
                let message = format!(
                    "`{operation}` changes the secret, but this session was opened by `peek`; `open` it"
                );
                Err(Error::new(ErrorKind::Invalid, message))
            }
        }
    }
}

/// What became of a write whose session is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Written,
    Conflict,
}

impl<D: SessionData> Deref for Session<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.data
    }
}

impl<D: SessionData> DerefMut for Session<D> {
    fn deref_mut(&mut self) -> &mut D {
        self.remember_baseline();
        &mut self.data
    }
}

impl<D: SessionData> fmt::Debug for Session<D> {
    /// Shows the id and nothing of the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
