//! What is checked before a session is written or ended, in a form that no version of the header
//! changes: `<deadline in ms> <login epoch> <revision> <user id>`, the last as it is and up to the
//! end, empty when nobody is logged in. The scripts compare it, and nothing else.
//!
//! Headers of version 1 came with the three numbers only: whose session it is, is not known.

use typed_sessions_core::store::Header;
use typed_sessions_core::{Timestamp, UserId};

/// What this crate itself compares of a guard; the rest is for the scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) deadline: Timestamp,
    pub(crate) user: Option<UserId>,
}

impl Guard {
    /// The text that is stored beside this header.
    pub(crate) fn text_of(header: &Header) -> String {
        let user = header.user().map_or("", UserId::as_str);
        let (epoch, revision) = (header.login_epoch(), header.revision());
        format!("{} {epoch} {revision} {user}", header.deadline().as_millis())
    }

    /// `None` for what is no guard.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (deadline, _epoch, _revision) = (number()?, number()?, number()?);
        let user = match parts.next() {
            None | Some("") => None,
            Some(user) => Some(UserId::try_from(user.to_owned()).ok()?),
        };
        Some(Self { deadline: Timestamp::from_millis(deadline), user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_read() {
        for (text, deadline, user) in [
            ("5 0 1 ", 5, None),
            ("5 0 1", 5, None),
            ("5 0 1 7", 5, Some("7")),
            ("5 0 1  a b\n\0 c ", 5, Some(" a b\n\0 c ")),
            ("18446744073709551615 0 1 7", u64::MAX, Some("7")),
        ] {
            let guard = Guard::parse(text).expect(text);
            assert_eq!(guard.deadline, Timestamp::from_millis(deadline), "{text}");
            assert_eq!(guard.user.as_ref().map(UserId::as_str), user, "{text}");
        }
        for odd in ["", "x", "1", "1 2", "a b c", "-1 0 0", "1  2 3", "1.5 0 0", "1 2 x 7"] {
            assert_eq!(Guard::parse(odd), None, "{odd}");
        }
    }
}
