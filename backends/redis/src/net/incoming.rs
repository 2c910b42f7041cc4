//! What has arrived over a socket, cut into answers.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;

use super::resp::{Arrived, Measure};
use super::stream::Stream;

/// The room to read into: at the least, when more is made, and at the most, since what is announced
/// need not come.
const LEAST_ROOM: usize = 4 << 10;
const ROOM: usize = 32 << 10;
const MOST_ROOM: usize = 1 << 20;

pub(super) struct Incoming {
    bytes: BytesMut,
    /// How far the first answer has been looked at.
    measure: Measure,
    /// There is no whole answer in fewer bytes.
    wanted: usize,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self { bytes: BytesMut::new(), measure: Measure::default(), wanted: 1 }
    }

    /// Reads what there is; no bytes: the peer has hung up.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let lacking = self.wanted.saturating_sub(self.bytes.len());
        // Callers may still hold answers that lie in the buffer: making room allocates then.
        if self.bytes.capacity() - self.bytes.len() < lacking.clamp(LEAST_ROOM, MOST_ROOM) {
            self.bytes.reserve(lacking.clamp(ROOM, MOST_ROOM));
        }
        pin!(stream.read_buf(&mut self.bytes)).poll(cx)
    }

    /// The next answer that has arrived whole.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.bytes.len() >= self.wanted {
            match self.measure.go_on(&self.bytes)? {
                Arrived::Partly(wanted) => self.wanted = wanted,
                Arrived::Whole(length) => {
                    (self.measure, self.wanted) = (Measure::default(), 1);
                    return Ok(Some(self.bytes.split_to(length).freeze()));
                }
            }
        }
        Ok(None)
    }

    /// How long the answer is at least that is about to come.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
