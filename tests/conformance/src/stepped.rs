//! A store that counts its calls and does something at one of them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::sync::Notify;
use typed_sessions::store::{Applied, Change, Deleted, Found, Header, More, Owned, Page, Record};
use typed_sessions::{Error, Result, SessionId, SessionStore, UserId};

/// Wraps a store. At one call of one operation, before it or after it, something happens.
#[derive(Clone)]
pub(crate) struct Stepped {
    inner: Arc<dyn SessionStore>,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    calls: usize,
    step: Option<(Step, Act)>,
}

/// A moment in an operation: before or after its call of this number, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Before(usize),
    After(usize),
}

/// What happens at a step.
pub(crate) enum Act {
    /// Something else, on the wrapped store.
    Run(BoxFuture<'static, ()>),
    /// The call is answered with `Unavailable`, whether or not it was carried out.
    Lose,
    /// The call never ends; whoever waits for the notification drops it.
    Hang(Arc<Notify>),
    /// The call is answered with `Unavailable`; what it would have written waits here.
    Delay(Delayed),
}

/// A write that is still on its way when its answer is given up.
pub(crate) type Delayed = Arc<Mutex<Option<BoxFuture<'static, ()>>>>;

impl Stepped {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self { inner: Arc::new(store), script: Arc::default() }
    }

    /// Counts from 1 again, and does this at that step.
    pub(crate) fn at(&self, step: Step, act: Act) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        *script = Script { calls: 0, step: Some((step, act)) };
    }

    /// Nothing happens any more. Tells whether the step came.
    pub(crate) fn rest(&self) -> bool {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *script).step.is_none()
    }

    fn take(&self, now: Step) -> Option<Act> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let is_now = script.step.as_ref().is_some_and(|(step, _)| *step == now);
        if is_now { script.step.take().map(|(_, act)| act) } else { None }
    }

    async fn happen(&self, now: Step, write: Option<BoxFuture<'static, ()>>) -> Result<()> {
        match self.take(now) {
            None => Ok(()),
            Some(Act::Run(event)) => {
                event.await;
                Ok(())
            }
            Some(Act::Lose) => Err(Error::unavailable("connection reset")),
            Some(Act::Hang(reached)) => {
                reached.notify_one();
                std::future::pending().await
            }
            Some(Act::Delay(delayed)) => {
                *delayed.lock().unwrap_or_else(PoisonError::into_inner) = write;
                Err(Error::unavailable("timed out"))
            }
        }
    }

    async fn read<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.call(work, None).await
    }

    async fn call<T>(
        &self,
        work: impl Future<Output = Result<T>>,
        write: Option<BoxFuture<'static, ()>>,
    ) -> Result<T> {
        let number = {
            let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
            script.calls += 1;
            script.calls
        };
        self.happen(Step::Before(number), write).await?;
        let answer = work.await?;
        self.happen(Step::After(number), None).await?;
        Ok(answer)
    }
}

impl fmt::Debug for Stepped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepped").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for Stepped {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.read(self.inner.load(id)).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let (inner, of, same) = (Arc::clone(&self.inner), *id, change.clone());
        let late = async move { drop(inner.apply(&of, &same).await) };
        self.call(self.inner.apply(id, change), Some(Box::pin(late))).await
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        let (inner, of, same) = (Arc::clone(&self.inner), *id, only.clone());
        let late = async move { drop(inner.delete(&of, &same).await) };
        self.call(self.inner.delete(id, only), Some(Box::pin(late))).await
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        self.read(self.inner.sessions_of(user, page)).await
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        self.read(self.inner.headers(ids)).await
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        self.read(self.inner.clear(at_most)).await
    }
}
