//! How often and how quickly a compare-and-swap is tried again.

use std::time::{Duration, Instant};

use futures_timer::Delay;

use crate::error::{Error, ErrorKind, Result};
use crate::token::random;

/// The tries of one operation. With 64 writers at one key each of them gets through in a few; this
/// many in vain mean that something else is wrong.
const ATTEMPTS: u32 = 64;

/// What a try takes is measured, within these bounds: a store may be microseconds away, or
/// milliseconds.
const QUICKEST_TRY: Duration = Duration::from_micros(250);
const SLOWEST_TRY: Duration = Duration::from_millis(8);

/// The span doubles as often: to 128 tries' length, in which 64 writers find their places.
const DOUBLINGS: u32 = 7;

/// Counts conflicts and spreads the next tries: a random pause out of a span that doubles each
/// time.
#[derive(Debug)]
pub(crate) struct Retry {
    conflicts: u32,
    since: Instant,
}

impl Default for Retry {
    fn default() -> Self {
        Self { conflicts: 0, since: Instant::now() }
    }
}

impl Retry {
    /// After a conflict: waits a little, or gives up with [`ErrorKind::Conflict`].
    pub(crate) async fn again(&mut self) -> Result<()> {
        self.conflicts += 1;
        if self.conflicts >= ATTEMPTS {
            let message = "others kept changing the same fields; nothing was written, try again";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        // The first conflict usually means a stale handle, not a crowd: no pause.
        if self.conflicts > 1 {
            Delay::new(pause(self.conflicts, self.since.elapsed())).await;
        }
        self.since = Instant::now();
        Ok(())
    }
}

fn pause(conflicts: u32, try_took: Duration) -> Duration {
    let span =
        try_took.clamp(QUICKEST_TRY, SLOWEST_TRY).saturating_mul(1 << conflicts.min(DOUBLINGS));
    // Up to 65,535 / 65,536 of the span.
    span.mul_f64(f64::from(u16::from_le_bytes(random())) / 65_536.0)
}
