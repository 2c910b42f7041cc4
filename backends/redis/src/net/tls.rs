//! What encryption changes: nothing without the feature.

use redis::sentinel::SentinelClientBuilder;
use redis::{Client, ConnectionInfo, RedisResult};
use typed_sessions_core::Result;

#[cfg(not(feature = "tls"))]
pub(crate) use without::*;

#[cfg(feature = "tls")]
pub(crate) type Certificates = Option<redis::TlsCertificates>;

#[cfg(feature = "tls")]
pub(crate) fn prepare(url: &str, certificates: &Certificates) -> Result<()> {
    use rustls::crypto::{CryptoProvider, ring};

    if !url.starts_with("rediss") {
        return match certificates {
            Some(_) => Err(typed_sessions_core::Error::config(
                "`certificates` are for `rediss:` URLs: this one does not encrypt",
            )),
            None => Ok(()),
        };
    }
    // The driver panics where the process has not chosen between two providers. Somebody else may
    // choose first.
    if CryptoProvider::get_default().is_none() {
        let _ = ring::default_provider().install_default();
    }
    Ok(())
}

#[cfg(feature = "tls")]
pub(crate) fn client(node: ConnectionInfo, certificates: &Certificates) -> RedisResult<Client> {
    match certificates {
        Some(certificates) => Client::build_with_tls(node, certificates.clone()),
        None => Client::open(node),
    }
}

#[cfg(feature = "tls")]
pub(crate) fn sentinel(
    builder: SentinelClientBuilder,
    sentinels: &[ConnectionInfo],
    certificates: &Certificates,
) -> SentinelClientBuilder {
    use redis::{ConnectionAddr, TlsMode};

    if !matches!(sentinels.first().map(ConnectionInfo::addr), Some(ConnectionAddr::TcpTls { .. })) {
        return builder;
    }
    let builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    match certificates {
        Some(certificates) => builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates.clone()),
        None => builder,
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::{Client, ConnectionInfo, RedisResult, Result, SentinelClientBuilder};

    #[derive(Clone, Default)]
    pub(crate) struct Certificates(());

    #[allow(clippy::unnecessary_wraps, reason = "it fails when the feature is on")]
    pub(crate) fn prepare(_: &str, _: &Certificates) -> Result<()> {
        Ok(())
    }

    pub(crate) fn client(node: ConnectionInfo, _: &Certificates) -> RedisResult<Client> {
        Client::open(node)
    }

    pub(crate) fn sentinel(
        builder: SentinelClientBuilder,
        _: &[ConnectionInfo],
        _: &Certificates,
    ) -> SentinelClientBuilder {
        builder
    }
}
