//! The task that moves bytes between the callers of a connection and its socket.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use redis::RedisError;
use tokio::io::AsyncWrite as _;
use tokio::sync::{mpsc, oneshot};

use super::answer::refusal;
use super::incoming::Incoming;
use super::pipe::{Failure, State, ended};
use super::stream::Stream;

/// No more commands are taken while so many bytes wait to be sent.
const MOST_OUTGOING: usize = 256 << 10;
/// A larger buffer is not kept for later.
const MOST_KEPT: usize = 1 << 20;
/// Commands that are taken at a time.
const BATCH: usize = 64;

/// A command, or two of which the answer to the last one counts.
pub(super) struct Order {
    pub(super) bytes: Vec<u8>,
    /// Where the first of two commands ends, whose answer is of no interest.
    pub(super) first: Option<usize>,
    pub(super) answer: oneshot::Sender<Result<Bytes, Failure>>,
}

/// A command on its way.
struct Waiting {
    /// Where the first of two commands ends, until it is answered.
    first: Option<u64>,
    answer: oneshot::Sender<Result<Bytes, Failure>>,
    /// Where it ends in all that was ever to be sent.
    end: u64,
}

pub(super) struct Driver {
    stream: Stream,
    queue: mpsc::Receiver<Order>,
    batch: Vec<Order>,
    waiting: VecDeque<Waiting>,
    outgoing: BytesMut,
    /// How many bytes have left, ever.
    sent: u64,
    incoming: Incoming,
    /// There is something to read that the runtime has not heard of: nothing is sent before.
    must_read: bool,
    state: Arc<State>,
}

impl Driver {
    pub(super) fn new(stream: Stream, queue: mpsc::Receiver<Order>, state: Arc<State>) -> Self {
        Self {
            stream,
            queue,
            batch: Vec::with_capacity(BATCH),
            waiting: VecDeque::new(),
            outgoing: BytesMut::new(),
            sent: 0,
            incoming: Incoming::new(),
            must_read: false,
            state,
        }
    }

    /// Ready when the connection has ended, with the reason, or none when nobody needs it any more.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Option<RedisError>> {
        loop {
            while let Poll::Ready(progress) = self.receive(cx) {
                if let Err(error) = progress {
                    return Poll::Ready(Some(error));
                }
            }
            if let Poll::Ready(Err(error)) = self.transmit(cx) {
                return Poll::Ready(Some(error.into()));
            }
            if self.outgoing.len() >= MOST_OUTGOING {
                return Poll::Pending;
            }
            if ready!(self.take(cx)) == 0 {
                return Poll::Ready(None);
            }
        }
    }

    /// Reads what there is, and hands answers out.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RedisError>> {
        let read = ready!(self.incoming.poll_read(&mut self.stream, cx))?;
        self.must_read = false;
        if read == 0 {
            return Poll::Ready(Err(ended()));
        }
        self.state.hear();
        while let Some(raw) = self.incoming.next()? {
            self.answer(raw)?;
        }
        Poll::Ready(Ok(()))
    }

    fn answer(&mut self, raw: Bytes) -> Result<(), RedisError> {
        let has_left = |front: &&mut Waiting| front.first.unwrap_or(front.end) <= self.sent;
        let Some(front) = self.waiting.front_mut().filter(has_left) else {
            // Nobody asked. A server that hangs up may say why.
            return Err(refusal(&raw));
        };
        if front.first.take().is_none()
            && let Some(front) = self.waiting.pop_front()
        {
            // Who gave up needs no answer.
            let _ = front.answer.send(Ok(raw));
        }
        Ok(())
    }

    /// Takes commands over; 0 when nobody is left who could give one.
    fn take(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let taken = ready!(self.queue.poll_recv_many(cx, &mut self.batch, BATCH));
        if self.waiting.is_empty() && self.outgoing.is_empty() {
            self.must_read = self.stream.has_news();
        }
        for order in self.batch.drain(..) {
            // The caller has given up before anything was sent.
            if order.answer.is_closed() {
                continue;
            }
            let start = self.sent + self.outgoing.len() as u64;
            let end = start + order.bytes.len() as u64;
            let first = order.first.map(|first| start + first as u64);
            self.outgoing.extend_from_slice(&order.bytes);
            self.waiting.push_back(Waiting { first, answer: order.answer, end });
        }
        Poll::Ready(taken)
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Encryption may have read what was for itself alone.
        self.must_read = self.must_read && self.stream.has_news();
        if self.must_read {
            return Poll::Pending;
        }
        while !self.outgoing.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing));
            if written.is_err() && self.stream.is_encrypted() {
                // Encryption writes several times for one call, and does not say how far it came.
                self.sent += self.outgoing.len() as u64;
            }
            let written = written?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.advance(written);
            self.sent += written as u64;
        }
        if self.outgoing.capacity() > MOST_KEPT {
            self.outgoing = BytesMut::new();
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Lets everybody know who waits.
    fn end(&mut self, reason: &RedisError) {
        self.state.end();
        self.queue.close();
        for Waiting { answer, end, .. } in self.waiting.drain(..) {
            let has_left = end <= self.sent;
            let failure = if has_left { Failure::Sent } else { Failure::NotSent };
            let _ = answer.send(Err(failure(reason.clone())));
        }
        while let Ok(order) = self.queue.try_recv() {
            let _ = order.answer.send(Err(Failure::NotSent(reason.clone())));
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(reason) = ready!(self.drive(cx)) {
            self.end(&reason);
        }
        Poll::Ready(())
    }
}

/// Also when the runtime ends.
impl Drop for Driver {
    fn drop(&mut self) {
        self.end(&ended());
    }
}
