//! What an open has to write: a touch, a renewal, the news that a renewed secret arrived. Mostly
//! nothing.

use super::admit::Admission;
use super::deadlines::{is_due, is_from_a_wrong_clock};
use super::settings::Policy;
use crate::store::{CurrentSecret, Header, PreviousSecret, SuccessorState};
use crate::time::Timestamp;
use crate::token::Secret;

/// A header to write at open, by compare-and-swap on the revision.
#[derive(Clone, Debug)]
pub(crate) struct Upkeep {
    pub(crate) header: Header,
    /// The secret that the client must get, if the header renews it.
    pub(crate) renewed: Option<Secret>,
}

impl Policy {
    /// What is due at `now` for a request that was admitted with `secret`; `None` when nothing is,
    /// as for most requests.
    pub(crate) fn upkeep(
        &self,
        header: &Header,
        admission: &Admission,
        secret: &Secret,
        now: Timestamp,
    ) -> Option<Upkeep> {
        let touch = self.touch_is_due(header, now);
        let current = matches!(admission, Admission::Current);
        let is_unseen = |previous: &PreviousSecret| previous.successor == SuccessorState::Unseen;
        let confirm = current && header.previous.as_ref().is_some_and(is_unseen);
        let renew = current && self.renewal_is_due(header, now);
        if !(touch || confirm || renew) {
            return None;
        }
        let mut next = self.following(header, now);
        if touch {
            self.touch(&mut next, now);
        }
        if confirm && let Some(previous) = &mut next.previous {
            previous.successor = SuccessorState::Presented(now);
        }
        let renewed = renew.then(|| renew_secret(&mut next, secret, now));
        Some(Upkeep { header: next, renewed })
    }

    /// The header with a touch, when one is due.
    pub(crate) fn touch_when_due(&self, header: &Header, now: Timestamp) -> Option<Header> {
        self.touch_is_due(header, now).then(|| self.touched(header, now))
    }

    /// Throttled, but never so much that a session in use could run idle.
    fn touch_is_due(&self, header: &Header, now: Timestamp) -> bool {
        let idle = self.idle_timeout_of(header);
        let every = self.touch_every.min(idle / 2);
        // Nodes whose clocks differ a little must not each take the other's touch for a wrong one.
        now.since(header.last_seen) >= every
            || is_from_a_wrong_clock(header.last_seen, every.max(idle / 4), now)
    }

    fn renewal_is_due(&self, header: &Header, now: Timestamp) -> bool {
        self.renewal.is_some_and(|renewal| is_due(header.secret.since, renewal.every, now))
    }
}

/// Puts the successor of `secret` in its place. All who race with the same secret derive the same
/// successor (R2).
fn renew_secret(header: &mut Header, secret: &Secret, now: Timestamp) -> Secret {
    let successor = secret.successor(&header.secret.seed, &header.lineage);
    let old = std::mem::replace(&mut header.secret, CurrentSecret::new(&successor, now));
    header.previous = Some(PreviousSecret {
        hash: old.hash,
        seed: old.seed,
        renewed: now,
        successor: SuccessorState::Unseen,
    });
    successor
}
