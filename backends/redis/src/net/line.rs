//! A socket that one caller has for themselves: to log in, and to listen.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use redis::{Cmd, RedisResult};
use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::answer::Answer;
use super::incoming::Incoming;
use super::pipe::ended;
use super::stream::Stream;

/// Nothing that this library asks for or publishes is longer: memory stays bounded whatever others
/// publish.
const LONGEST: usize = 1 << 20;

pub(crate) struct Line {
    stream: Stream,
    incoming: Incoming,
    outgoing: BytesMut,
    heard: Instant,
}

impl Line {
    pub(crate) fn over(stream: Stream) -> Self {
        let (incoming, outgoing) = (Incoming::new(), BytesMut::new());
        Self { stream, incoming, outgoing, heard: Instant::now() }
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn ask(&mut self, command: &Cmd) -> RedisResult<Answer> {
        self.say(command);
        Answer::of(self.hear().await?)
    }

    /// A command that leaves while the next answer is waited for.
    pub(crate) fn say(&mut self, command: &Cmd) {
        self.outgoing.extend_from_slice(&command.get_packed_command());
    }

    /// The next that Redis says. Whoever stops waiting loses nothing of it.
    pub(crate) async fn hear(&mut self) -> RedisResult<Bytes> {
        loop {
            if let Some(raw) = self.incoming.next()? {
                return Ok(raw);
            }
            if self.incoming.wanted() > LONGEST {
                let message = format!("longer than {LONGEST} bytes, and so not of this library");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message).into());
            }
            if poll_fn(|cx| self.exchange(cx)).await? == 0 {
                return Err(ended());
            }
            self.heard = Instant::now();
        }
    }

    /// Sends what is to be sent, and reads what there is.
    fn exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Whoever is slow to read may have something to say.
        if let Poll::Ready(transmitted) = self.transmit(cx) {
            transmitted?;
        }
        self.incoming.poll_read(&mut self.stream, cx)
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// When something came last, be it a part of an answer.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether there is something to read that the runtime may not have heard of.
    pub(crate) fn has_news(&self) -> bool {
        self.stream.has_news()
    }

    /// The socket, for others: everything is answered.
    pub(super) fn into_stream(self) -> RedisResult<Stream> {
        if self.incoming.is_empty() { Ok(self.stream) } else { Err(spoke_unasked()) }
    }
}

fn spoke_unasked() -> redis::RedisError {
    io::Error::new(io::ErrorKind::InvalidData, "Redis spoke unasked").into()
}
