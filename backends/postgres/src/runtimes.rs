//! Connections of each runtime: a connection ends with the runtime in which it was made.

use std::sync::{Arc, Mutex, Weak};

use sqlx::PgPool;
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;
use typed_sessions_core::__backend::lock;

use crate::connections::{Connections, Origin};

/// The pools of the runtimes that use the store.
#[derive(Clone, Debug)]
pub(crate) struct Runtimes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Has no runtime, or one of those below.
    first: Arc<Connections>,
    origin: Origin,
    of: Mutex<Vec<Runtime>>,
}

#[derive(Debug)]
struct Runtime {
    id: Id,
    connections: Arc<Connections>,
    /// Ends the task that waits for the end of the runtime.
    _watch: oneshot::Sender<()>,
}

impl Runtimes {
    pub(crate) fn new(pool: PgPool, origin: Origin) -> Self {
        let first = Arc::new(Connections::of(pool, origin));
        Self(Arc::new(Inner { first, origin, of: Mutex::default() }))
    }

    /// The first pool.
    pub(crate) fn pool(&self) -> &PgPool {
        self.0.first.pool()
    }

    /// The connections of the runtime that runs this.
    pub(crate) fn here(&self) -> Arc<Connections> {
        let first = &self.0.first;
        if self.0.origin == Origin::Given {
            return Arc::clone(first);
        }
        let here = Handle::current();
        let mut of = lock(&self.0.of);
        if let Some(known) = of.iter().find(|runtime| runtime.id == here.id()) {
            return Arc::clone(&known.connections);
        }
        let is_taken = of.iter().any(|runtime| Arc::ptr_eq(&runtime.connections, first));
        let connections = if is_taken { Arc::new(first.like_it()) } else { Arc::clone(first) };
        let (watch, end) = oneshot::channel();
        of.push(Runtime { id: here.id(), connections: Arc::clone(&connections), _watch: watch });
        // A runtime that is ending drops at once what it is to run: that takes the lock again.
        drop(of);
        let leaves = Leaves { id: here.id(), runtimes: Arc::downgrade(&self.0) };
        here.spawn(async move {
            let _leaves = leaves;
            let _ = end.await;
        });
        connections
    }
}

/// Dropped when a runtime ends, with its tasks.
struct Leaves {
    id: Id,
    runtimes: Weak<Inner>,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        let Some(runtimes) = self.runtimes.upgrade() else { return };
        let mut of = lock(&runtimes.of);
        let place = of.iter().position(|runtime| runtime.id == self.id);
        let left = place.map(|place| of.swap_remove(place));
        drop(of);
        // The next runtime must not find them in the first pool.
        if let Some(left) = left {
            left.connections.end_idle();
        }
    }
}
