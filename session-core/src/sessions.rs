//! The entry point: starts, opens and ends sessions.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::builder::SessionsBuilder;
use crate::context::Context;
use crate::data::{SessionData, SessionUser};
use crate::error::{Error, Result};
use crate::event::Ended;
use crate::session::{self, Mode, Session, TagNow};
use crate::store::{Owned, SessionStore};
use crate::user_sessions::UserSessions;

/// All sessions whose data is `D`, in one store. Cheap to clone; share it between threads and
/// requests.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// use typed_sessions::{MemoryStore, SessionData, Sessions, hours, minutes};
///
/// #[derive(SessionData)]
/// struct Shop {
///     visits: u32,
/// }
///
/// let store = MemoryStore::new();
/// let sessions = Sessions::<Shop>::builder(store)
///     .idle_timeout(minutes(15))
///     .absolute_timeout(hours(8))
///     .build()?;
/// let same = sessions.clone();
///
/// let mut session = sessions.start();
/// session.visits = 1;
/// session.save().await?;
/// let session = same.open(session.token().expose()).await?.expect("the session lives");
/// assert_eq!(session.visits, 1);
/// # Ok(()) });
/// ```
pub struct Sessions<D: SessionData> {
    pub(crate) context: Arc<Context>,
    data: PhantomData<fn() -> D>,
}

