//! Who is connected in this process.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use typed_sessions_core::bus::{
    Beat, ConnectionEntry, ConnectionId, Incarnation, Pulse, Server, Whose,
};
use typed_sessions_core::{SessionId, UserId};

/// The servers whose lease holds, and their connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    servers: HashMap<Incarnation, Known>,
}

#[derive(Debug)]
struct Known {
    server: Server,
    until: Instant,
    connections: HashMap<ConnectionId, ConnectionEntry>,
    of_user: HashMap<UserId, HashSet<ConnectionId>>,
    of_session: HashMap<SessionId, HashSet<ConnectionId>>,
}

impl Registry {
    pub(crate) fn beat(&mut self, server: &Server, beat: &Beat, now: Instant) -> Pulse {
        self.forget_the_dead(now);
        let incarnation = server.incarnation();
        let is_known = self.servers.contains_key(&incarnation);
        let pulse = if is_known { Pulse::Known } else { Pulse::Unknown };
        if beat.lease.is_zero() {
            self.servers.remove(&incarnation);
            return pulse;
        }
        let known = self.servers.entry(incarnation).or_insert_with(|| Known::new(server, now));
        known.until = now.checked_add(beat.lease).unwrap_or(known.until);
        for entry in &beat.left {
            known.leave(entry);
        }
        for entry in &beat.joined {
            known.join(entry);
        }
        pulse
    }

    pub(crate) fn servers(&mut self, now: Instant) -> Vec<Server> {
        self.forget_the_dead(now);
        self.servers.values().map(|known| known.server.clone()).collect()
    }

    pub(crate) fn connections(
        &mut self,
        of: &Whose,
        now: Instant,
    ) -> Vec<(Server, ConnectionEntry)> {
        self.forget_the_dead(now);
        let of_server = |known: &Known| {
            let ids = match of {
                Whose::User(user) => known.of_user.get(user),
                Whose::Session(session) => known.of_session.get(session),
            };
            let entries = ids.into_iter().flatten().filter_map(|id| known.connections.get(id));
            let listed: Vec<_> =
                entries.map(|entry| (known.server.clone(), entry.clone())).collect();
            listed
        };
        self.servers.values().flat_map(of_server).collect()
    }

    fn forget_the_dead(&mut self, now: Instant) {
        self.servers.retain(|_, known| now < known.until);
    }
}

impl Known {
    fn new(server: &Server, now: Instant) -> Self {
        Self {
            server: server.clone(),
            until: now,
            connections: HashMap::new(),
            of_user: HashMap::new(),
            of_session: HashMap::new(),
        }
    }

    fn join(&mut self, entry: &ConnectionEntry) {
        let id = entry.connection;
        self.connections.insert(id, entry.clone());
        self.of_session.entry(entry.session).or_default().insert(id);
        if let Some(user) = &entry.user {
            self.of_user.entry(user.clone()).or_default().insert(id);
        }
    }

    fn leave(&mut self, entry: &ConnectionEntry) {
        let id = entry.connection;
        let Some(entry) = self.connections.remove(&id) else { return };
        take_from(&mut self.of_session, &entry.session, id);
        if let Some(user) = &entry.user {
            take_from(&mut self.of_user, user, id);
        }
    }
}

fn take_from<K: std::hash::Hash + Eq>(
    index: &mut HashMap<K, HashSet<ConnectionId>>,
    key: &K,
    id: ConnectionId,
) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}
