//! Changes of sessions, and what they mean for the index: it is written before a session becomes a
//! user's, and left after the session is no more; or both are written in one step, where one server
//! has both.

use std::collections::HashSet;
use std::iter;
use std::time::Duration;

use typed_sessions_core::__backend::eviction_failed;
use typed_sessions_core::store::{
    Applied, Change, Create, Header, Limit, Overflow, Owner, Rewrite,
};
use typed_sessions_core::{Error, Result, SessionId, Timestamp, UserId};

use crate::commands::Commands;
use crate::error::unexpected;
use crate::index::index_lasts;
use crate::joining::Joining;
use crate::keys::Member;
use crate::reply::Written;
use crate::script::Place;

/// A session that is about to become a user's.
struct Login<'a> {
    id: &'a SessionId,
    change: &'a Change,
    header: &'a Header,
    now: Timestamp,
    before: Option<&'a UserId>,
    limit: Option<Limit>,
}

/// What became of a login.
enum LoggedIn {
    Yes {
        member: Member,
        /// How many the index had right after the session was written, if that is known.
        seats: Option<usize>,
    },
    Refused(Applied),
}

impl Commands<'_> {
    /// Checks a change's conditions and writes all of it, or nothing.
    pub(crate) async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        match change {
            Change::Create(Create { now, header, limit, fields: _ }) => {
                if header.user().is_none() {
                    return self.write_only(id, change).await;
                }
                let (now, limit) = (*now, *limit);
                self.log_in(&Login { id, change, header, now, before: None, limit }).await
            }
            Change::Save(_) => self.write_only(id, change).await,
            Change::Rewrite(Rewrite {
                now,
                header,
                owner,
                login_epoch: _,
                revision: _,
                edit: _,
            }) => match owner {
                Owner::Same | Owner::SameForLonger => {
                    self.write_as_before(id, change, header, *now).await
                }
                Owner::Login { before, limit } => {
                    let (now, before, limit) = (*now, before.as_ref(), *limit);
                    self.log_in(&Login { id, change, header, now, before, limit }).await
                }
                Owner::Logout { before } => self.log_out(id, change, before).await,
            },
        }
    }

    /// A change that does not concern the index.
    async fn write_only(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        Ok(outcome(&self.write(id, change, Place::Indifferent).await?)?.0)
    }

    /// The session becomes a user's, and the excess ends.
    async fn log_in(&self, login: &Login<'_>) -> Result<Applied> {
        let user = user_of(login.header)?;
        let (others, evict_above) = match login.limit {
            None => (None, None),
            Some(Limit { sessions, overflow: Overflow::Refuse }) => {
                (Some(sessions.saturating_sub(1)), None)
            }
            Some(Limit { sessions, overflow: Overflow::EvictOldest }) => (None, Some(sessions)),
        };
        let (id, now, lasts) = (login.id, login.now, longest(login.header, login.now));
        let joining = Joining { id, user, others, now, lasts };
        let outcome = match self.log_in_at_once(login, &joining).await? {
            Some(outcome) => outcome,
            None => self.log_in_in_steps(login, &joining).await?,
        };
        let (member, seats) = match outcome {
            LoggedIn::Yes { member, seats } => (member, seats),
            LoggedIn::Refused(refused) => return Ok(refused),
        };
        if let Some(most) = evict_above
            && seats.is_none_or(|seats| seats > most)
            && let Err(error) = self.make_room(user, member, most, now).await
        {
            // The login is written: the next one makes room as well.
            eviction_failed(user, &error);
        }
        Ok(Applied::Applied)
    }

    /// Index and session are written in one step. `None` when they are not on one server: then
    /// nothing has been done.
    async fn log_in_at_once(
        &self,
        login: &Login<'_>,
        joining: &Joining<'_>,
    ) -> Result<Option<LoggedIn>> {
        let users: Vec<&UserId> = iter::once(joining.user).chain(login.before).collect();
        let mut uncounted = HashSet::new();
        loop {
            let place = Place::Joins { joining, uncounted: &uncounted };
            let written = self.write_with_indexes(login.id, login.change, place, &users).await?;
            let counted = match written {
                None => return Ok(None),
                Some(Written::Joined { seat, seats }) => {
                    let member = joining.member(seat);
                    return Ok(Some(LoggedIn::Yes { member, seats: Some(seats) }));
                }
                Some(Written::TooMany(counted)) => counted,
                Some(written) => return Ok(Some(LoggedIn::Refused(outcome(&written)?.0))),
            };
            if !self.look_again(joining, counted, &mut uncounted).await? {
                return Ok(Some(LoggedIn::Refused(Applied::Full)));
            }
        }
    }

    /// A seat is taken, the session is written, and the seat that it had is left.
    async fn log_in_in_steps(&self, login: &Login<'_>, joining: &Joining<'_>) -> Result<LoggedIn> {
        let Login { id, change, .. } = *login;
        let Some(member) = self.join(joining).await? else {
            // The limit matters only to a login that nothing else refuses.
            return Ok(LoggedIn::Refused(match outcome(&self.check(id, change).await?)?.0 {
                Applied::Applied => Applied::Full,
                refused => refused,
            }));
        };
        let index_lasts = index_lasts(joining.lasts);
        let place = Place::Taken { seat: member.seat, index_lasts };
        let (applied, seat_before) = outcome(&self.write(id, change, place).await?)?;
        if applied != Applied::Applied {
            self.leave(joining.user, &member).await;
            return Ok(LoggedIn::Refused(applied));
        }
        if let Some(keep_for) = change.keep_for() {
            self.note_written(joining.user, &member, keep_for).await;
        }
        if let (Some(before), Some(seat)) = (login.before, seat_before) {
            self.leave(before, &Member { id: *id, seat }).await;
        }
        Ok(LoggedIn::Yes { member, seats: None })
    }

    /// The session stays whose it is. If it could outlast its user's index, that must know first;
    /// the session keeps its seat, so that who is about to end it by that seat still can.
    async fn write_as_before(
        &self,
        id: &SessionId,
        change: &Change,
        header: &Header,
        now: Timestamp,
    ) -> Result<Applied> {
        let Some(user) = header.user() else { return self.write_only(id, change).await };
        let seat = match self.write(id, change, Place::Kept).await? {
            Written::Outlasts { seat } => seat,
            written => return Ok(outcome(&written)?.0),
        };
        let Some(seat) = seat else {
            // It is damaged, and takes another.
            return self
                .log_in(&Login { id, change, header, now, before: None, limit: None })
                .await;
        };
        let lasts = longest(header, now);
        self.prolong(user, &Member { id: *id, seat }, lasts).await?;
        let place = Place::Prolonged { index_lasts: index_lasts(lasts) };
        Ok(outcome(&self.write(id, change, place).await?)?.0)
    }

    async fn log_out(&self, id: &SessionId, change: &Change, before: &UserId) -> Result<Applied> {
        if let Some(written) = self.write_with_indexes(id, change, Place::Left, &[before]).await? {
            return Ok(outcome(&written)?.0);
        }
        let (applied, seat) = outcome(&self.write(id, change, Place::Left).await?)?;
        if let Some(seat) = seat {
            self.leave(before, &Member { id: *id, seat }).await;
        }
        Ok(applied)
    }
}

/// What came of a write that neither asks about the index ([`Place::Kept`] does) nor joins it
/// ([`Place::Joins`] does); with the seat until then, if that changed.
fn outcome(written: &Written) -> Result<(Applied, Option<u64>)> {
    match written {
        Written::Done { seat_before } => Ok((Applied::Applied, *seat_before)),
        Written::Refused(refused) => Ok((*refused, None)),
        Written::Outlasts { .. } | Written::Joined { .. } | Written::TooMany(_) => {
            Err(unexpected("a question about the index"))
        }
    }
}

fn user_of(header: &Header) -> Result<&UserId> {
    header.user().ok_or_else(|| Error::store("a login by a header without a user"))
}

/// The longest that a session with this header can last.
fn longest(header: &Header, now: Timestamp) -> Duration {
    header.absolute_deadline().since(now)
}
