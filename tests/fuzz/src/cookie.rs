//! Headers of requests.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use typed_sessions::Token;
use typed_sessions_http::{
    Carrier, SessionCookie, check_origin, device_of, is_local, is_navigation, next_path, with_next,
};

/// Whatever stands in the headers of a request, each line in one of its own, and in its address: it
/// carries a token that stands there, or none; and the way back is a path.
///
/// # Panics
/// When that does not hold.
pub fn cookie(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        for name in ["cookie", "x-session-token", "host", "origin", "accept", "user-agent"] {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(name, value);
            }
        }
    }
    let text = String::from_utf8_lossy(data);
    let header = Carrier::Header(HeaderName::from_static("x-session-token"));
    for carrier in [Carrier::Cookie(SessionCookie::default()), header] {
        let Some(token) = carrier.token_in(&headers) else { continue };
        assert!(text.contains(&token.expose()), "it stands there");
        assert_eq!(Token::parse(&token.expose()), Some(token));
    }
    let uri = format!("/?next={text}").parse().unwrap_or(Uri::from_static("/"));
    if let Some(path) = next_path(&uri) {
        assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'));
    }
    let _ = check_origin(&Method::POST, &uri, &headers, &["https://a.example"]);
    let _ = (is_local(&uri, &headers), is_navigation(&headers), device_of(&headers));
    let _ = with_next("/sign-in", &Method::GET, &uri, &headers);
}
