//! Settings that contradict each other fail when they are built, in words.

use typed_sessions_core::ErrorKind;
use typed_sessions_http::{SameSite, SessionCookie, SessionCookieBuilder};

fn builder() -> SessionCookieBuilder {
    SessionCookie::builder()
}

/// The message, which names all of this.
fn refused(builder: SessionCookieBuilder, names: &[&str]) {
    let error = builder.build().expect_err("a contradiction");
    assert_eq!(error.kind(), ErrorKind::Config);
    let message = error.to_string();
    for name in names {
        assert!(message.contains(name), "{name} is missing in: {message}");
    }
}

fn name(builder: SessionCookieBuilder) -> String {
    builder.build().expect("no contradiction").name().to_owned()
}

#[test]
fn a_host_cookie_has_no_domain_no_path_and_is_secure() {
    refused(builder().name("__Host-shop").domain("example.com"), &["__Host-shop", "example.com"]);
    refused(builder().name("__Host-shop").path("/app"), &["__Host-shop", "/app"]);
    refused(builder().name("__host-shop").secure(false), &["__host-shop", "Secure"]);
    refused(builder().name("__Secure-shop").secure(false), &["__Secure-shop", "Secure"]);
}

#[test]
fn same_site_none_is_secure() {
    refused(builder().same_site(SameSite::None).secure(false), &["SameSite=None", "Secure"]);
}

#[test]
fn a_prefix_comes_where_it_can_and_goes_with_a_domain() {
    assert_eq!(name(builder()), "__Host-session");
    assert_eq!(name(builder().name("shop")), "__Host-shop");
    assert_eq!(name(builder().name("__Host-shop")), "__Host-shop");
    assert_eq!(name(builder().name("__Secure-shop")), "__Secure-shop");
    assert_eq!(name(builder().name("shop").domain("example.com")), "shop");
    assert_eq!(name(builder().name("__Secure-shop").domain("example.com")), "__Secure-shop");
    assert_eq!(name(builder().name("shop").path("/app")), "shop");
    assert_eq!(name(builder().name("shop").secure(false)), "shop");
}

#[test]
fn more_than_4096_bytes_are_refused() {
    refused(builder().name("x".repeat(4096)), &["4096"]);
    assert_eq!(name(builder().name("x".repeat(4000))).len(), 4007);
    refused(builder().path(format!("/{}", "x".repeat(1024))), &["1024"]);
}

#[test]
fn what_no_cookie_can_hold_is_refused() {
    for bad in ["", "a b", "a;b", "a=b", "a\r\nset-cookie: x", "\u{fc}", "__Host-", "__Secure-"] {
        refused(builder().name(bad), &["name"]);
    }
    for bad in ["", "app", "/a;b", "/a\r\n", "/\u{fc}"] {
        refused(builder().path(bad), &["path"]);
    }
    for bad in ["", "https://example.com", "a b", "example.com:80", "a..b", "a;b", "a\r\nb"] {
        refused(builder().domain(bad), &["domain"]);
    }
}
