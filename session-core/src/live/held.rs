//! The connections of this server, and by what they are found.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::mailbox::{Mailbox, Room};
use super::message::Whom;
use super::reason::{Reason, Verdict};
use super::registry::{ConnectionEntry, ConnectionId};
use crate::context::Looked;
use crate::policy::Policy;
use crate::store::UserId;
use crate::time::Timestamp;
use crate::token::SessionId;

/// A connection of this server.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) entry: ConnectionEntry,
    /// The login in which it was made.
    pub(crate) login_epoch: u64,
    pub(crate) mailbox: Arc<Mailbox>,
}

/// A session that connections follow.
#[derive(Debug)]
struct Followed {
    connections: Vec<ConnectionId>,
    /// When it is over, as far as is known.
    deadline: Timestamp,
}

/// All connections of this server. Whoever takes one out gets its entry, to be taken from the bus.
#[derive(Debug, Default)]
pub(crate) struct Held {
    connections: HashMap<ConnectionId, Bound>,
    sessions: HashMap<SessionId, Followed>,
    users: HashMap<UserId, HashSet<ConnectionId>>,
    deadlines: BTreeSet<(Timestamp, SessionId)>,
}

impl Held {
    pub(crate) fn insert(&mut self, bound: Bound, deadline: Timestamp) {
        let ConnectionEntry { connection, session, .. } = bound.entry;
        if let Some(user) = &bound.entry.user {
            self.users.entry(user.clone()).or_default().insert(connection);
        }
        let new = Followed { connections: Vec::new(), deadline };
        self.sessions.entry(session).or_insert(new).connections.push(connection);
        self.connections.insert(connection, bound);
        self.follow(&session, deadline);
    }

    pub(crate) fn remove(&mut self, connection: &ConnectionId) -> Option<ConnectionEntry> {
        let Bound { entry, .. } = self.connections.remove(connection)?;
        if let Some(user) = &entry.user
            && let Some(connections) = self.users.get_mut(user)
        {
            connections.remove(connection);
            if connections.is_empty() {
                self.users.remove(user);
            }
        }
        if let Some(followed) = self.sessions.get_mut(&entry.session) {
            followed.connections.retain(|other| other != connection);
            if followed.connections.is_empty() {
                self.deadlines.remove(&(followed.deadline, entry.session));
                self.sessions.remove(&entry.session);
            }
        }
        Some(entry)
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

    /// The sessions that are over by what is known of them, so many at most.
    pub(crate) fn due(&self, now: Timestamp, at_most: usize) -> Vec<SessionId> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        due.take(at_most).map(|(_, id)| *id).collect()
    }

    /// When the next session is over, as far as is known.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Puts a message into the mailboxes of these connections; gives those that were too slow.
    pub(crate) fn deliver(&mut self, whom: &Whom, payload: &Bytes) -> Vec<ConnectionEntry> {
        let lagged: Vec<_> = self
            .of(whom)
            .into_iter()
            .filter(|bound| bound.mailbox.push(payload.clone()) == Room::Lagged)
            .map(|bound| bound.entry.connection)
            .collect();
        lagged.iter().filter_map(|connection| self.remove(connection)).collect()
    }

    /// Decides about all connections of a session by what the store has of it; gives those that
    /// were closed.
    pub(crate) fn judge(
        &mut self,
        session: &SessionId,
        looked: &Looked,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<ConnectionEntry> {
        let Some(followed) = self.sessions.get(session) else { return Vec::new() };
        let (deadline, mut closed) = (followed.deadline, Vec::new());
        for connection in followed.connections.clone() {
            let Some(bound) = self.connections.get(&connection) else { continue };
            match policy.verdict(bound.login_epoch, deadline, looked, now) {
                Verdict::Stays(until) => self.follow(session, until),
                Verdict::Closes(reason) => {
                    bound.mailbox.close(reason);
                    closed.extend(self.remove(&connection));
                }
            }
        }
        closed
    }

    /// Closes all; gives their entries.
    pub(crate) fn close_all(&mut self, reason: Reason) -> Vec<ConnectionEntry> {
        let all = std::mem::take(self).connections.into_values();
        all.map(|bound| {
            bound.mailbox.close(reason);
            bound.entry
        })
        .collect()
    }

    pub(crate) fn entries(&self) -> Vec<ConnectionEntry> {
        self.connections.values().map(|bound| bound.entry.clone()).collect()
    }

    fn of(&self, whom: &Whom) -> Vec<&Bound> {
        let find = |connection| self.connections.get(connection);
        match whom {
            Whom::Session(id) => {
                let followed = self.sessions.get(id);
                followed
                    .iter()
                    .flat_map(|followed| &followed.connections)
                    .filter_map(find)
                    .collect()
            }
            Whom::User(user) => {
                self.users.get(user).into_iter().flatten().filter_map(find).collect()
            }
            Whom::Everybody => self.connections.values().collect(),
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
