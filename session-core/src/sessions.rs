//! The entry point: starts, opens and ends sessions.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::builder::Builder;
use crate::data::{SessionData, SessionUser};
use crate::error::{Error, Result};
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
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
/// use typed_sessions::{MemoryStore, SessionData, Sessions, hours, minutes};
///
/// #[derive(SessionData)]
/// struct Shop {
///     visits: u32,
/// }
///
/// let store = MemoryStore::new();
/// let sessions = Sessions::<Shop>::builder(store).idle_timeout(minutes(15)).absolute_timeout(hours(8)).build()?;
/// let same = sessions.clone();
///
/// let mut session = sessions.start();
/// session.visits = 1;
/// session.save().await?;
/// let session = same.open(session.token().expose()).await?.expect("the session lives");
/// assert_eq!(session.visits, 1);
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
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let info = sessions.start().info();
    /// assert_eq!(info.expires().since(info.created()), minutes(30));  // the default idle timeout
    /// ```
    #[allow(clippy::missing_panics_doc, reason = "the defaults do not contradict each other")]
    pub fn new(store: impl SessionStore) -> Self {
        Self::builder(store).build().expect("the defaults do not contradict each other")
    }

    /// Sessions in this store, to be configured.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # fn main() -> typed_sessions::Result<()> {
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).idle_timeout(minutes(5)).build()?;
    /// let info = sessions.start().info();
    /// assert_eq!(info.expires().since(info.created()), minutes(5));
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// let token = session.token().expose();
    /// assert!(sessions.open(&token).await?.is_none());  // nothing is stored yet
    ///
    /// session.cart.push("tea".into());
    /// session.save().await?;
    /// assert!(sessions.open(&token).await?.is_some());
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, Result, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// async fn greet(sessions: &Sessions<Shop>, cookie: &str) -> Result<String> {
    ///     let Some(mut session) = sessions.open(cookie).await? else {
    ///         return Ok("please sign in".to_owned());
    ///     };
    ///     session.visits += 1;
    ///     session.save().await?;
    ///     Ok(format!("visit {}", session.visits))
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let cookie = session.token().expose();
    ///
    /// assert_eq!(greet(&sessions, &cookie).await?, "visit 1");
    /// assert_eq!(greet(&sessions, "nonsense").await?, "please sign in");
    /// # Ok(()) }
    /// ```
    pub async fn open(&self, token: impl AsRef<str>) -> Result<Option<Session<D>>> {
        self.open_as(token.as_ref(), Mode::Active).await
    }

    /// Opens a session as [`open`](Sessions::open) does, and ends it for good if what its login rests on has changed since:
    /// a password change signs out the other devices, as in Django.
    ///
    /// `current` gets the user's id and returns what the login must rest on now, such as the stored password hash; its
    /// errors come back as they are. It is not called for a session without a user, which opens as it is. The session ends
    /// when its tag ([`Login::auth_tag`](crate::Login::auth_tag), [`Session::auth_tag`]) was made of other bytes or is
    /// missing; compared in constant time.
    ///
    /// Cost: as `open`; one `delete` more when the session ends.
    ///
    /// ```
    /// # use typed_sessions::{Error, Login, MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.login_with(Member { id: 7 }, Login::new().auth_tag("$argon2id$old")).await?;
    /// let token = session.token().expose();
    ///
    /// // The closure looks into the table of users.
    /// let same = sessions.open_checked(&token, |_id| async { Ok::<_, Error>("$argon2id$old") });
    /// assert!(same.await?.is_some());
    /// let changed = sessions.open_checked(&token, |_id| async { Ok::<_, Error>("$argon2id$new") });
    /// assert!(changed.await?.is_none());
    /// assert!(sessions.open(&token).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn open_checked<F, B, E>(
        &self,
        token: impl AsRef<str>,
        current: impl FnOnce(<D::User as SessionUser>::Id) -> F,
    ) -> Result<Option<Session<D>>, E>
    where
        F: Future<Output = Result<B, E>>,
        B: AsRef<[u8]>,
        E: From<Error>,
    {
        let Some(mut session) = self.open(token).await? else {
            return Ok(None);
        };
        if !session.is_logged_in() {
            return Ok(Some(session));
        }
        // An id that is no id any more cannot be checked: fail closed.
        if let Some(user) = session.user_id() {
            let bytes = current(user).await?;
            // The tag may have been renewed while `current` was asked: look again before ending anything.
            if session.rests_on(bytes.as_ref())
                || session.rests_on_after_all(bytes.as_ref()).await?
            {
                return Ok(Some(session));
            }
        }
        if self.context.store.delete(&session.id()).await? {
            event::ended(&session.id(), event::Ended::AuthTagChanged);
        }
        Ok(None)
    }

    /// Opens a session silently: nothing done through the handle touches or renews it.
    ///
    /// For looking on behalf of somebody else, or for polling that must not keep a session alive. Reading and writing
    /// fields works; whatever would change the secret (`login`, `logout`, `renew`) is `ErrorKind::Invalid`, and `touch`
    /// does nothing. Cost: one `load`.
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let clock = ManualClock::default();
    /// # let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let token = session.token().expose();
    /// clock.advance(minutes(29));
    /// assert!(sessions.peek(&token).await?.is_some());
    /// clock.advance(minutes(1));
    /// assert!(sessions.open(&token).await?.is_none());  // idle for 30 minutes: `peek` did not count
    /// # Ok(()) }
    /// ```
    pub async fn peek(&self, token: impl AsRef<str>) -> Result<Option<Session<D>>> {
        self.open_as(token.as_ref(), Mode::Silent).await
    }

    /// Opens the session of a token, or starts one when there is no token or it opens nothing. A foreign id is never
    /// adopted: the new session has its own. Errors as [`open`](Sessions::open), never a fresh session instead.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.open_or_start(None).await?;
    /// assert!(!session.is_stored());
    /// session.save().await?;
    ///
    /// let cookie = session.token().expose();
    /// let again = sessions.open_or_start(Some(&cookie)).await?;
    /// assert_eq!(again.id(), session.id());
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7 }).await?;
    /// laptop.login(Member { id: 7 }).await?;
    ///
    /// let mine = sessions.user(&7);
    /// assert_eq!(mine.count().await?, 2);
    /// mine.revoke_except(phone.id()).await?;
    /// assert!(sessions.open(laptop.token().expose()).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn user(&self, id: &<D::User as SessionUser>::Id) -> UserSessions<D> {
        UserSessions::new(Arc::clone(&self.context), id)
    }

    /// Ends a session, whoever holds it, for good. Tells whether it was there. Cost: one `delete`.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// assert!(sessions.revoke(session.id()).await?);
    /// assert!(!sessions.revoke(session.id()).await?);  // it has ended already
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) }
    /// ```
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
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let clock = ManualClock::default();
    /// # let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// assert_eq!(sessions.purge_expired(1_000).await?, 0);
    /// clock.advance(minutes(30));
    /// assert_eq!(sessions.purge_expired(1_000).await?, 1);
    /// # Ok(()) }
    /// ```
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
