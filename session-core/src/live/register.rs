//! What is to be told to the bus about this server's connections: in order, until it has taken it.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::registry::{Beat, ConnectionEntry};
use crate::__backend::lock;
use crate::error::{Error, Result};

/// Connections that joined or left, and that the bus does not know of yet.
#[derive(Debug, Default)]
pub(crate) struct Register {
    steps: Mutex<VecDeque<Step>>,
    pub(crate) has_steps: Notify,
    /// Whether the bus did not answer when it was told last.
    is_down: AtomicBool,
}

#[derive(Debug)]
struct Step {
    entry: ConnectionEntry,
    kind: Kind,
    /// Who waits until it is taken; dropped when it was not taken at the first try.
    waiting: Option<oneshot::Sender<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Joined,
    Left,
}

/// Steps that are told in one beat.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<Step>);

/// Whether the bus has taken a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// It cannot be told now. It will be told when it answers again.
    Later,
}

impl Taken {
    /// For whoever asked that the bus be told.
    pub(crate) fn told(self) -> Result<()> {
        match self {
            Self::Yes => Ok(()),
            Self::Later => Err(Error::unavailable("the bus cannot be told now; it will be later")),
        }
    }
}

impl Register {
    /// A connection joined.
    pub(crate) fn join(&self, entry: ConnectionEntry) -> Waiting {
        self.push([entry], Kind::Joined)
    }

    /// Connections left.
    pub(crate) fn leave(&self, entries: impl IntoIterator<Item = ConnectionEntry>) -> Waiting {
        self.push(entries, Kind::Left)
    }

    /// Puts them in line; gives what to wait for, unless the bus is down.
    fn push(&self, entries: impl IntoIterator<Item = ConnectionEntry>, kind: Kind) -> Waiting {
        let mut steps = lock(&self.steps);
        let before = steps.len();
        steps.extend(entries.into_iter().map(|entry| Step { entry, kind, waiting: None }));
        if steps.len() == before {
            return Waiting::ForNothing;
        }
        let is_down = self.is_down.load(Ordering::Relaxed);
        let waiting = match steps.back_mut() {
            Some(last) if !is_down => {
                let (sender, receiver) = oneshot::channel();
                last.waiting = Some(sender);
                Waiting::For(receiver)
            }
            _ => Waiting::InVain,
        };
        drop(steps);
        self.has_steps.notify_one();
        waiting
    }

    /// All connections are told of again, before anything that is in line: the bus has forgotten
    /// them.
    pub(crate) fn begin_anew(&self, entries: Vec<ConnectionEntry>) {
        let mut steps = lock(&self.steps);
        for entry in entries {
            steps.push_front(Step { entry, kind: Kind::Joined, waiting: None });
        }
        drop(steps);
        self.has_steps.notify_one();
    }

    pub(crate) fn take(&self) -> Batch {
        let mut steps = lock(&self.steps);
        let length = steps.len().min(Beat::MAX_ENTRIES);
        let batch = Batch(steps.drain(..length).collect());
        if !steps.is_empty() {
            self.has_steps.notify_one();
        }
        batch
    }

    pub(crate) fn is_taken(&self, batch: Batch) {
        self.is_down.store(false, Ordering::Relaxed);
        for step in batch.0 {
            if let Some(waiting) = step.waiting {
                // Whoever waited may have gone.
                let _ = waiting.send(());
            }
        }
    }

    /// It may have been taken or not: it comes first again. To tell it twice does no harm.
    pub(crate) fn is_not_taken(&self, batch: Batch) {
        self.is_down.store(true, Ordering::Relaxed);
        let mut steps = lock(&self.steps);
        for mut step in batch.0.into_iter().rev() {
            step.waiting = None;
            steps.push_front(step);
        }
        // Nor does anybody wait whose step is behind them.
        for step in steps.iter_mut() {
            step.waiting = None;
        }
    }
}

impl Batch {
    /// Of each connection the last step counts.
    pub(crate) fn beat(&self, lease: Duration) -> Beat {
        let mut last = HashMap::new();
        for step in &self.0 {
            last.insert(step.entry.connection, step);
        }
        let mut beat = Beat::new(lease);
        for step in last.into_values() {
            match step.kind {
                Kind::Joined => beat.joined.push(step.entry.clone()),
                Kind::Left => beat.left.push(step.entry.clone()),
            }
        }
        beat
    }

    /// The connections that join with it.
    pub(crate) fn joining(&self) -> impl Iterator<Item = &ConnectionEntry> {
        self.0.iter().filter(|step| step.kind == Kind::Joined).map(|step| &step.entry)
    }
}

/// What one may wait for: the bus is told of it whether anybody waits or not.
pub(crate) enum Waiting {
    ForNothing,
    InVain,
    For(oneshot::Receiver<()>),
}

impl Waiting {
    /// Waits until the bus has taken it, or cannot be told.
    pub(crate) async fn taken(self) -> Taken {
        match self {
            Self::ForNothing => Taken::Yes,
            Self::InVain => Taken::Later,
            Self::For(taken) => match taken.await {
                Ok(()) => Taken::Yes,
                Err(_) => Taken::Later,
            },
        }
    }
}
