//! How a token travels: in a cookie, or in a header of its own for clients of an API.

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use typed_sessions_core::Token;

use crate::cookie::SessionCookie;

/// How a token travels. Never in a URL, which ends up in logs and histories.
///
/// ```
/// use http::HeaderMap;
/// use typed_sessions_http::{Carrier, Instruction, SessionCookie};
/// # use typed_sessions_core::Token;
/// # let token = Token::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw").unwrap();
///
/// let carrier = Carrier::Cookie(SessionCookie::default());
/// let mut answer = HeaderMap::new();
/// carrier.instruct(&mut answer, &Instruction::Give { token: &token, max_age: None });
/// assert!(answer["set-cookie"].to_str()?.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"));
///
/// let mut request = HeaderMap::new();
/// request.insert("cookie", carrier.presents(&token));
/// assert_eq!(carrier.token_in(&request), Some(token));
/// # Ok::<_, http::header::ToStrError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In a cookie, for browsers.
    Cookie(SessionCookie),
    /// In a header of this name, in requests and in answers, for clients of an API. Browsers do
    /// not send it by themselves, so no other site can make them.
    Header(HeaderName),
}

/// What an answer tells the client about its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction<'a> {
    /// To use this one from now on.
    Give {
        /// The token.
        token: &'a Token,
        /// For how long it is to keep it; `None`: until it is closed.
        max_age: Option<Duration>,
    },
    /// To forget the one that it has.
    Remove,
}

impl Carrier {
    /// The token that a request carries: the first well-formed one of the cookie's name, and no
    /// other. Headers that came in several parts (HTTP/2 splits `Cookie`) count as one.
    ///
    /// Total: whatever the headers hold, of whatever length, the answer is a token or `None`.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use typed_sessions_http::{Carrier, SessionCookie};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.append("cookie", HeaderValue::from_static("a=1; __Host-session=nonsense"));
    /// assert_eq!(Carrier::Cookie(SessionCookie::default()).token_in(&headers), None);
    /// ```
    pub fn token_in(&self, headers: &HeaderMap) -> Option<Token> {
        match self {
            Self::Cookie(cookie) => headers
                .get_all(COOKIE)
                .iter()
                .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
                .filter_map(|pair| value_of(cookie.name(), pair))
                .find_map(parse),
            Self::Header(name) => headers
                .get_all(name)
                .iter()
                .find_map(|header| parse(header.as_bytes().trim_ascii())),
        }
    }

    /// What a client that holds this token sends: the value of a `Cookie` header, or of the
    /// carrier's own. For tests of applications; it is marked as sensitive.
    pub fn presents(&self, token: &Token) -> HeaderValue {
        sensitive(match self {
            Self::Cookie(cookie) => format!("{}={}", cookie.name(), token.expose()),
            Self::Header(_) => token.expose(),
        })
    }

    /// Adds what the client must be told to the headers of an answer. Cookies that are set there
    /// already stay.
    pub fn instruct(&self, headers: &mut HeaderMap, instruction: &Instruction<'_>) {
        match (self, instruction) {
            (Self::Cookie(cookie), Instruction::Give { token, max_age }) => {
                headers.append(SET_COOKIE, sensitive(cookie.set(&token.expose(), *max_age)));
            }
            (Self::Cookie(cookie), Instruction::Remove) => {
                headers.append(SET_COOKIE, sensitive(cookie.remove()));
            }
            (Self::Header(name), Instruction::Give { token, .. }) => {
                headers.insert(name, sensitive(token.expose()));
            }
            (Self::Header(name), Instruction::Remove) => {
                headers.insert(name, HeaderValue::from_static(""));
            }
        }
    }

    /// The request header on which an answer depends that looked at the session.
    pub(crate) fn varies_by(&self) -> HeaderName {
        match self {
            Self::Cookie(_) => COOKIE,
            Self::Header(name) => name.clone(),
        }
    }

    /// What tells two carriers apart in one request: the cookie's or the header's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Cookie(cookie) => cookie.name(),
            Self::Header(name) => name.as_str(),
        }
    }
}

/// The value of a pair such as ` name=value`, if it has this name.
fn value_of<'a>(name: &str, pair: &'a [u8]) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii();
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn parse(text: &[u8]) -> Option<Token> {
    Token::parse(str::from_utf8(text).ok()?)
}

/// Hides itself from `Debug`, so that no log of headers shows a token.
fn sensitive(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text)
        .expect("names, attributes and tokens have visible characters only");
    value.set_sensitive(true);
    value
}

/// Notes in an answer that it depends on this request header.
pub(crate) fn vary_by(headers: &mut HeaderMap, name: &HeaderName) {
    let is_named = headers.get_all(VARY).iter().any(|value| {
        let parts = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        parts
            .into_iter()
            .any(|part| part == b"*" || part.eq_ignore_ascii_case(name.as_str().as_bytes()))
    });
    if !is_named {
        headers.append(VARY, HeaderValue::from(name.clone()));
    }
}
