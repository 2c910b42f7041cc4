//! How often and how quickly a compare-and-swap is tried again.

use std::time::Duration;

use futures_timer::Delay;

use crate::error::{Error, ErrorKind, Result};
use crate::token::random;

/// The tries of one operation. With 64 writers at one key each of them gets through in a few; this many in vain mean
/// that something else is wrong.
const ATTEMPTS: u32 = 64;

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_millis(32);

/// Counts conflicts and spreads the next tries: a random pause out of a span that doubles each time.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    conflicts: u32,
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
            Delay::new(pause(self.conflicts)).await;
        }
        Ok(())
    }
}

fn pause(conflicts: u32) -> Duration {
    let span = Duration::from_micros(250).saturating_mul(1 << conflicts.min(16)).min(MAX_PAUSE);
    // Up to 65,535 / 65,536 of the span.
    span.mul_f64(f64::from(u16::from_le_bytes(random())) / 65_536.0)
}
