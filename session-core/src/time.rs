//! Instants and clocks. All time in the library comes from one [`Clock`], so tests never sleep.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind};

/// An instant: whole milliseconds since the Unix epoch. Arithmetic saturates.
///
/// Shown, and seen by serde, as RFC 3339 in UTC: `2026-01-01T00:00:00Z`, with up to three decimals
/// of a second. Instants after the year 9999, which that form does not have, show as its end. Any
/// offset is read; parts of a millisecond are cut off.
///
/// ```
/// use std::time::SystemTime;
/// use typed_sessions::{Timestamp, hours};
///
/// let new_year = Timestamp::from_millis(1_767_225_600_000);
/// assert_eq!(new_year.after(hours(1)).as_millis(), 1_767_229_200_000);
/// assert_eq!(Timestamp::from(SystemTime::from(new_year)), new_year);
/// assert_eq!(new_year.to_string(), "2026-01-01T00:00:00Z");
/// assert_eq!("2026-01-01T01:00:00+01:00".parse::<Timestamp>().ok(), Some(new_year));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        Self(self.0.saturating_add(whole_millis(duration)))
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
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The last millisecond of the year 9999.
const END_OF_RFC_3339: u64 = 253_402_300_799_999;
const NANOS_IN_A_MILLI: i128 = 1_000_000;

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0.min(END_OF_RFC_3339)) * NANOS_IN_A_MILLI;
        let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| fmt::Error)?;
        f.pad(&date.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339; anything else, and instants before 1970, are [`ErrorKind::Invalid`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let date = OffsetDateTime::parse(text, &Rfc3339).ok();
        let millis = date.map(|date| date.unix_timestamp_nanos().div_euclid(NANOS_IN_A_MILLI));
        let millis = millis.and_then(|millis| u64::try_from(millis).ok());
        millis.map(Self).ok_or_else(|| {
            let message = "not an instant: expected RFC 3339 from 1970 on, 2026-01-01T00:00:00Z";
            Error::new(ErrorKind::Invalid, message)
        })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// For serde: an instant as its number of milliseconds, as headers keep it.
pub(crate) mod as_number {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(crate) fn serialize<S: Serializer>(
        timestamp: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(timestamp.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        u64::deserialize(deserializer).map(Timestamp)
    }
}

impl From<SystemTime> for Timestamp {
    /// Instants before the Unix epoch become [`Timestamp::MIN`].
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, whole_millis))
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
/// Servers that share a store should keep their clocks synchronized (NTP): an error of a second
/// makes sessions end a second early or late.
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
        let step = |now: u64| Some(now.saturating_add(whole_millis(by)));
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
