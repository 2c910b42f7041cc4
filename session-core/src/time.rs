//! Instants and clocks. All time in the library comes from one [`Clock`], so tests never sleep.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// An instant: whole milliseconds since the Unix epoch. Arithmetic saturates.
///
/// ```
/// use std::time::SystemTime;
/// use typed_sessions::{Timestamp, hours};
///
/// let new_year = Timestamp::from_millis(1_767_225_600_000);
/// assert_eq!(new_year.after(hours(1)).as_millis(), 1_767_229_200_000);
/// assert_eq!(Timestamp::from(SystemTime::from(new_year)), new_year);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch, the earliest instant there is.
    pub const MIN: Self = Self(0);
    /// The latest instant there is.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The instant `duration` later, or [`Timestamp::MAX`].
    ///
    /// ```
    /// # use typed_sessions::{Timestamp, seconds};
    /// assert_eq!(Timestamp::MIN.after(seconds(2)).as_millis(), 2_000);
    /// assert_eq!(Timestamp::MAX.after(seconds(2)), Timestamp::MAX);
    /// ```
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// How long ago `earlier` was at this instant; zero if it is still to come.
    ///
    /// ```
    /// # use typed_sessions::{Timestamp, seconds};
    /// let (earlier, later) = (Timestamp::from_millis(1_000), Timestamp::from_millis(3_000));
    /// assert_eq!(later.since(earlier), seconds(2));
    /// assert_eq!(earlier.since(later), seconds(0));
    /// ```
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in whole milliseconds, rounded down, at most `u64::MAX`.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

impl From<SystemTime> for Timestamp {
    /// Instants before the Unix epoch become [`Timestamp::MIN`].
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, millis))
    }
}

impl From<Timestamp> for SystemTime {
    /// Instants that the platform cannot represent become the Unix epoch.
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH.checked_add(Duration::from_millis(timestamp.0)).unwrap_or(UNIX_EPOCH)
    }
}

/// Where the time comes from.
///
/// ```
/// use typed_sessions::{Clock, SystemClock, Timestamp, minutes};
///
/// /// Shows how an application behaves on a server whose clock is ahead.
/// #[derive(Debug)]
/// struct Ahead;
///
/// impl Clock for Ahead {
///     fn now(&self) -> Timestamp {
///         SystemClock.now().after(minutes(5))
///     }
/// }
///
/// assert!(Ahead.now() > SystemClock.now());
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The system's wall clock, the default.
///
/// Servers that share a store should keep their clocks synchronized (NTP): an error of a second makes sessions end a
/// second early or late.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock for tests that moves only when told. Clones share one time.
///
/// ```
/// use typed_sessions::{Clock, ManualClock, minutes};
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.clone().advance(minutes(5));
/// assert_eq!(clock.now().since(before), minutes(5));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `now`.
    ///
    /// ```
    /// # use typed_sessions::{Clock, ManualClock, Timestamp};
    /// let clock = ManualClock::new(Timestamp::from_millis(1_000));
    /// assert_eq!(clock.now().as_millis(), 1_000);
    /// ```
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.0)))
    }

    /// Moves the time forward, for all clones.
    ///
    /// ```
    /// # use typed_sessions::{Clock, ManualClock, Timestamp, seconds};
    /// let clock = ManualClock::new(Timestamp::from_millis(1_000));
    /// clock.advance(seconds(1));
    /// assert_eq!(clock.now().as_millis(), 2_000);
    /// ```
    pub fn advance(&self, by: Duration) {
        let step = |now: u64| Some(now.saturating_add(millis(by)));
        // `fetch_update` with a closure that never returns `None` cannot fail.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
    }

    /// Sets the time, for all clones; it may go backwards.
    ///
    /// ```
    /// # use typed_sessions::{Clock, ManualClock, Timestamp};
    /// let clock = ManualClock::default();
    /// clock.set(Timestamp::MIN);
    /// assert_eq!(clock.now(), Timestamp::MIN);
    /// ```
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(Timestamp::from_millis(1_767_225_600_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// `n` seconds.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes. More than fit saturate.
///
/// ```
/// # use std::time::Duration;
/// use typed_sessions::minutes;
///
/// const IDLE: Duration = minutes(30);
/// assert_eq!(IDLE, Duration::from_secs(1_800));
/// ```
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

/// `n` hours. More than fit saturate.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60 * 60))
}

/// `n` days of 24 hours. More than fit saturate.
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(24 * 60 * 60))
}
