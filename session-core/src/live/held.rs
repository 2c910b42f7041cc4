//! The connections of this server, and by what they are found.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::mailbox::Mailbox;
use super::message::Whom;
use super::reason::{Reason, Verdict};
use super::registry::{ConnectionEntry, ConnectionId};
use crate::context::Looked;
use crate::policy::Policy;
use crate::store::UserId;
use crate::time::Timestamp;
use crate::token::{Lineage, SessionId};

/// A connection of this server.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) entry: ConnectionEntry,
    /// The login in which it was made.
    pub(crate) login: Lineage,
    pub(crate) mailbox: Arc<Mailbox>,
}

/// A session that connections follow.
#[derive(Debug)]
struct Followed {
    connections: HashSet<ConnectionId>,
    /// When it is over, as far as is known.
    deadline: Timestamp,
    /// Since when the store did not tell.
    untold_since: Option<Instant>,
}

/// Whether the store tells of a session of which it did not when it was asked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TellsAgain {
    Yes,
    No,
}

/// All connections of this server.
#[derive(Debug, Default)]
pub(crate) struct Held {
    connections: HashMap<ConnectionId, (Number, Bound)>,
    sessions: HashMap<SessionId, Followed>,
    users: HashMap<UserId, HashSet<ConnectionId>>,
    deadlines: BTreeSet<(Timestamp, SessionId)>,
    next: Number,
    /// Since when the store told of none that it was asked about.
    silent_since: Option<Instant>,
}

/// Connections are numbered as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(u64);

impl Held {
    pub(crate) fn insert(&mut self, bound: Bound, deadline: Timestamp) {
        let ConnectionEntry { connection, session, .. } = bound.entry;
        if let Some(user) = &bound.entry.user {
            self.users.entry(user.clone()).or_default().insert(connection);
        }
        let new = Followed { connections: HashSet::new(), deadline, untold_since: None };
        self.sessions.entry(session).or_insert(new).connections.insert(connection);
        self.connections.insert(connection, (self.next, bound));
        self.next.0 += 1;
        self.follow(&session, deadline);
    }

    pub(crate) fn remove(&mut self, connection: &ConnectionId) -> Option<Bound> {
        let (_, bound) = self.connections.remove(connection)?;
        let entry = &bound.entry;
        if let Some(user) = &entry.user
            && let Some(connections) = self.users.get_mut(user)
        {
            connections.remove(connection);
            if connections.is_empty() {
                self.users.remove(user);
            }
        }
        if let Some(followed) = self.sessions.get_mut(&entry.session) {
            followed.connections.remove(connection);
            if followed.connections.is_empty() {
                self.deadlines.remove(&(followed.deadline, entry.session));
                self.sessions.remove(&entry.session);
            }
        }
        Some(bound)
    }

    /// The number of the next connection.
    pub(crate) fn next(&self) -> Number {
        self.next
    }

    /// The sessions that a message is about.
    pub(crate) fn sessions(&self, whom: &Whom) -> Vec<SessionId> {
        match whom {
            Whom::Session(id) => {
                self.sessions.contains_key(id).then_some(*id).into_iter().collect()
            }
            Whom::User(_) => self.of(whom).iter().map(|bound| bound.entry.session).collect(),
            Whom::Everybody => self.sessions.keys().copied().collect(),
        }
    }

