//! Where browsers find the chat: what its cookie is, and which pages may talk to it.

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use cookie::{Cookie, SameSite};
use typed_sessions::{Session, Token};

use crate::Visit;

/// Where browsers find the chat.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    /// While it is developed: http, on this machine, under any port and any of its names.
    Localhost,
    /// `https://chat.example.org`, behind a proxy that has the certificate.
    Public { origin: String },
}

impl Site {
    pub(crate) fn at(origin: String) -> Result<Self, String> {
        let host = origin.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.contains('/') {
            return Err(format!("{origin} is not of the form https://chat.example.org"));
        }
        Ok(Self::Public { origin })
    }

    /// Whether a request comes from a page of this site. The browser lets any page on the web open
    /// a WebSocket to here, and `fetch`'s rules do not hold for those; so whatever acts for the
    /// user asks this first (OWASP: "cross-site WebSocket hijacking").
    pub(crate) fn is_ours(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(origin) = text(ORIGIN) else { return false };
        match self {
            Self::Public { origin: ours } => origin == ours,
            Self::Localhost => {
                let Some(host) = text(HOST) else { return false };
                let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
                // Not just any host that agrees with the origin: whoever has a domain can make its
                // name lead here.
                matches!(name, "localhost" | "127.0.0.1" | "[::1]")
                    && origin.strip_prefix("http://") == Some(host)
            }
        }
    }

    /// `__Host-`: browsers take it over https alone, for this host alone, so that no other host of
    /// the domain can plant one.
    fn cookie_name(&self) -> &'static str {
        match self {
            Self::Localhost => "chat",
            Self::Public { .. } => "__Host-chat",
        }
    }

    /// What the browser sent.
    pub(crate) fn token(&self, headers: &HeaderMap) -> Option<String> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == self.cookie_name())
            .map(|cookie| cookie.value().to_owned())
    }

    /// The value of a `Set-Cookie` header, when the client must be given a new token.
    pub(crate) fn fresh(&self, session: &Session<Visit>) -> Option<String> {
        session.fresh_token().map(|token| self.cookie(&token))
    }

    fn cookie(&self, token: &Token) -> String {
        self.build(token.expose()).to_string()
    }

    /// The value of a `Set-Cookie` header that removes the cookie.
    pub(crate) fn removal(&self) -> String {
        let mut cookie = self.build(String::new());
        cookie.make_removal();
        cookie.to_string()
    }

    fn build(&self, value: String) -> Cookie<'static> {
        Cookie::build((self.cookie_name(), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(matches!(self, Self::Public { .. }))
            .build()
    }
}
