//! The entry point: starts, opens and ends sessions.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::builder::Builder;
use crate::data::{SessionData, SessionUser};
use crate::error::Result;
use crate::event;
use crate::open::{self, Opened};
use crate::policy::Policy;
use crate::session::{Mode, Session};
use crate::store::SessionStore;
use crate::time::{Clock, Timestamp};
use crate::token::{SessionId, Token};
use crate::users::UserSessions;

/// All sessions whose data is `D`, in one store. Cheap to clone; share it between threads and requests.
///
/// ```
/// # use typed_sessions_core as typed_sessions;
/// # fn example<D: typed_sessions::SessionData>(store: impl typed_sessions::SessionStore) -> typed_sessions::Result<()> {
/// use typed_sessions::{Sessions, hours, minutes};
///
/// let sessions = Sessions::<D>::builder(store).idle_timeout(minutes(15)).absolute_timeout(hours(8)).build()?;
/// # Ok(()) }
/// ```
pub struct Sessions<D: SessionData> {
    context: Arc<Context>,
    data: PhantomData<fn() -> D>,
}

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Policy,
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl<D: SessionData> Sessions<D> {
    /// Sessions in this store, with the defaults that [`Builder`] lists.
    #[allow(clippy::missing_panics_doc, reason = "the defaults do not contradict each other")]
    pub fn new(store: impl SessionStore) -> Self {
        Self::builder(store).build().expect("the defaults do not contradict each other")
    }

    /// Sessions in this store, to be configured.
    pub fn builder(store: impl SessionStore) -> Builder<D> {
        Builder::new(store)
    }

    pub(crate) fn from_context(context: Context) -> Self {
        Self { context: Arc::new(context), data: PhantomData }
    }

    /// A new session with the struct's defaults and a fresh random id and secret. No store call: it is stored by the
    /// first write, so visitors who leave no data cost nothing.
    ///
    /// # Panics
    /// When the operating system's random generator fails.
    pub fn start(&self) -> Session<D> {
        Session::start(Arc::clone(&self.context))
    }

    /// Opens the session of a client's token.
    ///
    /// `Ok(None)` when the token is malformed, unknown, expired, revoked or replaced: the client is signed out. An error
    /// when the store cannot tell (`Unavailable`) or the data cannot be read (`Decode`); never treat it as signed out.
    ///
    /// Cost: one `load`; one `apply` more when a touch or a renewal is due, or a renewed secret arrives for the first
    /// time. A malformed token makes no call. When only that `apply` fails, the session opens all the same.
    pub async fn open(&self, token: impl AsRef<str>) -> Result<Option<Session<D>>> {
        self.open_as(token.as_ref(), Mode::Active).await
    }

    /// Opens a session silently: nothing done through the handle touches or renews it.
    ///
    /// For looking on behalf of somebody else, or for polling that must not keep a session alive. Reading and writing
    /// fields works; whatever would change the secret (`login`, `logout`, `renew`) is `ErrorKind::Invalid`, and `touch`
    /// does nothing. Cost: one `load`.
    pub async fn peek(&self, token: impl AsRef<str>) -> Result<Option<Session<D>>> {
        self.open_as(token.as_ref(), Mode::Silent).await
    }

    /// Opens the session of a token, or starts one when there is no token or it opens nothing. A foreign id is never
    /// adopted: the new session has its own. Errors as [`open`](Sessions::open), never a fresh session instead.
    pub async fn open_or_start(&self, token: Option<&str>) -> Result<Session<D>> {
        let opened = match token {
            Some(token) => self.open(token).await?,
            None => None,
        };
        Ok(opened.unwrap_or_else(|| self.start()))
    }

    async fn open_as(&self, token: &str, mode: Mode) -> Result<Option<Session<D>>> {
        let Some(token) = Token::parse(token) else {
            event::malformed_token();
            return Ok(None);
        };
        let opened = open::open::<D>(&self.context, &token, mode).await?;
        Ok(opened.map(|Opened { token, handover, record, data }| {
            Session::opened(Arc::clone(&self.context), token, handover, mode, record, data)
        }))
    }

    /// The sessions of one user. No store call.
    pub fn user(&self, id: &<D::User as SessionUser>::Id) -> UserSessions<D> {
        UserSessions::new(Arc::clone(&self.context), id)
    }

    /// Ends a session, whoever holds it, for good. Tells whether it was there. Cost: one `delete`.
    pub async fn revoke(&self, id: impl Borrow<SessionId>) -> Result<bool> {
        let id = *id.borrow();
        let ended = self.context.store.delete(&id).await?;
        if ended {
            event::ended(&id, event::Ended::Revoked);
        }
        Ok(ended)
    }

    /// Reclaims the space of up to `limit` sessions past their deadline; tells how many. They are refused whether or not
    /// this ever runs. Cost: one `purge_expired`.
    pub async fn purge_expired(&self, limit: usize) -> Result<usize> {
        self.context.store.purge_expired(self.context.now(), limit).await
    }
}

impl<D: SessionData> Clone for Sessions<D> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context), data: PhantomData }
    }
}

impl<D: SessionData> fmt::Debug for Sessions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("context", &self.context).finish()
    }
}
