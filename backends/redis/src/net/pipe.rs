//! One socket for many callers: commands go out in the order in which they come, answers come back
//! in the same order.
//!
//! A command that fails here says whether Redis may have carried it out. That is known exactly: a
//! command of which not every byte has left is not carried out. So one that meets a connection that
//! has ended while it was idle goes over another one, writes included.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::{Cmd, RedisError, RedisResult};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::answer::Answer;
use super::driver::{Driver, Order};
use super::stream::Stream;

/// Callers who wait to hand their commands over, beyond those that are on their way.
const QUEUE: usize = 256;

/// After so long without an answer, a connection shows a sign of life before it is used: what lies
/// between may have forgotten it without a word.
const IDLE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Redis has not carried the command out, and knows nothing of it.
    NotSent(RedisError),
    /// Redis refused it, or nobody knows what became of it.
    Sent(RedisError),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Sent(error)
    }
}

impl Failure {
    pub(crate) fn into_error(self) -> RedisError {
        match self {
            Self::NotSent(error) | Self::Sent(error) => error,
        }
    }
}

/// A connection. Clones share it; it ends with the last one.
#[derive(Clone)]
pub(crate) struct Pipe {
    orders: mpsc::Sender<Order>,
    state: Arc<State>,
}

/// What is known of the connection.
pub(super) struct State {
    made: Instant,
    /// When the last answer came, in milliseconds after `made`.
    heard: AtomicU64,
    ended: AtomicBool,
    /// Held by whoever asks for a sign of life.
    asking: Mutex<()>,
}

impl State {
    pub(super) fn hear(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn is_idle(&self) -> bool {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(heard) >= IDLE
    }
}

impl Pipe {
    /// Begins to carry commands, in a task of the current runtime.
    pub(crate) fn over(stream: Stream) -> Self {
        let (orders, queue) = mpsc::channel(QUEUE);
        let state = Arc::new(State {
            made: Instant::now(),
            heard: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            asking: Mutex::default(),
        });
        tokio::spawn(Driver::new(stream, queue, Arc::clone(&state)));
        Self { orders, state }
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Answer, Failure> {
        self.send_packed(command.get_packed_command(), None).await
    }

    /// Sends a command after another whose answer says nothing that the command's own does not.
    pub(crate) async fn send_after(&self, first: &Cmd, command: &Cmd) -> Result<Answer, Failure> {
        let mut bytes = first.get_packed_command();
        let end = bytes.len();
        command.write_packed_command(&mut bytes);
        self.send_packed(bytes, Some(end)).await
    }

    async fn send_packed(&self, bytes: Vec<u8>, first: Option<usize>) -> Result<Answer, Failure> {
        let (answer, answered) = oneshot::channel();
        if self.orders.send(Order { bytes, first, answer }).await.is_err() {
            return Err(Failure::NotSent(ended()));
        }
        // The driver answers everything that it has taken.
        let raw = answered.await.unwrap_or_else(|_| Err(Failure::NotSent(ended())))?;
        Ok(Answer::of(raw)?)
    }

    /// Whether it is known to be of no use any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.state.ended.load(Ordering::Acquire)
    }

    /// Makes sure, when it has been idle for long, that somebody is still there.
    pub(crate) async fn shows_life(&self, within: Duration) -> RedisResult<()> {
        if !self.state.is_idle() {
            return Ok(());
        }
        let sign = async {
            let _asking = self.state.asking.lock().await;
            // Somebody else may have asked meanwhile.
            if self.state.is_idle() {
                match self.send(&redis::cmd("PING")).await.map_err(Failure::into_error) {
                    Err(error) if error.is_io_error() => return Err(error),
                    // A refusal is a sign of life, too.
                    _ => {}
                }
            }
            Ok(())
        };
        timeout(within, sign).await.unwrap_or_else(|_| Err(ended()))
    }
}

pub(super) fn ended() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the connection to Redis has ended").into()
}
