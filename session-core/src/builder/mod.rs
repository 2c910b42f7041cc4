//! Configuration, checked when it is built.

mod checks;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::data::SessionData;
use crate::error::Result;
use crate::live::{Bus, News};
use crate::policy::{Reuse, Timeouts};
use crate::sessions::Sessions;
use crate::store::{Limit, Overflow, SessionStore};
use crate::time::{Clock, SystemClock};

/// Configures [`Sessions`]; made by [`Sessions::builder`].
///
/// | setting | default |
/// |---|---|
/// | `idle_timeout` | 30 minutes, or the absolute timeout if that is shorter |
/// | `absolute_timeout` | 12 hours |
/// | `touch_every` | 1 minute, or half the idle timeout if that is shorter |
/// | `renew_every` | 10 minutes |
/// | `renew_grace` | 2 minutes, or `renew_every` if that is shorter |
/// | `on_reuse` | [`Reuse::Reject`] |
/// | `max_sessions_per_user` | no limit |
/// | `max_value_bytes` | 64 KiB, or `max_session_bytes` if that is less |
/// | `max_session_bytes` | 512 KiB |
/// | `clock` | [`SystemClock`] |
/// | `bus` | none: no live connections |
///
/// The timeouts meet OWASP ASVS 5.0 (7.1.1, 7.3.1, 7.3.2: an inactivity timeout and an absolute
/// maximum lifetime).
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// use typed_sessions::{MemoryStore, Overflow, Reuse, SessionData, Sessions, hours, minutes};
///
/// let sessions = Sessions::<Shop>::builder(MemoryStore::new())
///     .idle_timeout(minutes(15))
///     .absolute_timeout(hours(8))
///     .renew_every(minutes(5))
///     .on_reuse(Reuse::Revoke)
///     .max_sessions_per_user(5, Overflow::EvictOldest)
///     .max_value_bytes(16 << 10)
///     .build()?;
/// let info = sessions.start().info();
/// assert_eq!(info.expires().since(info.created()), minutes(15));
/// # Ok(()) });
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SessionsBuilder<D: SessionData> {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    idle_timeout: Option<Duration>,
    absolute_timeout: Option<Duration>,
    touch_every: Option<Duration>,
    renewal: RenewalSetting,
    renew_grace: Option<Duration>,
    on_reuse: Reuse,
    limit: Option<Limit>,
    max_value_bytes: Option<usize>,
    max_session_bytes: Option<usize>,
    bus: Option<Arc<dyn Bus>>,
    data: PhantomData<fn() -> D>,
}

#[derive(Debug)]
enum RenewalSetting {
    Never,
    ByDefault,
    Every(Duration),
}

