//! What waits for a connection's reader.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::reason::{Push, Reason};
use crate::__backend::lock;

/// The messages that a connection has not taken yet, and whether it is closed.
#[derive(Debug)]
pub(crate) struct Mailbox {
    capacity: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    waiting: VecDeque<Bytes>,
    end: End,
    reader: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is open.
    NotYet,
    /// Closed, and the reader is still to be told.
    Untold(Reason),
    Told,
}

/// Whether there was room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The mailbox was full, and is closed now.
    Lagged,
}

impl Mailbox {
    pub(crate) fn new(capacity: usize) -> Self {
        let inside = Inside { waiting: VecDeque::new(), end: End::NotYet, reader: None };
        Self { capacity, inside: Mutex::new(inside) }
    }

    pub(crate) fn push(&self, message: Bytes) -> Room {
        let mut inside = lock(&self.inside);
        if inside.end != End::NotYet {
            return Room::Enough;
        }
        let room = if inside.waiting.len() >= self.capacity {
            inside.close(Reason::Lagged);
            Room::Lagged
        } else {
            inside.waiting.push_back(message);
            Room::Enough
        };
        wake(inside);
        room
    }

    /// The first reason stays. What waits is dropped.
    pub(crate) fn close(&self, reason: Reason) {
        let mut inside = lock(&self.inside);
        if inside.end == End::NotYet {
            inside.close(reason);
            wake(inside);
        }
    }

    /// The reader itself goes: it need not be told.
    pub(crate) fn abandon(&self) {
        let mut inside = lock(&self.inside);
        inside.waiting = VecDeque::new();
        inside.end = End::Told;
    }

    /// Whether nothing comes any more.
    pub(crate) fn is_done(&self) -> bool {
        lock(&self.inside).end == End::Told
    }

    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Push>> {
        let mut inside = lock(&self.inside);
        if let Some(message) = inside.waiting.pop_front() {
            return Poll::Ready(Some(Push::Message(message)));
        }
        match inside.end {
            End::Untold(reason) => {
                inside.end = End::Told;
                Poll::Ready(Some(Push::Closed(reason)))
            }
            End::Told => Poll::Ready(None),
            End::NotYet => {
                inside.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Inside {
    fn close(&mut self, reason: Reason) {
        self.waiting = VecDeque::new();
        self.end = End::Untold(reason);
    }
}

/// Wakes the reader, not under the lock: a waker may do anything, drop the connection included.
fn wake(mut inside: MutexGuard<'_, Inside>) {
    let reader = inside.reader.take();
    drop(inside);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(mailbox: &Mailbox) -> Poll<Option<Push>> {
        mailbox.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn l6_messages_come_in_order_and_the_reason_last() {
        let mailbox = Mailbox::new(2);
        assert_eq!(next(&mailbox), Poll::Pending);
        assert_eq!(mailbox.push("a".into()), Room::Enough);
        assert_eq!(mailbox.push("b".into()), Room::Enough);
        assert_eq!(next(&mailbox), Poll::Ready(Some(Push::Message("a".into()))));
        assert_eq!(next(&mailbox), Poll::Ready(Some(Push::Message("b".into()))));
        mailbox.close(Reason::Ended);
        mailbox.close(Reason::Expired);
        assert_eq!(next(&mailbox), Poll::Ready(Some(Push::Closed(Reason::Ended))));
        assert_eq!(next(&mailbox), Poll::Ready(None));
    }

    #[test]
    fn l6_who_lags_is_closed_and_holds_nothing_any_more() {
        let mailbox = Mailbox::new(2);
        let rooms: Vec<_> = (0..4).map(|_| mailbox.push("x".into())).collect();
        assert_eq!(rooms, [Room::Enough, Room::Enough, Room::Lagged, Room::Enough]);
        assert_eq!(lock(&mailbox.inside).waiting.capacity(), 0);
        assert_eq!(next(&mailbox), Poll::Ready(Some(Push::Closed(Reason::Lagged))));
    }

    #[test]
    fn l2_nothing_is_delivered_after_the_session_has_ended() {
        let mailbox = Mailbox::new(2);
        mailbox.push("before".into());
        mailbox.close(Reason::Ended);
        mailbox.push("after".into());
        assert_eq!(next(&mailbox), Poll::Ready(Some(Push::Closed(Reason::Ended))));
    }
}
