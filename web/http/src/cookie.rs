//! The settings of the session cookie, and which of them contradict each other.

use std::time::Duration;

use typed_sessions_core::{Error, Result};

/// Browsers refuse a cookie whose name and value together are longer (RFC 6265bis, 5.6).
const MAX_BYTES: usize = 4096;
/// They ignore an attribute whose value is longer (RFC 6265bis, 5.6).
const MAX_ATTRIBUTE_BYTES: usize = 1024;
/// A token has so many characters.
const TOKEN_BYTES: usize = 54;

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";

/// With which requests from other sites a browser sends a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With none. Who follows a link from a mail or another site arrives signed out.
    Strict,
    /// With those that go to another page by GET. The default: a form or a script of another
    /// site sends no cookie.
    Lax,
    /// With all. For what other sites embed; needs `Secure` and a check against forged requests.
    None,
}

/// The settings of a session cookie, without a contradiction.
///
/// By default it is `__Host-session`, with `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`: only
/// this very host gets it, only over TLS, no script reads it, and no other host, a subdomain
/// included, can set it.
///
/// ```
/// use typed_sessions_http::{SameSite, SessionCookie};
///
/// assert_eq!(SessionCookie::default().name(), "__Host-session");
/// let cookie = SessionCookie::builder().name("shop").same_site(SameSite::Strict).build()?;
/// assert_eq!(cookie.name(), "__Host-shop");
/// let everywhere = SessionCookie::builder().name("shop").domain("example.com").build()?;
/// assert_eq!(everywhere.name(), "shop"); // a host's own cookie has no domain
/// # Ok::<_, typed_sessions_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: String,
    /// All attributes but `Max-Age`, each after `; `.
    attributes: String,
}

impl SessionCookie {
    /// A cookie to be configured.
    pub fn builder() -> SessionCookieBuilder {
        SessionCookieBuilder::default()
    }

    /// For `http://localhost` and nothing else: the cookie `session` without `Secure` and without
    /// prefix, since some browsers keep no secure cookie that came over plain HTTP.
    pub fn development() -> Self {
        let attributes = "; Path=/; HttpOnly; SameSite=Lax".to_owned();
        Self { name: "session".to_owned(), attributes }
    }

    /// The name, with its prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a `Set-Cookie` that gives the client a value. Without `max_age` the client
    /// forgets it when it is closed.
    pub(crate) fn set(&self, value: &str, max_age: Option<Duration>) -> String {
        let Self { name, attributes } = self;
        match max_age {
            None => format!("{name}={value}{attributes}"),
            Some(age) => format!("{name}={value}{attributes}; Max-Age={}", age.as_secs()),
        }
    }

    /// The text of a `Set-Cookie` that makes the client forget the cookie.
    pub(crate) fn remove(&self) -> String {
        self.set("", Some(Duration::ZERO))
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax".to_owned();
        Self { name: format!("{HOST}session"), attributes }
    }
}

/// Configures a [`SessionCookie`]; made by [`SessionCookie::builder`].
///
/// | setting | default |
/// |---|---|
/// | `name` | `session` |
/// | `secure` | yes |
/// | `http_only` | yes |
/// | `same_site` | [`SameSite::Lax`] |
/// | `path` | `/` |
/// | `domain` | none: this host alone |
///
/// A name without a prefix gets `__Host-` in front, where the other settings permit it.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SessionCookieBuilder {
    name: String,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    path: String,
    domain: Option<String>,
}

impl Default for SessionCookieBuilder {
    fn default() -> Self {
        Self {
            name: "session".to_owned(),
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            path: "/".to_owned(),
            domain: None,
        }
    }
}

