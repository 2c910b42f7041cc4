//! A session as moka holds it: written in place, under a lock of its own.

use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use typed_sessions_core::__backend::{CENTURY, lock};
use typed_sessions_core::store::{Applied, Change, Header, Record};
use typed_sessions_core::{Error, UserId};

use crate::bounds::Bounds;

/// A session, or what is left of one that has ended.
///
/// Its lock is a leaf: whoever holds it neither locks nor calls anything else, moka least of all,
/// whose listener takes it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// `None` once it has ended. It never comes back: a session that is created under the same id
    /// gets an entry of its own.
    kept: Mutex<Option<Kept>>,
    born: Instant,
    /// What moka counts it as. Written under the lock; moka reads it without.
    weight: AtomicU32,
    /// How old it is when moka lets go of it, in nanoseconds. Written under the lock; moka reads it
    /// without.
    reclaimed_at: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    record: Record,
    /// How old the entry is when the store has no longer to keep it.
    until: Duration,
}

/// Whether moka has to hear of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// What it knows is still good enough.
    None,
    /// The weight or the deadline has changed by much.
    ForMoka,
}

/// Why nothing was written.
#[derive(Debug)]
pub(crate) enum Refused {
    Guard(Applied),
    TooLarge(Error),
}

/// What became of a session that was to end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It ended; it was this user's.
    Ended(Option<UserId>),
    /// The condition does not hold.
    Spared,
    /// It had ended before.
    Missing,
}

impl Entry {
    /// The entry of a session where there is none.
    pub(crate) fn create(change: &Change, bounds: &Bounds) -> Result<Self, Refused> {
        let record = change.evaluate(None)?;
        let bytes = bounds.admit(&record)?;
        let keep_for = change.keep_for().map_or(CENTURY, |duration| duration.min(CENTURY));
        Ok(Self {
            kept: Mutex::new(Some(Kept { record, until: keep_for })),
            born: Instant::now(),
            weight: bounds.weight(bytes).into(),
            reclaimed_at: nanoseconds(reclaimed_in(keep_for)).into(),
        })
    }

    /// Checks and writes in one step. Not a create: that makes an entry of its own.
    pub(crate) fn write(&self, change: &Change, bounds: &Bounds) -> Result<News, Refused> {
        let mut place = lock(&self.kept);
        let age = self.born.elapsed();
        let Some(kept) = place.as_mut().filter(|kept| age < kept.until) else {
            return Err(Applied::Missing.into());
        };
        let next = change.evaluate(Some(&kept.record))?;
        let bytes = bounds.admit(&next)?;
        let before = mem::replace(&mut kept.record, next);
        let mut news = News::None;
        if let Some(keep_for) = change.keep_for() {
            let keep_for = keep_for.min(CENTURY);
            kept.until = age + keep_for;
            if !self.is_reclaimed_in_time(age, keep_for) {
                let reclaimed_at = nanoseconds(age + reclaimed_in(keep_for));
                self.reclaimed_at.store(reclaimed_at, Ordering::Relaxed);
                news = News::ForMoka;
            }
        }
        if let Some(weight) = bounds.other_weight(self.weight(), bytes) {
            self.weight.store(weight, Ordering::Relaxed);
            news = News::ForMoka;
        }
        // Nobody waits until that is freed.
        drop(place);
        drop(before);
        Ok(news)
    }

    /// Why this change must not be written.
    pub(crate) fn refusal(&self, change: &Change) -> Option<Applied> {
        self.look(|record| change.refusal(record))
    }

    /// The session, unless it has ended.
    pub(crate) fn record(&self) -> Option<Record> {
        self.look(|record| Some(record?.clone()))
    }

    /// The session's header, unless it has ended.
    pub(crate) fn header(&self) -> Option<Header> {
        self.look(|record| Some(record?.header.clone()))
    }

    /// Whether the session is this user's.
    pub(crate) fn is_of(&self, user: &UserId) -> bool {
        self.look(|record| record.is_some_and(|record| record.header.user() == Some(user)))
    }

    /// Whether it has ended, or the store has no longer to keep it.
    pub(crate) fn has_ended(&self) -> bool {
        self.look(|record| record.is_none())
    }

    /// Ends the session if the condition holds.
    pub(crate) fn end_if(&self, condition: impl Fn(&Header) -> bool) -> Ending {
        let mut place = lock(&self.kept);
        match self.lasting(place.as_ref()) {
            Some(record) if !condition(&record.header) => Ending::Spared,
            Some(_) => Ending::Ended(user_of(place.take())),
            None => Ending::Missing,
        }
    }

    /// Ends the session, whether or not it has run out; tells whose it was, once.
    pub(crate) fn end(&self) -> Option<UserId> {
        user_of(lock(&self.kept).take())
    }

    /// How long after `now` moka lets go of it.
    pub(crate) fn reclaimed_after(&self, now: Instant) -> Duration {
        let reclaimed_at = Duration::from_nanos(self.reclaimed_at.load(Ordering::Relaxed));
        reclaimed_at.saturating_sub(now.saturating_duration_since(self.born))
    }

    /// What moka counts it as.
    pub(crate) fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Whether moka, if it hears nothing, lets go of a session of this age that is kept for so long
    /// from now on neither too early nor much too late.
    fn is_reclaimed_in_time(&self, age: Duration, keep_for: Duration) -> bool {
        let reclaimed_at = Duration::from_nanos(self.reclaimed_at.load(Ordering::Relaxed));
        let (earliest, latest) = (keep_for + LEAST_ROOM, 2 * reclaimed_in(keep_for));
        (age + earliest..=age + latest).contains(&reclaimed_at)
    }

    fn look<T>(&self, at: impl FnOnce(Option<&Record>) -> T) -> T {
        at(self.lasting(lock(&self.kept).as_ref()))
    }

    /// The record, unless the store has no longer to keep it.
    fn lasting<'a>(&self, kept: Option<&'a Kept>) -> Option<&'a Record> {
        let kept = kept?;
        (self.born.elapsed() < kept.until).then_some(&kept.record)
    }
}

/// How much later than a session runs out moka lets go of it, at least. An entry tells by itself
/// that it has run out; and when it is written just before, moka hears of it in time.
const LEAST_ROOM: Duration = Duration::from_secs(1);

/// When moka lets go of a session that is kept for so long. There is room for touches, so that it
/// need not hear of each.
fn reclaimed_in(keep_for: Duration) -> Duration {
    keep_for + (keep_for / 2).max(LEAST_ROOM)
}

impl From<Applied> for Refused {
    fn from(refused: Applied) -> Self {
        Self::Guard(refused)
    }
}

impl From<Error> for Refused {
    fn from(too_large: Error) -> Self {
        Self::TooLarge(too_large)
    }
}

fn user_of(kept: Option<Kept>) -> Option<UserId> {
    kept?.record.header.user().cloned()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
