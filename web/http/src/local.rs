//! Whether a request is for this machine: what development over plain HTTP is limited to.

use http::header::{FORWARDED, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};

/// Whether a request is for this machine, by the host that it names: `localhost`, a name below it,
/// or a loopback address, behind any port. A proxy may put its own name for the server into `Host`.
/// So what it says of the client's in `X-Forwarded-Host` and `Forwarded` must be one as well, and so
/// must `Origin`, where the browser says that it is the page's own (`Sec-Fetch-Site`). A request
/// that names no host counts as local: no browser sends one.
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
    let mut named = named.map(|value| value.to_str().unwrap_or_default());
    uri.authority().is_none_or(is_this_machine)
        && named.all(names_this_machine)
        && headers.get_all(FORWARDED).iter().all(is_forwarded_to_this_machine)
        && (headers.get("sec-fetch-site").is_none_or(|site| site != "same-origin")
            || headers.get(ORIGIN).is_none_or(is_of_this_machine))
}

fn names_this_machine(host: &str) -> bool {
    host.parse().is_ok_and(|host| is_this_machine(&host))
}

/// RFC 7239: `for=192.0.2.1;host="shop.example:443", for=10.0.0.1`.
fn is_forwarded_to_this_machine(forwarded: &HeaderValue) -> bool {
    let pairs = forwarded.to_str().unwrap_or_default().split([',', ';']);
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    let mut hosts = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    hosts.all(|(_, host)| names_this_machine(host.trim_matches('"')))
}

fn is_of_this_machine(origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, host)| names_this_machine(host))
}

fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}
