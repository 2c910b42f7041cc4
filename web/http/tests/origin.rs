//! Which requests count as coming from another site.

use http::{HeaderMap, HeaderValue, Method, Uri};
use typed_sessions_http::{CrossSite, check_origin};

const TRUSTED: &[&str] = &["https://admin.example"];

fn check(method: &Method, headers: &[(&'static str, &'static str)]) -> Result<(), CrossSite> {
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("shop.example"));
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    check_origin(method, &Uri::from_static("/live"), &map, TRUSTED)
}

#[test]
fn a_handshake_of_a_websocket_is_checked_although_it_is_a_get() {
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let upgrade = ("upgrade", "websocket");
    for mark in [key, upgrade] {
        for foreign in [
            &[mark, ("origin", "https://evil.example")][..],
            &[mark, ("origin", "null")],
            &[mark, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
            &[mark, ("sec-fetch-site", "same-site"), ("origin", "https://blog.shop.example")],
        ] {
            assert_eq!(check(&Method::GET, foreign), Err(CrossSite), "{foreign:?}");
        }
        for own in [
            &[mark, ("origin", "https://shop.example")][..],
            &[mark, ("sec-fetch-site", "same-origin"), ("origin", "https://shop.example")],
            &[mark, ("origin", "https://admin.example")],
            &[mark],
        ] {
            assert_eq!(check(&Method::GET, own), Ok(()), "{own:?}");
        }
    }
}

#[test]
fn a_page_may_be_asked_for_from_anywhere() {
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(check(&method, &foreign), Ok(()));
    }
    assert_eq!(check(&Method::POST, &foreign), Err(CrossSite));
}