impl<D: SessionData> SessionsBuilder<D> {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            idle_timeout: None,
            absolute_timeout: None,
            touch_every: None,
            renewal: RenewalSetting::ByDefault,
            renew_grace: None,
            on_reuse: Reuse::Reject,
            limit: None,
            max_value_bytes: None,
            max_session_bytes: None,
            bus: None,
            data: PhantomData,
        }
    }

    /// Both timeouts at once, a preset for example; settings that follow adjust them.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let builder = Sessions::<Shop>::builder(MemoryStore::new()).timeouts(Timeouts::aal2());
    /// let info = builder.idle_timeout(minutes(20)).build()?.start().info();
    /// assert_eq!(info.expires().since(info.created()), minutes(20));
    /// # Ok(()) });
    /// ```
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.idle_timeout = Some(timeouts.idle());
        self.absolute_timeout = Some(timeouts.absolute());
        self
    }

    /// A session ends when it is not used for this long.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// A session ends this long after it began or its user logged in, however much it is used.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store)
    ///     .absolute_timeout(hours(1))
    ///     .clock(clock.clone())
    ///     .build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// for _ in 0..2 {
    ///     clock.advance(minutes(20));
    ///     session.touch().await?;
    /// }
    /// clock.advance(minutes(20));
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = Some(timeout);
        self
    }

    /// How often use is written down: the price of fewer writes is that a session may run idle up
    /// to this much earlier than its idle timeout says, never later.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store)
    ///     .touch_every(minutes(5))
    ///     .clock(clock.clone())
    ///     .build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let token = session.token().expose();
    /// clock.advance(minutes(4));
    /// // too soon after the last touch: not written down
    /// assert!(sessions.open(&token).await?.is_some());
    /// clock.advance(minutes(26));
    /// // 30 minutes idle as far as the store knows
    /// assert!(sessions.open(&token).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn touch_every(mut self, interval: Duration) -> Self {
        self.touch_every = Some(interval);
        self
    }

    /// The client gets a new secret when it opens a session whose secret is older than this.
    pub fn renew_every(mut self, interval: Duration) -> Self {
        self.renewal = RenewalSetting::Every(interval);
        self
    }

    /// How long the old secret still opens the session after a renewal, for requests that were
    /// already on their way.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store)
    ///     .renew_grace(minutes(1))
    ///     .clock(clock.clone())
    ///     .build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let old = session.token().expose();
    /// clock.advance(minutes(10));
    /// let renewed = sessions.open(&old).await?.expect("the session lives");
    /// let new = renewed.fresh_token().expect("it is 10 minutes old").expose();
    /// assert!(sessions.open(&new).await?.is_some());
    /// assert!(sessions.open(&old).await?.is_some());  // a request that was on its way
    /// clock.advance(minutes(1));
    /// assert!(sessions.open(&old).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn renew_grace(mut self, grace: Duration) -> Self {
        self.renew_grace = Some(grace);
        self
    }

    /// Secrets do not renew themselves; login, logout and `Session::renew` still change them.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store).never_renew().clock(clock.clone()).build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// clock.advance(minutes(20));
    /// let session = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// assert!(session.fresh_token().is_none());
    /// # Ok(()) });
    /// ```
    pub fn never_renew(mut self) -> Self {
        self.renewal = RenewalSetting::Never;
        self
    }

    /// What happens when an old secret is presented whose successor is already in use.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store)
    ///     .on_reuse(Reuse::Revoke)
    ///     .clock(clock.clone())
    ///     .build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let old = session.token().expose();
    /// # clock.advance(minutes(10));
    /// # let new = sessions.open(&old).await?.expect("the session lives").token().expose();
    /// assert!(sessions.open(&new).await?.is_some());  // the successor of `old` is in use
    /// clock.advance(minutes(2));
    /// // past the grace: a late client or a stolen token
    /// assert!(sessions.open(&old).await?.is_none());
    /// // with `Reuse::Reject` this one would live on
    /// assert!(sessions.open(&new).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn on_reuse(mut self, reaction: Reuse) -> Self {
        self.on_reuse = reaction;
        self
    }

    /// How many live sessions one user may have, and what a login above that does.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # let store = MemoryStore::new();
    /// let sessions = Sessions::<Shop>::builder(store)
    ///     .max_sessions_per_user(1, Overflow::EvictOldest)
    ///     .build()?;
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7, name: "Ada".into() }).await?;
    /// laptop.login(Member { id: 7, name: "Ada".into() }).await?;
    /// assert!(sessions.open(phone.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn max_sessions_per_user(mut self, sessions: usize, overflow: Overflow) -> Self {
        self.limit = Some(Limit::new(sessions, overflow));
        self
    }

    /// The longest JSON text of one field, in bytes.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).max_value_bytes(8).build()?;
    /// let mut session = sessions.start();
    /// session.set(Shop::LANGUAGE, "123456".into()).await?;  // 8 bytes with its quotes
    /// let error = session.set(Shop::LANGUAGE, "1234567".into()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TooLarge);
    /// # Ok(()) });
    /// ```
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = Some(bytes);
        self
    }

    /// The most that all keys and texts of a session may add up to, in bytes.
    pub fn max_session_bytes(mut self, bytes: usize) -> Self {
        self.max_session_bytes = Some(bytes);
        self
    }

    /// Where the time comes from; tests pass a [`ManualClock`](crate::ManualClock).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let clock = ManualClock::default();
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// clock.advance(minutes(30));  // no sleep
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Over which the servers of the application hear of each other, for live connections
    /// ([`Sessions::hub`]): mostly the store itself, which is a [`Bus`] as well.
    ///
    /// Give it to every process that ends sessions, logs in or logs out, whether it has a hub or
    /// not: what it does is told to the servers whose connections it may close. A bus that is down
    /// fails no operation, and holds one up for 100 ms at most, once a second.
    ///
    /// # Cost
    ///
    /// One message for each login into a stored session, logout, destroy, revocation; one for a
    /// `revoke_all`. Nothing for other requests.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let store = MemoryStore::new();
    /// let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # drop(hub);
    /// # Ok(()) });
    /// ```
    pub fn bus(mut self, bus: impl Bus) -> Self {
        self.bus = Some(Arc::new(bus));
        self
    }

    /// Checks the configuration. `ErrorKind::Config` names the two settings that clash.
    ///
    /// ```
    /// # use typed_sessions::{ErrorKind, MemoryStore, SessionData, Sessions, hours};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// let error = Sessions::<Shop>::builder(MemoryStore::new())
    ///     .idle_timeout(hours(24))
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// let clash = "idle_timeout (86400s) must not be longer than absolute_timeout (43200s)";
    /// assert!(error.to_string().starts_with(clash));
    /// ```
    pub fn build(self) -> Result<Sessions<D>> {
        let policy = self.checked_policy()?;
        let news = self.bus.map(|bus| Arc::new(News::new(bus)));
        Ok(Sessions::from_context(Context { store: self.store, clock: self.clock, policy, news }))
    }
}
