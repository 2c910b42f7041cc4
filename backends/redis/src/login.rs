//! Changes of sessions, and what they mean for the index: it is written before a session becomes a
//! user's, and left after the session is no more.

use std::time::Duration;

use typed_sessions_core::__backend::eviction_failed;
use typed_sessions_core::store::{
    Applied, Change, Create, Header, Limit, Overflow, Owner, Rewrite,
};
use typed_sessions_core::{Error, Result, SessionId, Timestamp, UserId};

use crate::commands::Commands;
use crate::error::unexpected;
use crate::index::{Joining, index_lasts};
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
        Ok(outcome(self.write(id, change, Place::Indifferent).await?)?.0)
    }

    /// A seat is taken, the session is written, the seat that it had is left, and the excess ends.
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
        let Some(member) = self.join(&Joining { id, user, others, now, lasts }).await? else {
            // The limit matters only to a login that nothing else refuses.
            return match outcome(self.check(id, login.change).await?)?.0 {
                Applied::Applied => Ok(Applied::Full),
                refused => Ok(refused),
            };
        };
        let place = Place::Taken { seat: member.seat, index_lasts: index_lasts(lasts) };
        let (applied, seat_before) = outcome(self.write(id, login.change, place).await?)?;
        if applied != Applied::Applied {
            self.leave(user, &member).await;
            return Ok(applied);
        }
        if let Some(keep_for) = login.change.keep_for() {
            self.note_written(user, &member, keep_for).await;
        }
        if let (Some(before), Some(seat)) = (login.before, seat_before) {
            self.leave(before, &Member { id: *id, seat }).await;
        }
        if let Some(most) = evict_above
            && let Err(error) = self.make_room(user, member, most, now).await
        {
            // The login is written: the next one makes room as well.
            eviction_failed(user, &error);
        }
        Ok(Applied::Applied)
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
            written => return Ok(outcome(written)?.0),
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
        Ok(outcome(self.write(id, change, place).await?)?.0)
    }

    async fn log_out(&self, id: &SessionId, change: &Change, before: &UserId) -> Result<Applied> {
        let (applied, seat) = outcome(self.write(id, change, Place::Left).await?)?;
        if let Some(seat) = seat {
            self.leave(before, &Member { id: *id, seat }).await;
        }
        Ok(applied)
    }
}

/// What came of a write that does not ask about the index ([`Place::Kept`] alone does); with the
/// seat until then, if that changed.
fn outcome(written: Written) -> Result<(Applied, Option<u64>)> {
    match written {
        Written::Done { seat_before } => Ok((Applied::Applied, seat_before)),
        Written::Refused(refused) => Ok((refused, None)),
        Written::Outlasts { .. } => Err(unexpected("a question about the index")),
    }
}

fn user_of(header: &Header) -> Result<&UserId> {
    header.user().ok_or_else(|| Error::store("a login by a header without a user"))
}

/// The longest that a session with this header can last.
fn longest(header: &Header, now: Timestamp) -> Duration {
    header.absolute_deadline().since(now)
}
