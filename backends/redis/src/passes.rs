//! Who waits for an eviction pass, and whose turn it is to begin one.
//!
//! For each user and limit there is one pass at a time. A login waits for its turn; if meanwhile a
//! pass has ended that began after the login had been written, the login is served. Otherwise it
//! carries one out, for itself and for all who wait by then. So of many logins at a time most find
//! that they are served. Whoever stops waiting, dropped or not, leaves the turn to the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use redis::RedisResult;
use tokio::sync::OwnedMutexGuard;
use typed_sessions_core::__backend::lock;
use typed_sessions_core::{Timestamp, UserId};

use crate::evict::Pass;
use crate::keys::Member;

/// The passes of one store.
#[derive(Default)]
pub(crate) struct Passes {
    /// Where logins wait, and nobody else.
    places: Mutex<HashMap<Place, Passing>>,
}

/// Logins of this user under this limit wait together.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    user: UserId,
    most: usize,
}

#[derive(Default)]
struct Passing {
    /// Counts the passes that have begun.
    begun: u64,
    /// The last of them that has ended.
    ended: u64,
    /// Logins that are written, each with the instant of its decision.
    waiting: HashMap<Member, Timestamp>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A login that waits.
pub(crate) struct Waiting<'a> {
    passes: &'a Passes,
    place: Place,
    member: Member,
    now: Timestamp,
    /// The first pass that begins after the login was written.
    number: u64,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Passes {
    /// Of a login that is written.
    pub(crate) fn wait_for_one(
        &self,
        user: &UserId,
        most: usize,
        member: Member,
        now: Timestamp,
    ) -> Waiting<'_> {
        let place = Place { user: user.clone(), most };
        let mut places = lock(&self.places);
        let passing = places.entry(place.clone()).or_default();
        passing.waiting.insert(member, now);
        let (number, turn) = (passing.begun + 1, Arc::clone(&passing.turn));
        Waiting { passes: self, place, member, now, number, turn }
    }
}

impl Waiting<'_> {
    /// Nobody else begins a pass until this is dropped.
    pub(crate) async fn turn(&self) -> RedisResult<OwnedMutexGuard<()>> {
        Ok(Arc::clone(&self.turn).lock_owned().await)
    }

    /// Whether a pass has ended that began after the login was written.
    pub(crate) fn is_served(&self) -> bool {
        let places = lock(&self.passes.places);
        places.get(&self.place).is_some_and(|passing| passing.ended >= self.number)
    }

    /// Begins a pass for all who wait, and tells its number.
    pub(crate) fn begin(&self) -> (u64, Pass) {
        let mut places = lock(&self.passes.places);
        let passing = places.entry(self.place.clone()).or_default();
        passing.begun += 1;
        let pass = Pass {
            most: self.place.most,
            // Whoever lives for one of them counts.
            now: passing.waiting.values().copied().min().unwrap_or(self.now),
            joining: passing.waiting.keys().map(|member| member.id).collect(),
        };
        (passing.begun, pass)
    }

    /// This pass has ended, and all who waited when it began are served.
    pub(crate) fn end(&self, number: u64) {
        if let Some(passing) = lock(&self.passes.places).get_mut(&self.place) {
            passing.ended = passing.ended.max(number);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut places = lock(&self.passes.places);
        if let Some(passing) = places.get_mut(&self.place) {
            passing.waiting.remove(&self.member);
            if passing.waiting.is_empty() {
                places.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use typed_sessions_core::SessionId;

    use super::*;

    fn wait(passes: &Passes, seat: u64) -> Waiting<'_> {
        let member = Member { id: SessionId::from_bytes([7; 16]), seat };
        let user = UserId::new(7).expect("an id");
        passes.wait_for_one(&user, 5, member, Timestamp::from_millis(seat))
    }

    #[test]
    fn only_who_was_written_before_a_pass_began_is_served_by_it() {
        let passes = Passes::default();
        let (first, second) = (wait(&passes, 2), wait(&passes, 1));
        let (number, pass) = first.begin();
        assert_eq!((pass.most, pass.now), (5, Timestamp::from_millis(1)));
        let late = wait(&passes, 3);
        assert!(!second.is_served());
        first.end(number);
        assert!(first.is_served() && second.is_served() && !late.is_served());
        drop((first, second));
        late.end(late.begin().0);
        assert!(late.is_served());
        drop(late);
        assert!(lock(&passes.places).is_empty(), "nobody waits");
    }

    #[test]
    fn whoever_is_dropped_leaves_the_turn_to_the_next() {
        let passes = Passes::default();
        let (first, second) = (wait(&passes, 1), wait(&passes, 2));
        let turn = first.turn().now_or_never().expect("it is free");
        first.begin();
        assert!(second.turn().now_or_never().is_none(), "one at a time");
        drop((turn, first));
        second.turn().now_or_never().expect("it is free").expect("no error");
        assert!(!second.is_served(), "that pass has not ended");
        assert_eq!(second.begin().0, 2);
    }
}
