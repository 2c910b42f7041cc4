//! `?next=` leads to paths of this site alone, by what a URL parser makes of it.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use typed_sessions_http::{check_origin, is_local, next_path, with_next};
use url::Url;

fn leads_to(path: &str) -> Url {
    let base = Url::parse("https://shop.example/sign-in").expect("a URL");
    base.join(path).expect("a place on it")
}

fn next_of(text: &str) -> Option<String> {
    let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC);
    next_path(&format!("/sign-in?next={encoded}").parse().expect("a URI"))
}

#[test]
fn a_next_ends_no_attribute_and_opens_no_element() {
    for bad in ['"', '\'', '<', '>', '`'] {
        let path = format!("/a{bad}onfocus=alert(1)");
        assert_eq!(next_of(&path), None, "{path}");
    }
    let encoded = "/o%27brien?q=%22tea%22&d=(1)";
    assert_eq!(next_of(encoded).as_deref(), Some(encoded), "no attribute decodes it");
}

#[test]
fn whoever_asked_with_a_quote_comes_back_to_it_encoded() {
    let mut headers = HeaderMap::new();
    headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
    let asked = Uri::from_static("/o'brien?q=it's");
    let sent = with_next("/sign-in", &Method::GET, &asked, &headers);
    let back = next_path(&sent.parse::<Uri>().expect("a URI"));
    assert_eq!(back.as_deref(), Some("/o%27brien?q=it%27s"));
}

proptest! {
    #[test]
    fn a_next_never_leaves_this_site(text in r"/[/\\\t]{0,2}[/\\a:@%0-9 \t?#.x]{0,20}") {
        let encoded = utf8_percent_encode(&text, NON_ALPHANUMERIC);
        let uri: Uri = format!("/sign-in?next={encoded}").parse().expect("a URI");
        if let Some(path) = next_path(&uri) {
            prop_assert_eq!(leads_to(&path).origin(), leads_to("/").origin(), "{}", path);
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, path.parse().expect("it can stand in a header"));
        }
    }

    #[test]
    fn any_query_is_read_or_not(query in "[!-~]{0,80}") {
        if let Ok(uri) = format!("/sign-in?{query}").parse::<Uri>()
            && let Some(path) = next_path(&uri)
        {
            prop_assert_eq!(leads_to(&path).origin(), leads_to("/").origin(), "{}", path);
        }
    }

    #[test]
    fn whoever_is_sent_away_comes_back_to_where_they_were(
        path in "/[a-z0-9._~-]{0,10}x(/[a-z0-9]{1,10}){0,3}",
        query in proptest::option::of("[a-z0-9=&%+/:?-]{0,30}"),
    ) {
        let asked = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
        let uri: Uri = asked.parse().expect("a URI");
        for sign_in in ["/sign-in", "/sign-in?lang=de"] {
            let sent = with_next(sign_in, &Method::GET, &uri, &headers);
            let back = next_path(&sent.parse::<Uri>().expect("a URI"));
            prop_assert_eq!(back.as_deref(), Some(asked.as_str()));
        }
    }

    #[test]
    fn no_header_makes_a_check_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            for name in ["host", "origin", "sec-fetch-site", "sec-fetch-mode", "x-forwarded-host"] {
                let mut headers = HeaderMap::new();
                headers.insert(name, value.clone());
                let uri = Uri::from_static("/");
                is_local(&uri, &headers);
                let _ = check_origin(&Method::POST, &uri, &headers, &["https://a.example"]);
                with_next("/sign-in", &Method::GET, &uri, &headers);
            }
        }
    }
}
