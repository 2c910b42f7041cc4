//! Who may enter: a header, a presented secret and an instant.

use super::Policy;
use crate::record::{Header, SuccessorState};
use crate::time::Timestamp;
use crate::token::Secret;

/// Why a presented secret opens the session.
#[derive(Clone, Debug)]
pub(crate) enum Admission {
    /// It is the current one.
    Current,
    /// It is the one before. The client has yet to receive the current one, given here.
    Previous { successor: Secret },
}

/// Why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The session is past its deadline.
    Expired,
    /// The secret is no secret of this session, or older than the one before (T4).
    WrongSecret,
    /// It is the secret before the current one, past its grace, and the current one is in use (R4).
    Reused,
}

impl Policy {
    /// Decides whether `secret` opens the session at `now`. Every comparison is in constant time.
    pub(crate) fn admit(
        &self,
        header: &Header,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Admission, Refusal> {
        if !header.is_live(now) {
            return Err(Refusal::Expired);
        }
        let presented = secret.hash();
        if header.secret.hash.matches(&presented) {
            return Ok(Admission::Current);
        }
        let previous =
            header.previous.as_ref().filter(|previous| previous.hash.matches(&presented));
        let Some(previous) = previous else {
            return Err(Refusal::WrongSecret);
        };
        let grace = self.renewal.map(|renewal| renewal.grace).unwrap_or_default();
        let in_grace = now < previous.renewed.after(grace);
        match previous.successor {
            SuccessorState::Presented if !in_grace => Err(Refusal::Reused),
            SuccessorState::Presented | SuccessorState::Unseen => {
                Ok(Admission::Previous { successor: secret.successor(&previous.seed) })
            }
        }
    }
}
