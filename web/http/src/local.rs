//! Whether a request is for this machine: what development over plain HTTP is limited to.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// Whether a request is for this machine, by the host that it names: `localhost`, a name below it,
/// or a loopback address, behind any port. A proxy's `X-Forwarded-Host` must be one as well, since
/// a proxy may put its own name for the server into `Host`. A request that names no host counts as
/// local: no browser sends one.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Uri};
/// use typed_sessions_http::is_local;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("host", HeaderValue::from_static("localhost:3000"));
/// assert!(is_local(&Uri::from_static("/cart"), &headers));
/// headers.insert("host", HeaderValue::from_static("shop.example"));
/// assert!(!is_local(&Uri::from_static("/cart"), &headers));
/// ```
pub fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let named = headers.get_all(HOST).iter().chain(headers.get_all("x-forwarded-host"));
    let mut named = named.map(|value| value.to_str().ok().and_then(|host| host.parse().ok()));
    uri.authority().is_none_or(is_this_machine)
        && named.all(|host: Option<Authority>| host.as_ref().is_some_and(is_this_machine))
}

fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}
