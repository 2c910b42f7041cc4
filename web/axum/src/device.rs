//! The device that a request comes from.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Deref;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use typed_sessions_http::device_of;

/// The device that a request comes from, for a [`Login`](typed_sessions_core::Login): a name such
/// as "Firefox on Linux" and the user agent, by what the browser says of itself; and the address
/// that it has connected from, if the server was made with
/// `into_make_service_with_connect_info::<SocketAddr>()`. Behind a proxy that is the proxy's: take
/// the client's from wherever you trust your proxy to put it.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use typed_sessions::Login;
/// use typed_sessions::axum::{Device, Session, SessionRejection};
///
/// async fn sign_in(
///     mut session: Session<Shop>,
///     Device(device): Device,
/// ) -> Result<(), SessionRejection> {
///     let ada = Member { id: 7, name: "Ada".into() };
///     Ok(session.login_with(ada, Login::new().device(device)).await?)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device(
    /// What a login takes.
    pub typed_sessions_core::Device,
);

impl Deref for Device {
    type Target = typed_sessions_core::Device;

    fn deref(&self) -> &typed_sessions_core::Device {
        &self.0
    }
}

impl From<Device> for typed_sessions_core::Device {
    fn from(device: Device) -> Self {
        device.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let device = device_of(&parts.headers);
        Ok(Self(match parts.extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(address)) => device.ip(address.ip()),
            None => device,
        }))
    }
}
