//! What encryption changes: nothing without the feature.

#[cfg(feature = "tls")]
pub(crate) use with::*;
#[cfg(not(feature = "tls"))]
pub(crate) use without::*;

#[cfg(feature = "tls")]
mod with {
    use std::sync::Arc;

    use redis::sentinel::SentinelClientBuilder;
    use redis::{ConnectionAddr, ConnectionInfo, RedisResult, TlsCertificates, TlsMode};
    use rustls::crypto::{CryptoProvider, ring};
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use typed_sessions_core::{Error, Result};

    use crate::net::stream::Stream;

    pub(crate) type Certificates = Option<TlsCertificates>;

    pub(crate) fn are_given(certificates: &Certificates) -> bool {
        certificates.is_some()
    }

    /// How connections are encrypted, if they are.
    #[derive(Clone)]
    pub(crate) struct Encryption(Option<TlsConnector>);

    impl Encryption {
        pub(crate) fn new(url: &str, certificates: &Certificates) -> Result<Self> {
            if !url.starts_with("rediss") {
                return match certificates {
                    Some(_) => Err(Error::config(
                        "`certificates` are for `rediss:` URLs: this one does not encrypt",
                    )),
                    None => Ok(Self(None)),
                };
            }
            // The driver, which talks to Sentinels, panics where the process has not chosen between
            // two providers. Somebody else may choose first.
            if CryptoProvider::get_default().is_none() {
                let _ = ring::default_provider().install_default();
            }
            Ok(Self(Some(TlsConnector::from(Arc::new(config(certificates.as_ref())?)))))
        }

        pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> RedisResult<Stream> {
            let Some(connector) = &self.0 else {
                return Err(std::io::Error::other("not an encrypted address").into());
            };
            let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
            Ok(Stream::Tls(Box::new(connector.connect(name, stream).await?)))
        }
    }

    fn config(certificates: Option<&TlsCertificates>) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        if let Some(root) = certificates.and_then(|given| given.root_cert.as_ref()) {
            for certificate in CertificateDer::pem_slice_iter(root) {
                let certificate = certificate.map_err(|_| unreadable("root certificate"))?;
                roots.add(certificate).map_err(|_| unreadable("root certificate"))?;
            }
            if roots.is_empty() {
                return Err(unreadable("root certificate"));
            }
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let config = ClientConfig::builder().with_root_certificates(roots);
        let Some(client) = certificates.and_then(|given| given.client_tls.as_ref()) else {
            return Ok(config.with_no_client_auth());
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&client.client_cert)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| unreadable("client certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&client.client_key)
            .map_err(|_| unreadable("client key"))?;
        config
            .with_client_auth_cert(chain, key)
            .map_err(|_| Error::config("the client's key does not belong to its certificate"))
    }

    fn unreadable(what: &str) -> Error {
        Error::config(format!("the {what} of `certificates` cannot be read: PEM is expected"))
    }

    pub(crate) fn sentinel(
        builder: SentinelClientBuilder,
        sentinels: &[ConnectionInfo],
        certificates: &Certificates,
    ) -> SentinelClientBuilder {
        if !matches!(
            sentinels.first().map(ConnectionInfo::addr),
            Some(ConnectionAddr::TcpTls { .. })
        ) {
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
}

#[cfg(not(feature = "tls"))]
mod without {
    use redis::sentinel::SentinelClientBuilder;
    use redis::{ConnectionInfo, RedisResult};
    use tokio::net::TcpStream;
    use typed_sessions_core::Result;

    use crate::net::stream::Stream;

    #[derive(Clone, Default)]
    pub(crate) struct Certificates(());

    pub(crate) fn are_given(_: &Certificates) -> bool {
        false
    }

    /// No connection is encrypted.
    #[derive(Clone)]
    pub(crate) struct Encryption(());

    impl Encryption {
        #[allow(clippy::unnecessary_wraps, reason = "it fails when the feature is on")]
        pub(crate) fn new(_: &str, _: &Certificates) -> Result<Self> {
            Ok(Self(()))
        }

        #[allow(clippy::unused_async, reason = "it waits when the feature is on")]
        pub(crate) async fn connect(&self, _: &str, _: TcpStream) -> RedisResult<Stream> {
            // A URL that asks for it was refused when it was read.
            Err(std::io::Error::other("the feature `tls` is off").into())
        }
    }

    pub(crate) fn sentinel(
        builder: SentinelClientBuilder,
        _: &[ConnectionInfo],
        _: &Certificates,
    ) -> SentinelClientBuilder {
        builder
    }
}
