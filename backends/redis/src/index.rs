//! The index of users' sessions: a sorted set per user.

use futures::future::{join_all, try_join_all};
use redis::{Cmd, Value};
use typed_sessions_core::{
    Applied, Change, Error, ErrorKind, Join, Limit, Overflow, Record, Result, SessionId, Timestamp,
    UserId,
};

use crate::error::{from_driver, unexpected};
use crate::keys::Member;
use crate::link::{Call, Effect};
use crate::reply::{SEAT, Stored, guard_text, text, texts};
use crate::script;
use crate::store::{RedisStore, millis};

/// A seat that is younger may be that of a login under way: its session is about to be written. Longer than any call.
const LOGIN_TAKES_AT_MOST_MICROS: u64 = 60_000_000;
/// How often a login that finds a full house looks for seats of sessions that have ended.
const LOOKS: usize = 3;

/// The members of an index, as their sessions say.
#[derive(Default)]
struct Members {
    /// The least recently used first.
    live: Vec<(Member, Record)>,
    /// Past their deadline, and the guard that says so.
    ended: Vec<(Member, String)>,
    /// Without a session of the user: it is gone, or a login that was refused or is under way.
    vacant: Vec<Member>,
}

impl RedisStore {
    /// Takes a seat in the index; `None` when the user has too many sessions and none may go.
    pub(crate) async fn join(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        change: &Change,
        join: &Join,
    ) -> Result<Option<Member>> {
        for _ in 0..LOOKS {
            if let Some(seat) = self.try_join(call, id, change, join).await? {
                return Ok(Some(seat));
            }
            let names = self.names(call, &join.user).await?;
            let members = self.look_up(call, &join.user, &names, change.now).await?;
            if self.prune(call, &join.user, &members).await? == 0 {
                break;
            }
        }
        Ok(None)
    }

    /// The seat that a session has; `None` when it has none, or has ended.
    pub(crate) async fn seat_of(&self, call: &Call<'_>, id: &SessionId) -> Result<Option<Member>> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys().session(id)).arg(SEAT);
        match call.send(&command, Effect::Repeatable).await.map_err(|error| from_driver(&error))? {
            Value::Nil => Ok(None),
            seat => Ok(Some(Member { id: *id, seat: text(seat)? })),
        }
    }

    /// Tells the index that a member's session will last longer.
    pub(crate) async fn keep_longer(
        &self,
        call: &Call<'_>,
        change: &Change,
        join: &Join,
        member: &Member,
    ) -> Result<()> {
        let deadline = absolute_deadline(change)?;
        let fill = |command: &mut Cmd| {
            command
                .arg(member.to_string())
                .arg(deadline.as_millis())
                .arg(millis(deadline.since(change.now)));
        };
        script::PROLONG.run(call, &self.keys().user(&join.user), fill).await?;
        Ok(())
    }

