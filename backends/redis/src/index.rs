//! The index of a user's sessions: a sorted set of [members](Member), in the order of their seats.
//!
//! Seats and the age of members are by Redis's clock, and nothing here is by that of a caller.
//! Whoever reads the index asks the sessions themselves, and believes them. A seat that no session
//! has is **vacant**: its login was refused, died, or is under way, or the session has ended. Older
//! than a minute it is forgotten by whoever looks.
//!
//! An index expires with its longest session, and never before: a session notes until when its
//! index lasts, and is not written for longer than that before the index has been prolonged.

use std::time::Duration;

use redis::{Cmd, Value};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::store::{Cursor, Header};
use typed_sessions_core::{Result, Timestamp, UserId};

use crate::commands::Commands;
use crate::error::unexpected;
use crate::keys::Member;
use crate::reply::{Lifecycle, read_members};
use crate::script::{self, millis_rounded_up};
use crate::session_hash::Depth;

/// Longer than any call takes: a younger vacant seat may be that of a login under way.
const LOGIN_TAKES_LESS_THAN: Duration = Duration::from_mins(1);

/// A session takes note of how long its index lasts when it is written, which is later than when
/// the index was told: by less than this. And by up to this, the clocks that time its life may
/// differ before its index has to be told again.
const MARGIN: Duration = Duration::from_secs(30);

/// Part of an index.
pub(crate) struct IndexPage {
    pub(crate) names: Vec<String>,
    pub(crate) next: Option<Cursor>,
}

/// Members of an index, as their sessions say.
#[derive(Default)]
pub(crate) struct Members {
    /// The user's sessions, each once, live or not.
    pub(crate) sessions: Vec<UsersSession>,
    pub(crate) vacant: Vec<Member>,
    /// What is neither: no members, or sessions that do not say whose they are.
    pub(crate) odd: Vec<String>,
}

/// A session that is this user's.
pub(crate) struct UsersSession {
    /// With the seat that it has.
    pub(crate) member: Member,
    /// `None` when it cannot be read, or was not asked for.
    pub(crate) header: Option<Header>,
    pub(crate) deadline: Timestamp,
    pub(crate) last_seen: Timestamp,
}

impl Commands<'_> {
    /// Notes in the index that a login is written, if it is for so short a time that its session
    /// could expire while its seat is young enough to be that of a login under way.
    pub(crate) async fn note_written(&self, user: &UserId, member: &Member, keep_for: Duration) {
        if keep_for < LOGIN_TAKES_LESS_THAN {
            let mut command = redis::cmd("ZADD");
            command.arg(self.keys.user(user)).arg("XX").arg("GT");
            command.arg(format!("{}.25", member.seat)).arg(member.to_string());
            // If that fails, the seat counts against a limit until it is old.
            let _ = self.send(&command).await;
        }
    }

    /// Keeps the index for as long as this session can last.
    pub(crate) async fn prolong(
        &self,
        user: &UserId,
        member: &Member,
        lasts: Duration,
    ) -> Result<()> {
        let fill = |command: &mut Cmd| {
            command.arg(member.to_string()).arg(member.seat).arg(keep_index_for(lasts));
        };
        self.run(&script::PROLONG, Effect::Repeatable, &[self.keys.user(user)], fill).await?;
        Ok(())
    }

    /// Gives up a seat that is certainly no session's any more. If that fails it is vacant, and
    /// forgotten later: what its session has come to is certain, and the answer.
    pub(crate) async fn leave(&self, user: &UserId, member: &Member) {
        let mut command = redis::cmd("ZREM");
        command.arg(self.keys.user(user)).arg(member.to_string());
        let _ = self.send(&command).await;
    }

    /// Some members after a cursor, in the order of their seats. Deletions between two pages move
    /// nobody, and a login meanwhile takes a seat at the end.
    pub(crate) async fn page(
        &self,
        user: &UserId,
        after: Option<&Cursor>,
        at_most: usize,
    ) -> Result<IndexPage> {
        let after = match after {
            None => "-inf".to_owned(),
            Some(cursor) => format!("({}", String::from_utf8_lossy(cursor.as_bytes())),
        };
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys.user(user)).arg(after).arg("+inf").arg("BYSCORE");
        command.arg("LIMIT").arg(0).arg(at_most).arg("WITHSCORES");
        let (names, last) = read_members(self.send(&command).await?)?;
        let is_last = names.len() < at_most;
        Ok(IndexPage { names, next: last.filter(|_| !is_last).map(Cursor::new) })
    }

    /// What the members' sessions say.
    pub(crate) async fn look_up(
        &self,
        user: &UserId,
        names: &[String],
        depth: Depth,
    ) -> Result<Members> {
        let mut members = Members::default();
        let mut seats: Vec<Member> = Vec::with_capacity(names.len());
        for name in names {
            match name.parse() {
                Ok(member) => seats.push(member),
                Err(_) => members.odd.push(name.clone()),
            }
        }
        let lifecycles = self.lifecycles(seats.iter().map(|member| member.id), depth).await?;
        for (member, (_, lifecycle)) in seats.into_iter().zip(lifecycles) {
            members.add(user, member, lifecycle);
        }
        // A session may have been found by two members, at two moments.
        members.sessions.sort_by_key(|session| session.member.id);
        members.sessions.dedup_by_key(|session| session.member.id);
        Ok(members)
    }

    /// Forgets vacant members that are old enough; tells how many.
    pub(crate) async fn prune(&self, user: &UserId, members: &Members) -> Result<i64> {
        if members.vacant.is_empty() {
            return Ok(0);
        }
        let vacant: Vec<String> = members.vacant.iter().map(Member::to_string).collect();
        let fill = |command: &mut Cmd| {
            let age = u64::try_from(LOGIN_TAKES_LESS_THAN.as_micros()).unwrap_or(u64::MAX);
            command.arg(age).arg(&vacant);
        };
        match self.run(&script::PRUNE, Effect::Repeatable, &[self.keys.user(user)], fill).await? {
            Value::Int(gone) => Ok(gone),
            _ => Err(unexpected("no number of members")),
        }
    }
}

/// For how long from now an index lasts that was told of a session which can last so long.
pub(crate) fn index_lasts(longest: Duration) -> Duration {
    longest.saturating_add(MARGIN)
}

/// What the index is told: longer than its sessions take note of.
pub(crate) fn keep_index_for(longest: Duration) -> u64 {
    millis_rounded_up(index_lasts(longest).saturating_add(MARGIN))
}

impl Members {
    fn add(&mut self, user: &UserId, member: Member, lifecycle: Option<Lifecycle>) {
        let Some(Lifecycle { guard, seat, header }) = lifecycle else {
            return self.vacant.push(member);
        };
        let its = guard.and_then(|guard| {
            let login = guard.login.filter(|login| login.user == *user)?;
            Some((guard.deadline, login.last_seen))
        });
        let is_its_seat = match seat {
            Some(seat) => seat == member.seat,
            // A user's session without a seat is damaged: it stays.
            None => its.is_some(),
        };
        if !is_its_seat {
            self.vacant.push(member);
        }
        match its {
            Some((deadline, last_seen)) => {
                let member = Member { seat: seat.unwrap_or(member.seat), ..member };
                self.sessions.push(UsersSession { member, header, deadline, last_seen });
            }
            None if is_its_seat => self.odd.push(member.to_string()),
            None => {}
        }
    }
}
