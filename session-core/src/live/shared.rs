//! What a hub, its connections and its tasks share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::bus::Bus;
use super::held::{Bound, Held};
use super::mailbox::Room;
use super::message::Whom;
use super::reason::Reason;
use super::register::{Register, Waiting};
use super::registry::{ConnectionId, Server};
use super::suspects::Suspects;
use crate::__backend::lock;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::event;
use crate::time::Timestamp;
use crate::token::SessionId;

#[derive(Clone, Copy, Debug)]
pub(crate) struct HubSettings {
    pub(crate) verify_every: Duration,
    pub(crate) lease: Duration,
    pub(crate) outage_grace: Duration,
    pub(crate) buffer: usize,
}

/// What a hub, its connections and its tasks share. The lock of `held` comes before that of the
/// register; no mailbox is touched under it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) context: Arc<Context>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) settings: HubSettings,
    /// This server, in its present life.
    pub(crate) server: watch::Sender<Server>,
    held: Mutex<Held>,
    /// What is to be told to the bus about connections.
    pub(crate) register: Register,
    suspects: Mutex<Suspects>,
    pub(crate) has_suspects: Notify,
    /// The store did not tell of some session.
    pub(crate) has_untold: Notify,
    /// Whether the tasks are at an end: nobody would close a connection any more.
    is_over: AtomicBool,
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
            settings,
            server: watch::Sender::new(server),
            held: Mutex::default(),
            register: Register::default(),
            suspects: Mutex::default(),
            has_suspects: Notify::new(),
            has_untold: Notify::new(),
            is_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn server(&self) -> Server {
        self.server.borrow().clone()
    }

    pub(crate) fn held<R>(&self, work: impl FnOnce(&mut Held) -> R) -> R {
        work(&mut lock(&self.held))
    }

    /// A connection comes. It is in line to be registered before anybody can take it out again.
    pub(crate) fn admit(&self, bound: Bound, deadline: Timestamp) -> Result<Waiting> {
        let mut held = lock(&self.held);
        if self.is_over.load(Ordering::SeqCst) {
            return Err(Error::unavailable("this server's hub has come to an end"));
        }
        let entry = bound.entry.clone();
        held.insert(bound, deadline);
        Ok(self.register.join(entry))
    }

    /// A connection ends by itself.
    pub(crate) fn depart(&self, connection: &ConnectionId) -> Waiting {
        let departed = self.held(|held| held.remove(connection));
        self.register.leave(departed.map(|bound| bound.entry))
    }

    /// Closes connections that were taken out.
    pub(crate) fn close(&self, closing: Vec<(Bound, Reason)>) -> Waiting {
        let close = |(bound, reason): (Bound, Reason)| {
            bound.mailbox.close(reason);
            bound.entry
        };
        self.register.leave(closing.into_iter().map(close).collect::<Vec<_>>())
    }

    pub(crate) fn close_all(&self, reason: Reason) -> Waiting {
        let all = self.held(Held::take_all);
        self.close(all.into_iter().map(|bound| (bound, reason)).collect())
    }

    /// Puts a message into these mailboxes, and closes those that are full.
    pub(crate) fn deliver(&self, whom: &Whom, payload: &bytes::Bytes) {
        let mailboxes = self.held(|held| held.mailboxes(whom));
        for (connection, mailbox) in mailboxes {
            if mailbox.push(payload.clone()) == Room::Lagged {
                drop(self.depart(&connection));
            }
        }
    }

    /// All connections are to be told to the bus again, and nothing else.
    pub(crate) fn register_all(&self) {
        let held = lock(&self.held);
        self.register.begin_anew(held.entries());
    }

    /// These sessions are to be looked at.
    pub(crate) fn suspect(&self, whom: &Whom) {
        match whom {
            Whom::Everybody => lock(&self.suspects).add_everybody(),
            Whom::Session(_) | Whom::User(_) => {
                let sessions = self.held(|held| held.sessions(whom));
                lock(&self.suspects).add(sessions);
            }
        }
        self.has_suspects.notify_one();
    }

    pub(crate) fn suspect_these(&self, sessions: Vec<SessionId>) {
        lock(&self.suspects).add(sessions);
        self.has_suspects.notify_one();
    }

    pub(crate) fn take_suspects(&self, at_most: usize) -> Vec<SessionId> {
        lock(&self.suspects).take(at_most)
    }

    pub(crate) fn take_everybody(&self) -> bool {
        lock(&self.suspects).take_everybody()
    }

    /// Whether a task has ended that was not to, or the hub stops.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// The hub stops, as it should: nothing is told of it.
    pub(crate) fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(self.close_all(Reason::ShuttingDown));
    }
}

/// Held by each task of a hub. When one ends that was not to end (its runtime does, or a store, a
/// bus or a clock panicked), nobody would find out any more that a session has ended.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        let shared = &self.0;
        {
            // Whoever is being admitted is in the map by now.
            let _held = lock(&shared.held);
            if shared.is_over.swap(true, Ordering::SeqCst) {
                return;
            }
        }
        event::hub_has_died(&shared.server());
        shared.register.end();
        drop(shared.close_all(Reason::ShuttingDown));
    }
}