    async fn try_join(
        &self,
        call: &Call<'_>,
        id: &SessionId,
        change: &Change,
        join: &Join,
    ) -> Result<Option<Member>> {
        let deadline = absolute_deadline(change)?;
        let fill = |command: &mut Cmd| {
            command.arg(change.now.as_millis()).arg(id.to_string()).arg(deadline.as_millis());
            command.arg(millis(deadline.since(change.now)));
            match join.limit {
                Some(Limit { sessions, overflow: Overflow::Refuse, .. }) => {
                    command.arg(sessions.saturating_sub(1))
                }
                _ => command.arg(""),
            };
        };
        let reply = texts(script::JOIN.run(call, &self.keys().user(&join.user), fill).await?)?;
        match reply.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["joined", seat] => Ok(Some(Member { id: *id, seat: seat.to_owned() })),
            ["full", ..] => Ok(None),
            _ => Err(unexpected("neither a seat nor a full house")),
        }
    }

    /// Ends who must go so that the session that has just logged in is not one too many.
    pub(crate) async fn make_room(
        &self,
        call: &Call<'_>,
        itself: &Member,
        user: &UserId,
        limit: Limit,
        now: Timestamp,
    ) -> Result<()> {
        // Counted after the session is written: of two logins at a time, the later one sees both.
        let names = self.names(call, user).await?;
        if names.len() <= limit.sessions {
            return Ok(());
        }
        let members = self.look_up(call, user, &names, now).await?;
        self.prune(call, user, &members).await?;
        let others = members.live.iter().filter(|(member, _)| member.id != itself.id);
        let others: Vec<String> = others.map(|(member, _)| member.to_string()).collect();
        let fill = |command: &mut Cmd| {
            command.arg(limit.sessions).arg(itself.to_string()).arg(&others);
        };
        let doomed = texts(script::EVICT.run(call, &self.keys().user(user), fill).await?)?;
        let ending =
            doomed.iter().filter_map(|text| text.parse().ok()).map(|member: Member| async move {
                // Only while it still has this seat: somebody else may have logged in to it since.
                self.end(call, &member.id, &member.seat, "").await?;
                self.leave(call, user, &member).await
            });
        // All of them, whatever becomes of one.
        join_all(ending).await.into_iter().collect()
    }

    /// Gives a seat up.
    pub(crate) async fn leave(
        &self,
        call: &Call<'_>,
        user: &UserId,
        member: &Member,
    ) -> Result<()> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.keys().user(user)).arg(member.to_string());
        call.send(&command, Effect::Repeatable).await.map_err(|error| from_driver(&error))?;
        Ok(())
    }

    /// The user's sessions, live or not, and what the index knows beyond them is forgotten.
    pub(crate) async fn sessions_in_index(
        &self,
        call: &Call<'_>,
        user: &UserId,
    ) -> Result<Vec<(SessionId, Record)>> {
        // Without a clock: whatever is stored may be alive.
        let names = self.names(call, user).await?;
        let members = self.look_up(call, user, &names, Timestamp::MIN).await?;
        self.prune(call, user, &members).await?;
        Ok(members.live.into_iter().map(|(member, record)| (member.id, record)).collect())
    }

    async fn names(&self, call: &Call<'_>, user: &UserId) -> Result<Vec<String>> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys().user(user)).arg(0).arg(-1);
        texts(call.send(&command, Effect::Repeatable).await.map_err(|error| from_driver(&error))?)
    }

    /// What the members' sessions say.
    async fn look_up(
        &self,
        call: &Call<'_>,
        user: &UserId,
        names: &[String],
        now: Timestamp,
    ) -> Result<Members> {
        let loads = names.iter().filter_map(|name| name.parse().ok()).map(|member: Member| async move {
            // All at once over one connection; in a Cluster, each from its node.
            match self.load_stored(call, &member.id).await {
                Ok(stored) => Ok(Some((member, stored))),
                // It opens for nobody, and must not keep the others from being listed and revoked.
                Err(error) if error.kind() == ErrorKind::Decode => {
                    tracing::warn!(session = %member.id, "a session cannot be read and is not listed: {error}");
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        });
        let mut members = Members::default();
        for (member, stored) in try_join_all(loads).await?.into_iter().flatten() {
            match stored {
                Some(Stored { record, seat }) if record.header.user() == Some(user) => {
                    let its_own =
                        seat.map_or_else(|| member.clone(), |seat| Member { id: member.id, seat });
                    if member != its_own {
                        // From before the user's last login to this session, or from one under way.
                        members.vacant.push(member);
                    }
                    if record.header.is_live(now) {
                        members.live.push((its_own, record));
                    } else {
                        members.ended.push((its_own, guard_text(&record.header)));
                    }
                }
                _ => members.vacant.push(member),
            }
        }
        // A session may have been found by two members, at two moments.
        members.live.sort_unstable_by_key(|(member, _)| member.id);
        members.live.dedup_by_key(|(member, _)| member.id);
        members
            .live
            .sort_unstable_by_key(|(member, record)| (record.header.last_seen(), member.id));
        Ok(members)
    }

    /// Forgets members without a session; tells how many.
    async fn prune(&self, call: &Call<'_>, user: &UserId, members: &Members) -> Result<i64> {
        let mut gone = 0;
        for (member, guard) in &members.ended {
            // Unless it was touched meanwhile.
            if self.end(call, &member.id, &member.seat, guard).await?.is_some() {
                self.leave(call, user, member).await?;
                gone += 1;
            }
        }
        if !members.vacant.is_empty() {
            let vacant: Vec<String> = members.vacant.iter().map(Member::to_string).collect();
            let fill = |command: &mut Cmd| {
                command.arg(LOGIN_TAKES_AT_MOST_MICROS).arg(&vacant);
            };
            let reply = script::PRUNE.run(call, &self.keys().user(user), fill).await?;
            let Value::Int(pruned) = reply else { return Err(unexpected("no number of members")) };
            gone += pruned;
        }
        Ok(gone)
    }
}

fn absolute_deadline(change: &Change) -> Result<Timestamp> {
    let header = change.header.as_ref().ok_or_else(|| unexpected("a login without a header"))?;
    Ok(header.absolute_deadline())
}

/// What `apply` answered: the outcome, and the seat until then if it changed.
pub(crate) fn read_applied(reply: Value) -> Result<(Applied, Option<String>)> {
    match reply {
        Value::Int(0) => Ok((Applied::Applied, None)),
        Value::Int(1) => Ok((Applied::Missing, None)),
        Value::Int(2) => Ok((Applied::Conflict, None)),
        Value::Int(3) => Err(Error::corrupt("$guard", "it is not what this library writes")),
        Value::Array(parts) => match <[Value; 2]>::try_from(parts) {
            Ok([Value::Int(0), seat]) => Ok((Applied::Applied, Some(text(seat)?))),
            _ => Err(unexpected("no outcome of a change")),
        },
        _ => Err(unexpected("no outcome of a change")),
    }
}
