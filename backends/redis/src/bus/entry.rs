//! A connection, as the members of its server's sorted set: one by which its session is found, and
//! one for its user.
//!
//! `session:<session>.<connection>.<since>`, and the user behind a further dot if there is one;
//! `user:<bytes>:<user>.<session>.<connection>.<since>`. A user's id may be any text: told how long
//! it is, nobody takes it for another that it begins with.

use std::str::FromStr;

use typed_sessions_core::bus::{ConnectionEntry, Whose};
use typed_sessions_core::{Timestamp, UserId};

/// All members of this connection.
pub(super) fn members(entry: &ConnectionEntry) -> impl Iterator<Item = String> {
    let ConnectionEntry { connection, session, user, since } = entry;
    let since = since.as_millis();
    let mut by_session = format!("{}{connection}.{since}", beginning(&Whose::Session(*session)));
    let by_user = user.as_ref().map(|user| {
        by_session.push('.');
        by_session.push_str(user.as_str());
        format!("{}{session}.{connection}.{since}", beginning(&Whose::User(user.clone())))
    });
    [by_session].into_iter().chain(by_user)
}

/// What exactly the members of these connections begin with.
pub(super) fn beginning(of: &Whose) -> String {
    match of {
        Whose::User(user) => format!("user:{}:{user}.", user.as_str().len()),
        Whose::Session(session) => format!("session:{session}."),
    }
}

/// The connection of a member; `None` for what is none of these connections.
pub(super) fn read(of: &Whose, member: &[u8]) -> Option<ConnectionEntry> {
    let rest = str::from_utf8(member).ok()?.strip_prefix(&beginning(of))?;
    match of {
        Whose::User(user) => {
            let mut parts = rest.split('.');
            let entry = ConnectionEntry {
                session: parsed(parts.next())?,
                connection: parsed(parts.next())?,
                since: Timestamp::from_millis(parsed(parts.next())?),
                user: Some(user.clone()),
            };
            parts.next().is_none().then_some(entry)
        }
        Whose::Session(session) => {
            let mut parts = rest.splitn(3, '.');
            Some(ConnectionEntry {
                session: *session,
                connection: parsed(parts.next())?,
                since: Timestamp::from_millis(parsed(parts.next())?),
                user: parts.next().map(UserId::new).transpose().ok()?,
            })
        }
    }
}

fn parsed<T: FromStr>(part: Option<&str>) -> Option<T> {
    part?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use typed_sessions_core::SessionId;
    use typed_sessions_core::bus::ConnectionId;

    use super::*;

    fn entries() -> impl Strategy<Value = ConnectionEntry> {
        let user = prop_oneof![Just(None), "[.:0-9a\\x00]{1,4}".prop_map(Some)];
        (any::<[u8; 16]>(), any::<[u8; 16]>(), user, any::<u64>()).prop_map(
            |(connection, session, user, since)| ConnectionEntry {
                connection: ConnectionId::from_bytes(connection),
                session: SessionId::from_bytes(session),
                user: user.map(|user| UserId::new(user).expect("an id")),
                since: Timestamp::from_millis(since),
            },
        )
    }

    proptest! {
        #[test]
        fn b11_each_member_is_read_for_whom_it_is_and_for_nobody_else(
            one in entries(),
            other in entries(),
        ) {
            let mut whose = vec![Whose::Session(one.session), Whose::Session(other.session)];
            let users = [&one, &other].into_iter().filter_map(|entry| entry.user.clone());
            whose.extend(users.map(Whose::User));
            for of in &whose {
                let read: Vec<_> = members(&one).filter_map(|it| read(of, it.as_bytes())).collect();
                let expected = if of.has(&one) { vec![one.clone()] } else { Vec::new() };
                prop_assert_eq!(&read, &expected, "{:?}", of);
                let found = members(&one).filter(|it| it.starts_with(&beginning(of))).count();
                prop_assert_eq!(found, expected.len(), "{:?}", of);
            }
        }

        #[test]
        fn f3_damaged_members_make_no_panic(
            entry in entries(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            for member in members(&entry) {
                let mut member = member.into_bytes();
                let at = at.index(member.len());
                member[at] = byte;
                let _ = read(&Whose::Session(entry.session), &member);
                if let Some(user) = entry.user.clone() {
                    let _ = read(&Whose::User(user), &member);
                }
            }
        }
    }
}
