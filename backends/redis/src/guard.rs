//! What is checked before a session is written or ended, in a form that no version of the header
//! changes: `<deadline> <login epoch> <revision> <last seen> <user id>`, instants in ms, the user
//! as they are and up to the end, empty when nobody is logged in. The scripts compare it, and
//! nothing else; and whoever makes room for a login needs nothing else.
//!
//! Headers of version 1 came with the first three numbers only: whose session it is, is not known.

use typed_sessions_core::store::Header;
use typed_sessions_core::{Timestamp, UserId};

/// What this crate itself compares of a guard; the rest is for the scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    pub(crate) deadline: Timestamp,
    /// Whose session it is, if anybody's.
    pub(crate) login: Option<Login>,
}

/// Of a session that somebody is logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: UserId,
    pub(crate) last_seen: Timestamp,
}

impl Guard {
    /// The text that is stored beside this header.
    pub(crate) fn text_of(header: &Header) -> String {
        let user = header.user().map_or("", UserId::as_str);
        let (epoch, revision) = (header.login_epoch(), header.revision());
        let (deadline, last_seen) = (header.deadline().as_millis(), header.last_seen().as_millis());
        format!("{deadline} {epoch} {revision} {last_seen} {user}")
    }

    /// `None` for what is no guard.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, ' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (deadline, _epoch, _revision) = (number()?, number()?, number()?);
        let login = match (parts.next(), parts.next()) {
            // Of version 1.
            (None, _) => None,
            (Some(_), None) => return None,
            (Some(last_seen), Some(user)) => {
                let last_seen = Timestamp::from_millis(last_seen.parse().ok()?);
                let login = |user| Some(Login { user: UserId::try_from(user).ok()?, last_seen });
                if user.is_empty() { None } else { Some(login(user.to_owned())?) }
            }
        };
        Some(Self { deadline: Timestamp::from_millis(deadline), login })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_read() {
        for (text, deadline, user) in [
            ("5 0 1 3 ", 5, None),
            ("5 0 1", 5, None),
            ("5 0 1 3 7", 5, Some("7")),
            ("5 0 1 3  a b\n\0 c ", 5, Some(" a b\n\0 c ")),
            ("18446744073709551615 0 1 3 7", u64::MAX, Some("7")),
        ] {
            let guard = Guard::parse(text).expect(text);
            assert_eq!(guard.deadline, Timestamp::from_millis(deadline), "{text}");
            let its = guard.login.as_ref().map(|login| (login.user.as_str(), login.last_seen));
            assert_eq!(its, user.map(|user| (user, Timestamp::from_millis(3))), "{text}");
        }
        for odd in [
            "",
            "x",
            "1",
            "1 2",
            "a b c",
            "-1 0 0",
            "1  2 3",
            "1.5 0 0",
            "1 2 x 3 7",
            "1 2 3 ",
            "1 2 3 7",
            "1 2 3 x 7",
            "1 2 3  7",
        ] {
            assert_eq!(Guard::parse(odd), None, "{odd}");
        }
    }
}
