//! What is to be told to the bus about this server's connections, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{Either, select};
use futures_timer::Delay;
use tokio::sync::{Notify, oneshot};

use super::registry::{Beat, ConnectionEntry};
use crate::__backend::lock;
use crate::error::{Error, Result};

/// How long anybody waits for the bus to take it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connections that joined or left, and that the bus does not know of yet.
#[derive(Debug, Default)]
pub(crate) struct Register {
    line: Mutex<Line>,
    pub(crate) has_steps: Notify,
}

#[derive(Debug, Default)]
struct Line {
    steps: VecDeque<Step>,
    bus: State,
}

/// Whether the bus takes what it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Answers,
    /// It did not answer. Nothing is put in line: all connections are told of once it does.
    IsDown,
    /// It is told nothing any more.
    IsOver,
}

#[derive(Debug)]
struct Step {
    entry: ConnectionEntry,
    kind: Kind,
    /// Who waits until it is taken; dropped when it was not.
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
    /// It cannot be told now, or takes its time.
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

    /// Puts them in line; gives what to wait for.
    fn push(&self, entries: impl IntoIterator<Item = ConnectionEntry>, kind: Kind) -> Waiting {
        let mut steps: Vec<_> =
            entries.into_iter().map(|entry| Step { entry, kind, waiting: None }).collect();
        let Some(last) = steps.last_mut() else { return Waiting::ForNothing };
        let (sender, taken) = oneshot::channel();
        last.waiting = Some(sender);
        let mut line = lock(&self.line);
        if line.bus != State::Answers {
            return Waiting::InVain;
        }
        line.steps.extend(steps);
        drop(line);
        self.has_steps.notify_one();
        Waiting::For(taken)
    }

    /// The bus answers, and knows of none of these: they are told of. So is who left, as the last
    /// that it was told may have come in between; who joined is among these, or has left since.
    pub(crate) fn begin_anew(&self, entries: Vec<ConnectionEntry>) {
        let mut line = lock(&self.line);
        if line.bus == State::IsOver {
            return;
        }
        line.bus = State::Answers;
        // Whoever waits for a step that is among these waits no longer: it is told of soon.
        line.steps.retain(|step| step.kind == Kind::Left);
        let joined = |entry| Step { entry, kind: Kind::Joined, waiting: None };
        line.steps.extend(entries.into_iter().map(joined));
        drop(line);
        self.has_steps.notify_one();
    }

    pub(crate) fn take(&self) -> Batch {
        let mut line = lock(&self.line);
        let length = line.steps.len().min(Beat::MAX_ENTRIES);
        let batch = Batch(line.steps.drain(..length).collect());
        if !line.steps.is_empty() {
            self.has_steps.notify_one();
        }
        batch
    }

    pub(crate) fn answers(&self) -> bool {
        lock(&self.line).bus == State::Answers
    }

    /// The bus did not answer. Nobody waits, and nothing is kept: all connections are told of when
    /// it answers again.
    pub(crate) fn is_down(&self) {
        let mut line = lock(&self.line);
        if line.bus == State::Answers {
            line.bus = State::IsDown;
        }
        line.steps = VecDeque::new();
    }

    /// Nobody tells the bus anything any more.
    pub(crate) fn end(&self) {
        let mut line = lock(&self.line);
        line.bus = State::IsOver;
        line.steps = VecDeque::new();
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

    /// The bus has taken it: whoever waits is told.
    pub(crate) fn taken(self) {
        for waiting in self.0.into_iter().filter_map(|step| step.waiting) {
            // Whoever waited may have gone.
            let _ = waiting.send(());
        }
    }
}

/// What one may wait for: the bus is told of it whether anybody waits or not.
#[derive(Debug)]
pub(crate) enum Waiting {
    ForNothing,
    InVain,
    For(oneshot::Receiver<()>),
}

impl Waiting {
    /// Waits until the bus has taken it, or cannot be told, or for long enough.
    pub(crate) async fn taken(self) -> Taken {
        match self {
            Self::ForNothing => Taken::Yes,
            Self::InVain => Taken::Later,
            Self::For(taken) => match select(taken, Delay::new(PATIENCE)).await {
                Either::Left((Ok(()), _)) => Taken::Yes,
                Either::Left((Err(_), _)) | Either::Right(_) => Taken::Later,
            },
        }
    }
}
