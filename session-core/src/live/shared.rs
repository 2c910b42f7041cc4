//! What a hub, its connections and its tasks share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::bus::Bus;
use super::held::Held;
use super::message::Whom;
use super::reason::Reason;
use super::register::Register;
use super::registry::{ConnectionEntry, ConnectionId, Server};
use crate::__backend::lock;
use crate::context::Context;
use crate::token::SessionId;

#[derive(Clone, Copy, Debug)]
pub(crate) struct HubSettings {
    pub(crate) verify_every: Duration,
    pub(crate) lease: Duration,
    pub(crate) outage_grace: Duration,
    pub(crate) buffer: usize,
}

/// What a hub, its connections and its tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) context: Arc<Context>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) server: Server,
    pub(crate) settings: HubSettings,
    pub(crate) held: Mutex<Held>,
    /// What is to be told to the bus about connections.
    pub(crate) register: Register,
    /// Sessions of which there is news: they are verified first.
    suspects: Mutex<HashSet<SessionId>>,
    pub(crate) has_suspects: Notify,
}

impl Shared {
    pub(crate) fn new(
        context: Arc<Context>,
        bus: Arc<dyn Bus>,
        server: Server,
        settings: HubSettings,
    ) -> Self {
        Self {
            context,
            bus,
            server,
            settings,
            held: Mutex::default(),
            register: Register::default(),
            suspects: Mutex::default(),
            has_suspects: Notify::new(),
        }
    }

    /// These sessions are to be looked at.
    pub(crate) fn suspect(&self, whom: &Whom) {
        let sessions = lock(&self.held).sessions(whom);
        self.suspect_again(sessions);
    }

    pub(crate) fn suspect_again(&self, sessions: impl IntoIterator<Item = SessionId>) {
        lock(&self.suspects).extend(sessions);
        self.has_suspects.notify_one();
    }

    /// Sessions of which there is news, so many at most.
    pub(crate) fn take_suspects(&self, at_most: usize) -> Vec<SessionId> {
        let mut suspects = lock(&self.suspects);
        let taken: Vec<_> = suspects.iter().copied().take(at_most).collect();
        for id in &taken {
            suspects.remove(id);
        }
        taken
    }

    /// A connection ends by itself; tells whether it was still held.
    pub(crate) fn depart(&self, connection: &ConnectionId) -> Option<ConnectionEntry> {
        lock(&self.held).remove(connection)
    }

    pub(crate) fn close_all(&self, reason: Reason) -> Vec<ConnectionEntry> {
        lock(&self.held).close_all(reason)
    }
}
