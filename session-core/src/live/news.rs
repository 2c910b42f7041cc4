//! Telling the other servers that something has happened to a session.

use std::collections::HashSet;
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

/// How long nothing is tried after a failure: requests must not wait for a bus that is down. What
/// could not be told, or may not have happened yet, is told after so long.
const LATER: Duration = Duration::from_secs(1);

/// How much is kept to be told later. Of more than that it is said that it may be anybody.
const KEPT: usize = 1_000;

/// Publishes news, best effort: the session has changed already, and whoever misses the message
/// finds out when it verifies.
#[derive(Debug)]
pub(crate) struct News {
    bus: Arc<dyn Bus>,
    silent_until: Mutex<Option<Instant>>,
    late: Mutex<Late>,
}

/// What is to be told later.
#[derive(Debug, Default)]
struct Late {
    about: HashSet<Whom>,
    /// Whether somebody is about to tell it.
    is_taken_care_of: bool,
}

impl News {
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus, silent_until: Mutex::new(None), late: Mutex::default() }
    }

    pub(crate) fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    async fn tell(self: &Arc<Self>, about: &[Whom]) {
        if lock(&self.silent_until).is_some_and(|until| Instant::now() < until) {
            return self.tell_later(about);
        }
        for (told, whom) in about.iter().enumerate() {
            if let Err(error) = self.publish(whom).await {
                *lock(&self.silent_until) = Some(Instant::now() + LATER);
                event::news_not_told(&error);
                return self.tell_later(&about[told..]);
            }
        }
    }

    fn tell_later(self: &Arc<Self>, about: &[Whom]) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut late = lock(&self.late);
        late.about.extend(about.iter().cloned());
        if late.about.len() > KEPT {
            late.about = HashSet::from([Whom::Everybody]);
        }
        if !std::mem::replace(&mut late.is_taken_care_of, true) {
            runtime.spawn(tell_what_is_late(Arc::clone(self)));
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

/// Tries until all is told.
async fn tell_what_is_late(news: Arc<News>) {
    let care = Care(&news);
    loop {
        Delay::new(LATER).await;
        let about = std::mem::take(&mut lock(&news.late).about);
        for whom in &about {
            if news.publish(whom).await.is_err() {
                lock(&news.late).about.extend(about);
                break;
            }
        }
        let mut late = lock(&news.late);
        if late.about.is_empty() {
            // Under the lock: whoever has something to tell now starts another.
            late.is_taken_care_of = false;
            std::mem::forget(care);
            return;
        }
    }
}

/// The task may end with its runtime: then the next one who has something to tell starts another.
struct Care<'a>(&'a News);

impl Drop for Care<'_> {
    fn drop(&mut self) {
        lock(&self.0.late).is_taken_care_of = false;
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

    /// The write was carried out, or may have been. In the second case it is told once more: the
    /// write may take place only now.
    pub(crate) async fn settle<T, E>(mut self, written: &Result<T, E>) {
        if let Some((news, about)) = &self.0 {
            news.tell(about).await;
            if written.is_err() {
                news.tell_later(about);
            }
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
            runtime.spawn(async move {
                news.tell(&about).await;
                news.tell_later(&about);
            });
        }
    }
}
