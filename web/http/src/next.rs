//! Where somebody goes after signing in: `?next=`, and never to another site.

use http::header::{ACCEPT, HeaderName};
use http::{HeaderMap, Method, Uri};
use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// What is longer is no path that somebody was sent from.
const MAX_BYTES: usize = 2048;
/// What a query may hold as it is.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What could end an attribute of HTML, or open an element.
const UNSAFE_IN_HTML: &AsciiSet = &CONTROLS.add(b'"').add(b'\'').add(b'<').add(b'>').add(b'`');

/// Whether a browser asks for a page, rather than a script for data: by `Sec-Fetch-Mode`, or where
/// that is missing (plain HTTP, older browsers), by whether it accepts HTML.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use typed_sessions_http::is_navigation;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("accept", HeaderValue::from_static("text/html,*/*;q=0.8"));
/// assert!(is_navigation(&headers));
/// headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
/// assert!(!is_navigation(&headers));
/// ```
pub fn is_navigation(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_MODE) {
        Some(mode) => mode == "navigate",
        None => headers.get_all(ACCEPT).iter().any(|accept| {
            accept.as_bytes().to_ascii_lowercase().windows(9).any(|part| part == b"text/html")
        }),
    }
}

/// The path to which somebody is sent to sign in, with `?next=` for the way back where they asked
/// for a page by GET: only that can be repeated.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Method, Uri};
/// use typed_sessions_http::{next_path, with_next};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
/// let asked = Uri::from_static("/orders?page=2");
/// let sign_in = with_next("/sign-in", &Method::GET, &asked, &headers);
/// assert_eq!(sign_in, "/sign-in?next=/orders%3Fpage%3D2");
/// assert_eq!(next_path(&sign_in.parse::<Uri>()?).as_deref(), Some("/orders?page=2"));
/// assert_eq!(with_next("/sign-in", &Method::POST, &asked, &headers), "/sign-in");
/// # Ok::<_, http::uri::InvalidUri>(())
/// ```
pub fn with_next(sign_in: &str, method: &Method, asked: &Uri, headers: &HeaderMap) -> String {
    let asked = asked.path_and_query().map_or("/", |asked| asked.as_str());
    let asked = utf8_percent_encode(asked, UNSAFE_IN_HTML).to_string();
    if *method != Method::GET || !is_navigation(headers) || !is_path(&asked) {
        return sign_in.to_owned();
    }
    let mark = if sign_in.contains('?') { '&' } else { '?' };
    format!("{sign_in}{mark}next={}", utf8_percent_encode(&asked, ENCODED))
}

/// The path that the `next` of a URL's query names, if it is one of this site: it begins with a
/// single `/` and has nothing in it that a browser could take for the name of another site, nor
/// quotes or angle brackets: it can stand in an attribute of HTML.
///
/// ```
/// use http::Uri;
/// use typed_sessions_http::next_path;
///
/// let next = |uri: &'static str| next_path(&Uri::from_static(uri));
/// assert_eq!(next("/sign-in?next=%2Fcart").as_deref(), Some("/cart"));
/// assert_eq!(next("/sign-in?next=//evil.example"), None);
/// assert_eq!(next("/sign-in?next=%2F%5Cevil.example"), None);
/// assert_eq!(next("/sign-in?next=https://evil.example"), None);
/// ```
pub fn next_path(uri: &Uri) -> Option<String> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let next = pairs.into_iter().find_map(|(name, value)| (name == "next").then_some(value))?;
    let next = next.replace('+', " ");
    let path = percent_decode_str(&next).decode_utf8().ok()?.into_owned();
    is_path(&path).then_some(path)
}

/// Browsers drop tabs and line breaks and take `\` for `/`: none of them is in a path here. What
/// is not ASCII would have to be encoded again before it can stand in `Location`, and a quote or an
/// angle bracket in HTML.
fn is_path(path: &str) -> bool {
    path.len() <= MAX_BYTES
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"'<>`".contains(&byte))
}