    /// The sessions that are over by what is known of them, so many at most. Not those of which the
    /// store did not tell: they are asked about again.
    pub(crate) fn due(&self, now: Timestamp, at_most: usize) -> Vec<SessionId> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        due.map(|(_, id)| *id).filter(|id| self.is_told(id)).take(at_most).collect()
    }

    /// When the next session is over, of those of which the store told.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.iter().find(|(_, id)| self.is_told(id)).map(|(deadline, _)| *deadline)
    }

    /// Whether it is held, and the store told of it when it was asked last.
    pub(crate) fn is_told(&self, session: &SessionId) -> bool {
        self.sessions.get(session).is_some_and(|followed| followed.untold_since.is_none())
    }

    /// The sessions of which the store told, so many at most.
    pub(crate) fn told(&self, at_most: usize) -> Vec<SessionId> {
        self.sessions.keys().filter(|id| self.is_told(id)).take(at_most).copied().collect()
    }

    /// The sessions of which it did not.
    pub(crate) fn untold(&self) -> Vec<SessionId> {
        self.sessions.keys().filter(|id| !self.is_told(id)).copied().collect()
    }

    /// Where messages to these connections go.
    pub(crate) fn mailboxes(&self, whom: &Whom) -> Vec<(ConnectionId, Arc<Mailbox>)> {
        let mailbox = |bound: &&Bound| (bound.entry.connection, Arc::clone(&bound.mailbox));
        self.of(whom).iter().map(mailbox).collect()
    }

    /// Decides about the connections of a session by what the store had of it at `now`, if they
    /// came before this number: those that came later have asked for themselves since. Takes out
    /// those that close.
    pub(crate) fn judge(
        &mut self,
        session: &SessionId,
        looked: &Looked,
        policy: &Policy,
        now: Timestamp,
        before: Number,
    ) -> Vec<(Bound, Reason)> {
        self.silent_since = None;
        let Some(followed) = self.sessions.get_mut(session) else { return Vec::new() };
        followed.untold_since = None;
        let (deadline, ids) = (followed.deadline, followed.connections.clone());
        let mut closing = Vec::new();
        for id in ids {
            let Some((number, bound)) = self.connections.get(&id) else { continue };
            if *number >= before {
                continue;
            }
            match policy.verdict(&bound.login, deadline, looked, now) {
                Verdict::Stays(until) => self.follow(session, until),
                Verdict::Closes(reason) => {
                    closing.extend(self.remove(&id).map(|bound| (bound, reason)));
                }
            }
        }
        closing
    }

    /// The store did not tell of these sessions.
    pub(crate) fn doubt(&mut self, sessions: &[SessionId]) {
        let now = Instant::now();
        for session in sessions {
            if let Some(followed) = self.sessions.get_mut(session) {
                followed.untold_since.get_or_insert(now);
            }
        }
    }

    /// The store told of this session, to somebody else.
    pub(crate) fn store_tells(&mut self, session: &SessionId) -> TellsAgain {
        self.silent_since = None;
        let followed = self.sessions.get_mut(session);
        match followed.and_then(|followed| followed.untold_since.take()) {
            Some(_) => TellsAgain::Yes,
            None => TellsAgain::No,
        }
    }

    /// The store told of none that it was asked about.
    pub(crate) fn fall_silent(&mut self) {
        self.silent_since.get_or_insert_with(Instant::now);
    }

    /// Takes out the connections of sessions of which the store has not told for so long: of all, if
    /// it has told of none.
    pub(crate) fn give_up(&mut self, grace: Duration) -> Vec<Bound> {
        let is_over = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() >= grace);
        if is_over(self.silent_since) {
            return self.take_all();
        }
        let over = self.sessions.values().filter(|followed| is_over(followed.untold_since));
        let over: Vec<_> = over.flat_map(|followed| followed.connections.clone()).collect();
        over.iter().filter_map(|connection| self.remove(connection)).collect()
    }

    /// Takes out all.
    pub(crate) fn take_all(&mut self) -> Vec<Bound> {
        let next = self.next;
        let all = std::mem::replace(self, Self { next, ..Self::default() });
        all.connections.into_values().map(|(_, bound)| bound).collect()
    }

    pub(crate) fn entries(&self) -> Vec<ConnectionEntry> {
        self.connections.values().map(|(_, bound)| bound.entry.clone()).collect()
    }

    fn of(&self, whom: &Whom) -> Vec<&Bound> {
        let of = |ids: Option<&HashSet<ConnectionId>>| {
            let find = |id| self.connections.get(id).map(|(_, bound)| bound);
            ids.into_iter().flatten().filter_map(find).collect()
        };
        match whom {
            Whom::Session(id) => of(self.sessions.get(id).map(|followed| &followed.connections)),
            Whom::User(user) => of(self.users.get(user)),
            Whom::Everybody => self.connections.values().map(|(_, bound)| bound).collect(),
        }
    }

    fn follow(&mut self, session: &SessionId, until: Timestamp) {
        if let Some(followed) = self.sessions.get_mut(session) {
            self.deadlines.remove(&(followed.deadline, *session));
            followed.deadline = until;
            self.deadlines.insert((until, *session));
        }
    }
}
