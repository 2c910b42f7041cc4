//! Who may enter: a header, a presented token and an instant.

use super::deadlines::is_within;
use super::settings::Policy;
use crate::store::{Header, SuccessorState};
use crate::time::Timestamp;
use crate::token::{Secret, Token};

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
    /// The session is over.
    Expired,
    /// The secret is no secret of this login, or came too soon after one that replaced it without
    /// grace to tell a late request from a thief (T4).
    WrongSecret,
    /// It is an older secret of this login, past its grace, and a newer one is in use (R4).
    Reused,
}

impl Policy {
    /// Decides whether `token` opens the session at `now`. Every comparison of secrets is in
    /// constant time.
    pub(crate) fn admit(
        &self,
        header: &Header,
        token: &Token,
        now: Timestamp,
    ) -> Result<Admission, Refusal> {
        if !self.is_live(header, now) {
            return Err(Refusal::Expired);
        }
        let presented = token.secret().hash();
        if header.secret.hash.matches(&presented) {
            return Ok(Admission::Current);
        }
        let previous = header.previous.as_ref();
        match previous.filter(|previous| previous.hash.matches(&presented)) {
            // Without the mark that every secret of this login carries, it is none of them.
            None if !token.secret().is_of(&header.lineage) => Err(Refusal::WrongSecret),
            None if self.may_be_late(header, now) => Err(Refusal::WrongSecret),
            None => Err(Refusal::Reused),
            Some(previous) => {
                let is_in_grace = is_within(previous.renewed, self.grace(), now);
                match previous.successor {
                    SuccessorState::Presented(first) if !is_in_grace => {
                        // Requests that were sent together arrive one after the other: the answer
                        // to the first of them has just been used.
                        let is_late = is_within(first, self.grace(), now);
                        Err(if is_late { Refusal::WrongSecret } else { Refusal::Reused })
                    }
                    SuccessorState::Presented(_) | SuccessorState::Unseen => {
                        let successor = token.secret().successor(&previous.seed, &header.lineage);
                        Ok(Admission::Previous { successor })
                    }
                }
            }
        }
    }

    /// Whether a token whose secret was refused as a wrong one may come from a client that will
    /// have, or has by now, the token that took its place.
    pub(crate) fn is_late(&self, header: &Header, token: &Token, now: Timestamp) -> bool {
        token.secret().is_of(&header.lineage) || self.may_be_late(header, now)
    }

    /// Whether a request with a secret that was replaced without grace may just be on its way.
    fn may_be_late(&self, header: &Header, now: Timestamp) -> bool {
        header.replaced.is_some_and(|replaced| is_within(replaced, self.grace(), now))
    }
}
