//! A socket to Redis: TCP, encrypted TCP, or a Unix socket.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{FutureExt as _, select_ok};
use redis::{ConnectionAddr, ErrorKind, RedisError, RedisResult};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpStream, lookup_host};

use super::tls::Encryption;

/// A peer that vanished without a word is found out after this and three probes.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    pub(crate) async fn connect(
        address: &ConnectionAddr,
        encryption: &Encryption,
    ) -> RedisResult<Self> {
        match address {
            ConnectionAddr::Tcp(host, port) => Ok(Self::Tcp(tcp(host, *port).await?)),
            ConnectionAddr::TcpTls { host, port, .. } => {
                encryption.connect(host, tcp(host, *port).await?).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
            _ => Err(RedisError::from((
                ErrorKind::InvalidClientConfig,
                "this kind of address is not for this machine",
            ))),
        }
    }

    /// Whether bytes that were written may be anywhere between here and the socket.
    pub(crate) fn is_encrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Self::Tls(_) = self {
            return true;
        }
        false
    }

    /// Whether there is something to read, be it the peer's farewell. It asks the system: a
    /// runtime that was busy or stood still has not heard of it yet.
    pub(crate) fn has_news(&self) -> bool {
        let socket = match self {
            Self::Tcp(stream) => SockRef::from(stream),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => SockRef::from(stream.get_ref().0),
            #[cfg(unix)]
            Self::Unix(stream) => SockRef::from(stream),
        };
        let silent = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        !socket.peek(&mut [MaybeUninit::uninit()]).as_ref().is_err_and(silent)
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?;
    // All at once: one that leads nowhere must not use the time up.
    let attempts: Vec<_> = addresses.map(|one| TcpStream::connect(one).boxed()).collect();
    if attempts.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the server's name has no address"));
    }
    let (stream, _) = select_ok(attempts).await?;
    // A second command must not wait for the answer to the first.
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(3);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

macro_rules! whichever {
    ($self:expr, $stream:ident => $work:expr) => {
        match $self.get_mut() {
            Self::Tcp($stream) => $work,
            #[cfg(feature = "tls")]
            Self::Tls($stream) => $work,
            #[cfg(unix)]
            Self::Unix($stream) => $work,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        whichever!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        whichever!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        whichever!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        whichever!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
