//! Telling the other servers that something has happened to a session.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use futures_timer::Delay;
use tokio::runtime::Handle;

use super::bus::{Bus, Channel};
use super::message::{Message, Whom};
use crate::__backend::lock;
use crate::error::{Error, Result};
use crate::event;

/// How long a request waits for its news to be taken.
const TIME_LIMIT: Duration = Duration::from_millis(100);

/// How long nothing is tried after a failure: requests must not wait for a bus that is down.
const SILENCE: Duration = Duration::from_secs(1);

/// Publishes news, best effort: the session has changed already, and whoever misses the message
/// finds out when it verifies.
#[derive(Debug)]
pub(crate) struct News {
    bus: Arc<dyn Bus>,
    silent_until: Mutex<Option<Instant>>,
}

impl News {
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus, silent_until: Mutex::new(None) }
    }

    pub(crate) fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    async fn tell(&self, about: &[Whom]) {
        if lock(&self.silent_until).is_some_and(|until| Instant::now() < until) {
            return;
        }
        for whom in about {
            if let Err(error) = self.publish(whom).await {
                *lock(&self.silent_until) = Some(Instant::now() + SILENCE);
                event::news_not_told(&error);
                return;
            }
        }
    }

    async fn publish(&self, whom: &Whom) -> Result<()> {
        let message = Message::LookAgain(whom.clone()).to_bytes();
        let publishing = self.bus.publish(&Channel::Control, message);
        match select(publishing, Delay::new(TIME_LIMIT)).await {
            Either::Left((published, _)) => published,
            Either::Right(_) => {
                Err(Error::unavailable(format!("no answer of the bus within {TIME_LIMIT:?}")))
            }
        }
    }
}

/// News that is due once a write may have been carried out. When the write's future is dropped
/// meanwhile, it is told in the background.
#[derive(Debug)]
pub(crate) struct Due(Option<(Arc<News>, Vec<Whom>)>);

impl Due {
    pub(crate) fn new(news: &Arc<News>, about: Vec<Whom>) -> Self {
        Self((!about.is_empty()).then(|| (Arc::clone(news), about)))
    }

    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    pub(crate) async fn tell(mut self) {
        if let Some((news, about)) = &self.0 {
            news.tell(about).await;
        }
        self.0 = None;
    }

    /// Nothing was written.
    pub(crate) fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        if let Some((news, about)) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { news.tell(&about).await });
        }
    }
}
