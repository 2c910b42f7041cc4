//! How a login takes a seat in the index of its user, and what counts against a limit there.

use std::collections::HashSet;
use std::time::Duration;

use redis::{Cmd, Value};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::{Result, SessionId, Timestamp, UserId};

use crate::commands::Commands;
use crate::index::keep_index_for;
use crate::keys::Member;
use crate::reply::{read_seat, text};
use crate::script;
use crate::session_hash::Depth;

/// Who asks for a seat.
pub(crate) struct Joining<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) user: &'a UserId,
    /// How many other live sessions the user may have.
    pub(crate) others: Option<usize>,
    pub(crate) now: Timestamp,
    /// The longest that the session can last.
    pub(crate) lasts: Duration,
}

/// What `join.lua` answered.
enum Answer {
    Joined(u64),
    TooMany(Counted),
}

/// Members that count against a limit, perhaps not all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    names: Vec<String>,
    /// Those of them whose logins had been written before these names were read.
    written: HashSet<String>,
}

impl Joining<'_> {
    pub(crate) fn member(&self, seat: u64) -> Member {
        Member { id: *self.id, seat }
    }

    /// What `take_seat` needs.
    pub(crate) fn write(&self, command: &mut Cmd, uncounted: &HashSet<String>) {
        command.arg(self.id.to_string()).arg(keep_index_for(self.lasts));
        match self.others {
            Some(others) => command.arg(others).arg(uncounted),
            None => command.arg(""),
        };
    }

    /// How many arguments that is.
    pub(crate) fn arguments(&self, uncounted: &HashSet<String>) -> usize {
        3 + self.others.map_or(0, |_| uncounted.len())
    }
}

impl Commands<'_> {
    /// Takes a seat in the index; `None` when the user has too many sessions.
    pub(crate) async fn join(&self, joining: &Joining<'_>) -> Result<Option<Member>> {
        let mut uncounted = HashSet::new();
        loop {
            match self.try_join(joining, &uncounted).await? {
                Answer::Joined(seat) => return Ok(Some(joining.member(seat))),
                Answer::TooMany(counted) => {
                    if !self.look_again(joining, counted, &mut uncounted).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn try_join(&self, joining: &Joining<'_>, uncounted: &HashSet<String>) -> Result<Answer> {
        let fill = |command: &mut Cmd| joining.write(command, uncounted);
        let key = self.keys.user(joining.user);
        match self.run(&script::JOIN, Effect::Once, &[key], fill).await? {
            Value::Array(members) => Ok(Answer::TooMany(read_counted(members)?)),
            seat => Ok(Answer::Joined(read_seat(&seat)?)),
        }
    }

    /// Finds out which of those that were counted do not count; tells whether to try once more.
    pub(crate) async fn look_again(
        &self,
        joining: &Joining<'_>,
        Counted { names, written }: Counted,
        uncounted: &mut HashSet<String>,
    ) -> Result<bool> {
        let members = self.look_up(joining.user, &names, Depth::Guard).await?;
        let pruned = self.prune(joining.user, &members).await?;
        let before = uncounted.len();
        // Those whose time is up do not count here. They stay: the clock may be wrong.
        let ended = members.sessions.iter().filter(|session| session.deadline <= joining.now);
        uncounted.extend(ended.map(|session| session.member.to_string()));
        // Nor do those that were written and are there no more.
        let vacant = members.vacant.iter().map(Member::to_string);
        uncounted.extend(vacant.filter(|member| written.contains(member)));
        uncounted.extend(members.odd);
        Ok(pruned > 0 || uncounted.len() > before)
    }
}

/// Members, each followed by its score.
pub(crate) fn read_counted(values: Vec<Value>) -> Result<Counted> {
    let (mut values, mut counted) = (values.into_iter(), Counted::default());
    while let (Some(member), Some(score)) = (values.next(), values.next()) {
        let (member, score) = (text(member)?, text(score)?);
        if score.contains('.') {
            counted.written.insert(member.clone());
        }
        counted.names.push(member);
    }
    Ok(counted)
}
