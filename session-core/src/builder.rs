//! Configuration, checked when it is built.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::change::{Limit, Overflow};
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::policy::{Policy, Renewal, Reuse};
use crate::sessions::{Context, Sessions};
use crate::store::SessionStore;
use crate::time::{Clock, SystemClock, hours, minutes, seconds};

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
///
/// The timeouts meet OWASP ASVS 5.0 (7.1.1, 7.3.1, 7.3.2: an inactivity timeout and an absolute maximum lifetime).
///
/// ```
/// # fn main() -> typed_sessions::Result<()> {
/// use typed_sessions::{MemoryStore, Overflow, Reuse, SessionData, Sessions, hours, minutes};
///
/// # #[derive(SessionData)] struct Shop { visits: u32 }
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
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<D: SessionData> {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    idle_timeout: Option<Duration>,
    absolute_timeout: Duration,
    touch_every: Option<Duration>,
    renewal: RenewalSetting,
    on_reuse: Reuse,
    limit: Option<Limit>,
    max_value_bytes: Option<usize>,
    max_session_bytes: usize,
    data: PhantomData<fn() -> D>,
}

#[derive(Debug)]
enum RenewalSetting {
    Never,
    Every { every: Duration, grace: Option<Duration> },
}

impl<D: SessionData> Builder<D> {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            idle_timeout: None,
            absolute_timeout: hours(12),
            touch_every: None,
            renewal: RenewalSetting::Every { every: minutes(10), grace: None },
            on_reuse: Reuse::Reject,
            limit: None,
            max_value_bytes: None,
            max_session_bytes: 512 << 10,
            data: PhantomData,
        }
    }

    /// Both timeouts as the policy has them, a preset for example; settings that follow adjust it.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, Policy, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # fn main() -> typed_sessions::Result<()> {
    /// let builder = Sessions::<Shop>::builder(MemoryStore::new()).policy(Policy::aal2());
    /// let info = builder.idle_timeout(minutes(20)).build()?.start().info();
    /// assert_eq!(info.expires().since(info.created()), minutes(20));
    /// # Ok(()) }
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.idle_timeout = Some(policy.idle_timeout);
        self.absolute_timeout = policy.absolute_timeout;
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
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, hours, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store).absolute_timeout(hours(1)).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// for _ in 0..2 {
    ///     clock.advance(minutes(20));
    ///     session.touch().await?;
    /// }
    /// clock.advance(minutes(20));
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// How often use is written down: the price of fewer writes is that a session may run idle up to this much earlier
    /// than its idle timeout says, never later.
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store).touch_every(minutes(5)).clock(clock.clone()).build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let token = session.token().expose();
    /// clock.advance(minutes(4));
    /// assert!(sessions.open(&token).await?.is_some());  // too soon after the last touch: not written down
    /// clock.advance(minutes(26));
    /// assert!(sessions.open(&token).await?.is_none());  // 30 minutes idle as far as the store knows
    /// # Ok(()) }
    /// ```
    pub fn touch_every(mut self, interval: Duration) -> Self {
        self.touch_every = Some(interval);
        self
    }

    /// The client gets a new secret when it opens a session whose secret is older than this.
    pub fn renew_every(mut self, interval: Duration) -> Self {
        let grace = match self.renewal {
            RenewalSetting::Every { grace, .. } => grace,
            RenewalSetting::Never => None,
        };
        self.renewal = RenewalSetting::Every { every: interval, grace };
        self
    }

    /// How long the old secret still opens the session after a renewal, for requests that were already on their way.
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store).renew_grace(minutes(1)).clock(clock.clone()).build()?;
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
    /// # Ok(()) }
    /// ```
    pub fn renew_grace(mut self, grace: Duration) -> Self {
        let every = match self.renewal {
            RenewalSetting::Every { every, .. } => every,
            RenewalSetting::Never => minutes(10),
        };
        self.renewal = RenewalSetting::Every { every, grace: Some(grace) };
        self
    }

    /// Secrets do not renew themselves; login, logout and `Session::renew` still change them.
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store).never_renew().clock(clock.clone()).build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// clock.advance(minutes(20));
    /// let session = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// assert!(session.fresh_token().is_none());
    /// # Ok(()) }
    /// ```
    pub fn never_renew(mut self) -> Self {
        self.renewal = RenewalSetting::Never;
        self
    }

    /// What happens when an old secret is presented whose successor is already in use.
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, Reuse, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let (store, clock) = (MemoryStore::new(), ManualClock::default());
    /// let sessions = Sessions::<Shop>::builder(store).on_reuse(Reuse::Revoke).clock(clock.clone()).build()?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// # let old = session.token().expose();
    /// # clock.advance(minutes(10));
    /// # let new = sessions.open(&old).await?.expect("the session lives").token().expose();
    /// assert!(sessions.open(&new).await?.is_some());  // the successor of `old` is in use
    /// clock.advance(minutes(2));
    /// assert!(sessions.open(&old).await?.is_none());  // past the grace: a late client or a stolen token
    /// assert!(sessions.open(&new).await?.is_none());  // with `Reuse::Reject` this one would live on
    /// # Ok(()) }
    /// ```
    pub fn on_reuse(mut self, reaction: Reuse) -> Self {
        self.on_reuse = reaction;
        self
    }

    /// How many live sessions one user may have, and what a login above that does.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, Overflow, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let store = MemoryStore::new();
    /// let sessions = Sessions::<Shop>::builder(store).max_sessions_per_user(1, Overflow::EvictOldest).build()?;
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7 }).await?;
    /// laptop.login(Member { id: 7 }).await?;
    /// assert!(sessions.open(phone.token().expose()).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn max_sessions_per_user(mut self, sessions: usize, overflow: Overflow) -> Self {
        self.limit = Some(Limit::new(sessions, overflow));
        self
    }

    /// The longest JSON text of one field, in bytes.
    ///
    /// ```
    /// # use typed_sessions::{ErrorKind, MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { note: String }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).max_value_bytes(8).build()?;
    /// let mut session = sessions.start();
    /// session.set(Shop::NOTE, "123456".into()).await?;  // 8 bytes with its quotes
    /// let error = session.set(Shop::NOTE, "1234567".into()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TooLarge);
    /// # Ok(()) }
    /// ```
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = Some(bytes);
        self
    }

    /// The most that all keys and texts of a session may add up to, in bytes.
    pub fn max_session_bytes(mut self, bytes: usize) -> Self {
        self.max_session_bytes = bytes;
        self
    }

    /// Where the time comes from; tests pass a [`ManualClock`](crate::ManualClock).
    ///
    /// ```
    /// # use typed_sessions::{ManualClock, MemoryStore, SessionData, Sessions, minutes};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// let clock = ManualClock::default();
    /// let sessions = Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// clock.advance(minutes(30));  // no sleep
    /// assert!(sessions.open(session.token().expose()).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the configuration. `ErrorKind::Config` names the two settings that clash.
    ///
    /// ```
    /// # use typed_sessions::{ErrorKind, MemoryStore, SessionData, Sessions, hours};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// let error = Sessions::<Shop>::builder(MemoryStore::new()).idle_timeout(hours(24)).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// let clash = "idle_timeout (86400s) must not be longer than absolute_timeout (43200s)";
    /// assert!(error.to_string().starts_with(clash));
    /// ```
    pub fn build(self) -> Result<Sessions<D>> {
        let policy = self.checked_policy()?;
        Ok(Sessions::from_context(Context { store: self.store, clock: self.clock, policy }))
    }

    fn checked_policy(&self) -> Result<Policy> {
        let absolute_timeout = self.absolute_timeout;
        let idle_timeout = self.idle_timeout.unwrap_or(minutes(30).min(absolute_timeout));
        let touch_every = self.touch_every.unwrap_or(minutes(1).min(idle_timeout / 2));
        let max_value_bytes =
            self.max_value_bytes.unwrap_or((64 << 10).min(self.max_session_bytes));
        let renewal = match self.renewal {
            RenewalSetting::Never => None,
            RenewalSetting::Every { every, grace } => {
                Some(Renewal { every, grace: grace.unwrap_or(minutes(2).min(every)) })
            }
        };

        whole_millis("absolute_timeout", absolute_timeout)?;
        whole_millis("idle_timeout", idle_timeout)?;
        whole_millis("touch_every", touch_every)?;
        ordered(
            ("idle_timeout", idle_timeout),
            Order::AtMost,
            ("absolute_timeout", absolute_timeout),
        )?;
        ordered(("touch_every", touch_every), Order::Below, ("idle_timeout", idle_timeout))?;
        if let Some(Renewal { every, grace }) = renewal {
            whole_millis("renew_every", every)?;
            whole_millis("renew_grace", grace)?;
            ordered(("renew_grace", grace), Order::AtMost, ("renew_every", every))?;
        }
        if self.limit.is_some_and(|limit| limit.sessions == 0) {
            return Err(Error::config(
                "max_sessions_per_user is 0: nobody could log in; allow at least 1",
            ));
        }
        if max_value_bytes == 0 || self.max_session_bytes == 0 {
            return Err(Error::config(
                "max_value_bytes and max_session_bytes must not be 0: nothing could be stored",
            ));
        }
        if max_value_bytes > self.max_session_bytes {
            let max_session_bytes = self.max_session_bytes;
            return Err(Error::config(format!(
                "max_value_bytes ({max_value_bytes}) is more than max_session_bytes ({max_session_bytes}): \
                 lower the first or raise the second"
            )));
        }
        Ok(Policy {
            idle_timeout,
            absolute_timeout,
            touch_every,
            renewal,
            on_reuse: self.on_reuse,
            limit: self.limit,
            max_value_bytes,
            max_session_bytes: self.max_session_bytes,
        })
    }
}

#[derive(Clone, Copy)]
enum Order {
    AtMost,
    Below,
}

fn ordered(less: (&str, Duration), order: Order, more: (&str, Duration)) -> Result<()> {
    let (holds, relation) = match order {
        Order::AtMost => (less.1 <= more.1, "must not be longer than"),
        Order::Below => (less.1 < more.1, "must be shorter than"),
    };
    if holds {
        return Ok(());
    }
    let ((name, value), (other, bound)) = (less, more);
    Err(Error::config(format!(
        "{name} ({value:?}) {relation} {other} ({bound:?}): lower the first or raise the second"
    )))
}

/// The library counts in milliseconds: less than one is nothing.
fn whole_millis(name: &str, value: Duration) -> Result<()> {
    if value >= Duration::from_millis(1) {
        return Ok(());
    }
    let example = seconds(60);
    Err(Error::config(format!(
        "{name} is {value:?}: it must be at least 1ms, {example:?} for example"
    )))
}
