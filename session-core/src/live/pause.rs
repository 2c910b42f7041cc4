//! How long a task of a hub waits before it tries the bus again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// The pause after a failure: twice as long each time, up to two seconds.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Pause {
    /// What has worked for longer than this begins with the first pause again.
    pub(super) const LONGEST: Duration = LONGEST;

    pub(super) fn first() -> Self {
        Self(FIRST)
    }

    pub(super) fn is_first(&self) -> bool {
        self.0 == FIRST
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}
