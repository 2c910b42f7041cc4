//! The sessions of which there is news, in the order in which it came.

use std::collections::{HashSet, VecDeque};

use crate::token::SessionId;

/// The sessions of which there is news.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    queue: VecDeque<SessionId>,
    queued: HashSet<SessionId>,
    /// All of them, at the next opportunity.
    everybody: bool,
}

impl Suspects {
    pub(crate) fn add(&mut self, sessions: impl IntoIterator<Item = SessionId>) {
        for id in sessions {
            if self.queued.insert(id) {
                self.queue.push_back(id);
            }
        }
    }

    pub(crate) fn add_everybody(&mut self) {
        self.everybody = true;
    }

    pub(crate) fn take(&mut self, at_most: usize) -> Vec<SessionId> {
        let length = self.queue.len().min(at_most);
        let taken: Vec<_> = self.queue.drain(..length).collect();
        for id in &taken {
            self.queued.remove(id);
        }
        taken
    }

    pub(crate) fn take_everybody(&mut self) -> bool {
        std::mem::take(&mut self.everybody)
    }
}