impl<D: SessionData> Sessions<D> {
    /// Sessions in this store, with the defaults that [`SessionsBuilder`] lists.
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
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new())
    ///     .idle_timeout(minutes(5))
    ///     .build()?;
    /// let info = sessions.start().info();
    /// assert_eq!(info.expires().since(info.created()), minutes(5));
    /// # Ok(()) });
    /// ```
    pub fn builder(store: impl SessionStore) -> SessionsBuilder<D> {
        SessionsBuilder::new(store)
    }

    pub(crate) fn from_context(context: Context) -> Self {
        Self { context: Arc::new(context), data: PhantomData }
    }

    /// A new session with the struct's defaults and a fresh random id and secret. No store call: it
    /// is stored by the first write, so visitors who leave no data cost nothing.
    ///
    /// # Panics
    /// When the operating system's random generator fails.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// let token = session.token().expose();
    /// assert!(sessions.open(&token).await?.is_none());  // nothing is stored yet
    ///
    /// session.cart.push("tea".into());
    /// session.save().await?;
    /// assert!(sessions.open(&token).await?.is_some());
    /// # Ok(()) });
    /// ```
    pub fn start(&self) -> Session<D> {
        Session::start(Arc::clone(&self.context))
    }

    /// Opens the session of a client's token.
    ///
    /// `Ok(None)` when the token is malformed, unknown, expired, revoked or replaced: the client is
    /// signed out.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store cannot tell, `Decode` when the data cannot be read: never treat
    /// them as signed out. When only the touch or the renewal cannot be written, the session opens
    /// all the same.
    ///
    /// # Cost
    ///
    /// One `load`; one `apply` more when a touch or a renewal is due, or a renewed secret arrives
    /// for the first time. A malformed token makes no call.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// async fn greet(sessions: &Sessions<Shop>, cookie: &str) -> Result<String> {
    ///     let Some(mut session) = sessions.open(cookie).await? else {
    ///         return Ok("please sign in".to_owned());
    ///     };
    ///     session.visits += 1;
    ///     session.save().await?;
    ///     Ok(format!("visit {}", session.visits))
    /// }
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let cookie = session.token().expose();
    ///
    /// assert_eq!(greet(&sessions, &cookie).await?, "visit 1");
    /// assert_eq!(greet(&sessions, "nonsense").await?, "please sign in");
    /// # Ok(()) });
    /// ```
    pub async fn open(&self, token: impl AsRef<str>) -> Result<Option<Session<D>>> {
        session::open(&self.context, token.as_ref(), Mode::Active).await
    }

    /// Opens a session as [`open`](Sessions::open) does, and ends it for good if what its login
    /// rests on has changed since: a password change signs out the other devices, as in Django.
    ///
    /// `current` gets the user's id and returns what the login must rest on now, such as the stored
    /// password hash; its errors come back as they are. It is not called for a session without a
    /// user, which opens as it is. The session ends when its tag
    /// ([`Login::auth_tag`](crate::Login::auth_tag), [`Session::set_auth_tag`]) was made of other
    /// bytes or is missing; compared in constant time.
    ///
    /// # Atomicity
    ///
    /// Only the login that was checked ends. One that takes its place while `current` is asked goes
    /// on; this call says `None` all the same.
    ///
    /// # Cost
    ///
    /// As [`open`](Sessions::open); when the tag differs, one `load` to look again and one
    /// `delete`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// let login = Login::new().auth_tag("$argon2id$old");
    /// session.login_with(Member { id: 7, name: "Ada".into() }, login).await?;
    /// let token = session.token().expose();
    ///
    /// // The closure looks into the table of users.
    /// let same = sessions.open_checked(&token, |_id| async { Ok::<_, Error>("$argon2id$old") });
    /// assert!(same.await?.is_some());
    /// let current = |_id| async { Ok::<_, Error>("$argon2id$new") };
    /// let changed = sessions.open_checked(&token, current);
    /// assert!(changed.await?.is_none());
    /// assert!(sessions.open(&token).await?.is_none());
    /// # Ok(()) });
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
            if session.rests_on(bytes.as_ref()) {
                return Ok(Some(session));
            }
            // The tag may have been renewed while `current` was asked.
            match session.look_at_the_tag_again(bytes.as_ref()).await? {
                TagNow::Same => return Ok(Some(session)),
                TagNow::NotThisHandles => return Ok(None),
                TagNow::Differs => {}
            }
        }
        // The login that was checked, and no later one.
        let only = Owned::OfLogin(session.login_epoch());
        self.context.end(&session.id(), &only, Ended::AuthTagChanged).await?;
        Ok(None)
    }

    /// Opens a session silently: nothing done through the handle touches or renews it.
    ///
    /// For looking on behalf of somebody else, or for polling that must not keep a session alive.
    /// Reading and writing fields works; whatever would change the secret (`login`, `logout`,
    /// `renew`) is `ErrorKind::Invalid`, and `touch` does nothing.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open).
    ///
    /// # Cost
    ///
    /// One `load`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let clock = ManualClock::default();
    /// # let sessions = Sessions::<Shop>::builder(MemoryStore::new())
    /// #     .clock(clock.clone())
    /// #     .build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let token = session.token().expose();
    /// clock.advance(minutes(29));
    /// assert!(sessions.peek(&token).await?.is_some());
    /// clock.advance(minutes(1));
    /// // idle for 30 minutes: `peek` did not count
    /// assert!(sessions.open(&token).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn peek(&self, token: impl AsRef<str>) -> Result<Option<Session<D>>> {
        session::open(&self.context, token.as_ref(), Mode::Silent).await
    }

    /// Opens the session of a token, or starts one when there is no token or it opens nothing. A
    /// foreign id is never adopted: the new session has its own. Errors as
    /// [`open`](Sessions::open), never a fresh session instead.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.open_or_start(None).await?;
    /// assert!(!session.is_stored());
    /// session.save().await?;
    ///
    /// let cookie = session.token().expose();
    /// let again = sessions.open_or_start(Some(&cookie)).await?;
    /// assert_eq!(again.id(), session.id());
    /// # Ok(()) });
    /// ```
    pub async fn open_or_start(&self, token: Option<&str>) -> Result<Session<D>> {
        let opened = match token {
            Some(token) => self.open(token).await?,
            None => None,
        };
        Ok(opened.unwrap_or_else(|| self.start()))
    }

    /// The same sessions as those of another struct: the same store, clock and policy. No store
    /// call.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let prefs = sessions.view::<Prefs>();
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let opened = prefs.open(session.token().expose()).await?.expect("the session lives");
    /// assert_eq!(opened.id(), session.id());
    /// # Ok(()) });
    /// ```
    pub fn view<V: SessionData>(&self) -> Sessions<V> {
        Sessions { context: Arc::clone(&self.context), data: PhantomData }
    }

    /// The sessions of one user. No store call.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7, name: "Ada".into() }).await?;
    /// laptop.login(Member { id: 7, name: "Ada".into() }).await?;
    ///
    /// let mine = sessions.user(&7);
    /// assert_eq!(mine.count().await?, 2);
    /// mine.revoke_except(phone.id()).await?;
    /// assert!(sessions.open(laptop.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn user(&self, id: &<D::User as SessionUser>::Id) -> UserSessions<D> {
        UserSessions::new(Arc::clone(&self.context), id)
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
