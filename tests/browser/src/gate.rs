//! Holds requests until a test lets them go.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A place where requests wait.
#[derive(Clone, Debug)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    /// A request waits here.
    ///
    /// # Panics
    /// Never: the gate is not closed.
    pub async fn pass(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.expect("never closed").forget();
    }

    /// Waits until one more request is here.
    ///
    /// # Panics
    /// Never: the gate is not closed.
    pub async fn arrival(&self) {
        self.arrived.acquire().await.expect("never closed").forget();
    }

    /// Lets one request go.
    pub fn let_go(&self) {
        self.open.add_permits(1);
    }
}
