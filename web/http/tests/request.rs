//! Which token a request carries: the first well-formed one of the cookie's name, whatever else is
//! in its headers.

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use typed_sessions_core::Token;
use typed_sessions_http::{Carrier, Instruction, SessionCookie};

const TOKEN: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw";
const OTHER: &str = "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw";

fn token(text: &str) -> Token {
    Token::parse(text).expect("well-formed")
}

fn cookie() -> Carrier {
    Carrier::Cookie(SessionCookie::default())
}

/// What these `Cookie` headers carry.
fn carried(headers: &[&[u8]]) -> Option<Token> {
    let mut map = HeaderMap::new();
    for header in headers {
        map.append(COOKIE, HeaderValue::from_bytes(header).expect("bytes that HTTP lets through"));
    }
    cookie().token_in(&map)
}

fn text(pairs: &str) -> Option<Token> {
    carried(&[pairs.replace("US", "__Host-session").as_bytes()])
}

#[test]
fn the_first_well_formed_one_of_the_name_and_no_other() {
    assert_eq!(text(&format!("US={TOKEN}")), Some(token(TOKEN)));
    assert_eq!(text(&format!("US={TOKEN}; US={OTHER}")), Some(token(TOKEN)));
    assert_eq!(text(&format!("US=nonsense; US={OTHER}; US={TOKEN}")), Some(token(OTHER)));
    assert_eq!(text(&format!("a=1;US={TOKEN};b=2")), Some(token(TOKEN)));
    for other in ["session", "us", "__host-session", "xUS", "USx", "US "] {
        assert_eq!(text(&format!("{other}={TOKEN}")), None, "{other}");
    }
    assert_eq!(text(&format!("US=\"{TOKEN}\"")), None);
    assert_eq!(text(&format!("US={TOKEN}=")), None);
    assert_eq!(text("US"), None);
    assert_eq!(text("US="), None);
    assert_eq!(text(""), None);
}

#[test]
fn split_headers_count_as_one() {
    let ours = format!("__Host-session={TOKEN}");
    assert_eq!(carried(&[b"a=1", ours.as_bytes(), b"b=2"]), Some(token(TOKEN)));
    assert_eq!(carried(&[b"__Host-session=nonsense", ours.as_bytes()]), Some(token(TOKEN)));
}

#[test]
fn what_is_no_text_disturbs_nobody() {
    let ours = format!("name=\u{fc}; __Host-session={TOKEN}");
    assert_eq!(carried(&[ours.as_bytes()]), Some(token(TOKEN)));
    assert_eq!(carried(&[b"__Host-session=\xff\xfe"]), None);
    assert!(HeaderValue::from_bytes(b"__Host-session=\0").is_err(), "HTTP lets no NUL through");
}

#[test]
fn a_hundred_kilobytes_are_read_or_not() {
    let large = "x".repeat(100 << 10);
    assert_eq!(text(&large), None);
    assert_eq!(text(&format!("US={large}")), None);
    assert_eq!(text(&format!("{large}; US={TOKEN}")), Some(token(TOKEN)));
    assert_eq!(text(&"US=x;".repeat(20 << 10)), None);
}

#[test]
fn a_header_carries_it_alone() {
    let carrier = Carrier::Header(HeaderName::from_static("x-session-token"));
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, cookie().presents(&token(TOKEN)));
    assert_eq!(carrier.token_in(&headers), None);
    headers.insert("x-session-token", carrier.presents(&token(OTHER)));
    assert_eq!(carrier.token_in(&headers), Some(token(OTHER)));
    headers.insert("x-session-token", HeaderValue::from_static("nonsense"));
    assert_eq!(carrier.token_in(&headers), None);
}

/// Parts of headers that come near to what is looked for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"__Host-session".to_vec()),
        Just(TOKEN.as_bytes().to_vec()),
        Just(OTHER.as_bytes().to_vec()),
        Just(b"=".to_vec()),
        Just(b"; ".to_vec()),
        Just(b";".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ]
}

/// The same rule, found otherwise: texts, split and compared as a whole.
fn expected(headers: &[Vec<u8>]) -> Option<Token> {
    let of_name = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        (name == "__Host-session").then(|| Token::parse(value)).flatten()
    };
    let all = headers.iter().map(|header| String::from_utf8_lossy(header).into_owned());
    let is_space = |c: char| c.is_ascii_whitespace();
    all.collect::<Vec<_>>()
        .iter()
        .flat_map(|header| header.split(';').map(|pair| pair.trim_matches(is_space)))
        .find_map(of_name)
}

proptest! {
    #[test]
    fn any_headers_carry_one_token_or_none(
        headers in prop::collection::vec(prop::collection::vec(piece(), 0..12), 0..4),
    ) {
        let headers: Vec<Vec<u8>> = headers.into_iter().map(|pieces| pieces.concat()).collect();
        let mut map = HeaderMap::new();
        let let_through = headers.into_iter().filter(|header| {
            let value = HeaderValue::from_bytes(header);
            value.map(|value| map.append(COOKIE, value)).is_ok()
        });
        let let_through: Vec<Vec<u8>> = let_through.collect();
        prop_assert_eq!(cookie().token_in(&map), expected(&let_through));
    }

    #[test]
    fn what_an_answer_gives_a_request_carries(
        name in "[a-zA-Z0-9_-]{1,40}",
        before in "[ -:<-~]{0,200}",
        seconds in proptest::option::of(0_u64..10_000_000),
    ) {
        let settings = SessionCookie::builder().name(name).build().expect("no contradiction");
        let carrier = Carrier::Cookie(settings);
        let mut answer = HeaderMap::new();
        let given = token(TOKEN);
        let max_age = seconds.map(std::time::Duration::from_secs);
        carrier.instruct(&mut answer, &Instruction::Give { token: &given, max_age });
        let set = answer["set-cookie"].to_str().expect("visible").to_owned();
        let set = cookie::Cookie::parse(set).expect("another library reads it");
        prop_assert_eq!(set.value(), TOKEN);
        let kept_for = set.max_age().map(|age| age.whole_seconds().unsigned_abs());
        prop_assert_eq!(kept_for, seconds);
        let mut request = HeaderMap::new();
        let pairs = format!("{before}; {}={}", set.name(), set.value());
        request.insert(COOKIE, pairs.parse().expect("visible"));
        prop_assert_eq!(carrier.token_in(&request), Some(given));
    }
}