impl SessionCookieBuilder {
    /// The name. Without a prefix of its own it gets `__Host-`, where that is possible.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whether the client sends it over TLS alone. Without that the name gets no prefix.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether it is hidden from scripts.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// With which requests from other sites the client sends it.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Below which path the client sends it. This protects nothing: scripts of one host reach all
    /// its paths. With another path than `/` the name gets no prefix.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// For this domain and all its subdomains. The name gets no prefix then, and each of these
    /// hosts can set a cookie of that name: one that is taken over can sign your visitors in as
    /// somebody else, or out. Change the name whenever you change the domain or the path: browsers
    /// keep the old cookie beside the new one, and send both.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The settings, if they do not contradict each other.
    ///
    /// # Errors
    ///
    /// `Config`, which names both values and the way out: a name with `__Host-` beside a domain,
    /// another path or no `Secure`; a name with `__Secure-`, or `SameSite=None`, without `Secure`;
    /// what no cookie can hold; more than 4,096 bytes.
    ///
    /// ```
    /// use typed_sessions_http::{SameSite, SessionCookie};
    ///
    /// let open = SessionCookie::builder().secure(false).same_site(SameSite::None).build();
    /// let message = open.unwrap_err().to_string();
    /// assert!(message.contains("SameSite=None") && message.contains("Secure"));
    /// ```
    pub fn build(self) -> Result<SessionCookie> {
        check_name(&self.name)?;
        check_attribute("path", &self.path)?;
        if !self.path.starts_with('/') {
            let path = &self.path;
            return Err(config(format!("the cookie's path `{path}` does not begin with `/`")));
        }
        if let Some(domain) = &self.domain {
            check_domain(domain)?;
        }
        let obstacle = self.obstacle_to_host();
        if let (true, Some(obstacle)) = (has_prefix(&self.name, HOST), &obstacle) {
            let name = &self.name;
            return Err(config(format!(
                "the cookie's name `{name}` promises a cookie of this host alone, but it has \
                 {obstacle}: drop one of them, or give it a name without `{HOST}`"
            )));
        }
        if !self.secure && has_prefix(&self.name, SECURE) {
            let name = &self.name;
            return Err(config(format!(
                "the cookie's name `{name}` promises `Secure`, which is off: drop one of them"
            )));
        }
        if !self.secure && self.same_site == SameSite::None {
            return Err(config(
                "browsers refuse a cookie with `SameSite=None` and without `Secure`: turn \
                 `Secure` on, or take `SameSite::Lax`",
            ));
        }
        let is_prefixed = has_prefix(&self.name, HOST) || has_prefix(&self.name, SECURE);
        let name = if is_prefixed || obstacle.is_some() {
            self.name.clone()
        } else {
            format!("{HOST}{}", self.name)
        };
        let bytes = name.len() + TOKEN_BYTES;
        if bytes > MAX_BYTES {
            return Err(config(format!(
                "the cookie would have {bytes} bytes, and browsers keep {MAX_BYTES}: shorten its \
                 name"
            )));
        }
        Ok(SessionCookie { name, attributes: self.attributes() })
    }

    /// What keeps the cookie from being one of this host alone.
    fn obstacle_to_host(&self) -> Option<String> {
        if let Some(domain) = &self.domain {
            Some(format!("the domain `{domain}`"))
        } else if self.path != "/" {
            Some(format!("the path `{}`", self.path))
        } else if !self.secure {
            Some("no `Secure`".to_owned())
        } else {
            None
        }
    }

    fn attributes(&self) -> String {
        let mut attributes = format!("; Path={}", self.path);
        if let Some(domain) = &self.domain {
            attributes.extend(["; Domain=", domain]);
        }
        if self.secure {
            attributes += "; Secure";
        }
        if self.http_only {
            attributes += "; HttpOnly";
        }
        attributes += match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        };
        attributes
    }
}

/// Browsers compare prefixes without regard to case.
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A name is a token of HTTP (RFC 9110, 5.6.2).
fn check_name(name: &str) -> Result<()> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let bare = [HOST, SECURE].iter().find(|prefix| has_prefix(name, prefix));
    if name.len() == bare.map_or(0, |prefix| prefix.len()) {
        return Err(config("the cookie has no name: give it one, such as `session`"));
    }
    if name.bytes().all(is_token) {
        return Ok(());
    }
    Err(config(format!(
        "the cookie's name {name:?} has characters that a cookie's name cannot have: take letters, \
         digits, `-` and `_`"
    )))
}

fn check_domain(domain: &str) -> Result<()> {
    check_attribute("domain", domain)?;
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if domain.strip_prefix('.').unwrap_or(domain).split('.').all(is_part) {
        return Ok(());
    }
    Err(config(format!(
        "the cookie's domain {domain:?} is no name of a host: write it as in `example.com`, \
         without scheme and port"
    )))
}

fn check_attribute(what: &str, value: &str) -> Result<()> {
    if value.len() > MAX_ATTRIBUTE_BYTES {
        let bytes = value.len();
        return Err(config(format!(
            "the cookie's {what} has {bytes} bytes, and browsers read {MAX_ATTRIBUTE_BYTES}"
        )));
    }
    if value.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b';') {
        return Ok(());
    }
    Err(config(format!(
        "the cookie's {what} {value:?} has characters that an attribute cannot have"
    )))
}

fn config(message: impl Into<String>) -> Error {
    Error::config(message)
}
