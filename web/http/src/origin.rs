//! Whether a request comes from another site: the check against forged requests that browsers make
//! possible by themselves, without a token in each form.

use std::error::Error as StdError;
use std::fmt;

use http::header::{HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, Method, Uri};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request that changes something comes from another site, as its browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossSite;

impl fmt::Display for CrossSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request comes from another site")
    }
}

impl StdError for CrossSite {}

/// Refuses requests that a page of another site made, as OWASP's cheat sheet on CSRF advises: by
/// `Sec-Fetch-Site`, which no script can set; where a browser does not send it, by comparing
/// `Origin` with the host that was asked for.
///
/// GET, HEAD and OPTIONS pass, since they must change nothing, unless they open a WebSocket
/// (`Upgrade`, `Sec-WebSocket-Key`): browsers let pages of every site do that, with the cookies of
/// yours. Requests with neither header pass: they come from no browser of today. `trusted` are origins that may, such as
/// `https://admin.example.com`.
///
/// # Errors
///
/// [`CrossSite`]: answer 403.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Method, Uri};
/// use typed_sessions_http::{CrossSite, check_origin};
///
/// let uri = Uri::from_static("/cart");
/// let mut headers = HeaderMap::new();
/// headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
/// assert_eq!(check_origin(&Method::POST, &uri, &headers, &[] as &[&str]), Err(CrossSite));
/// assert_eq!(check_origin(&Method::GET, &uri, &headers, &[] as &[&str]), Ok(()));
/// ```
pub fn check_origin(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    trusted: &[impl AsRef<str>],
) -> Result<(), CrossSite> {
    let is_handshake = headers.contains_key(UPGRADE) || headers.contains_key(SEC_WEBSOCKET_KEY);
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !is_handshake {
        return Ok(());
    }
    let origin = headers.get(ORIGIN);
    let is_trusted = origin.is_some_and(|origin| {
        trusted.iter().any(|trusted| trusted.as_ref().as_bytes() == origin.as_bytes())
    });
    let is_ours = match headers.get(SEC_FETCH_SITE) {
        // `none`: by the user's own hand, from the address bar or a bookmark.
        Some(site) => site == "same-origin" || site == "none",
        None => origin.is_none_or(|origin| is_of_host(origin.as_bytes(), uri, headers)),
    };
    if is_trusted || is_ours { Ok(()) } else { Err(CrossSite) }
}

/// Whether an origin is of the host that was asked for. Schemes are not compared: behind a proxy
/// that ends TLS the server does not know its own.
fn is_of_host(origin: &[u8], uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(at) = origin.windows(3).position(|part| part == b"://") else { return false };
    let host = &origin[at + 3..];
    let asked = match uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => headers.get(HOST).map_or(&b""[..], |host| host.as_bytes()),
    };
    !asked.is_empty() && host.eq_ignore_ascii_case(asked)
}
