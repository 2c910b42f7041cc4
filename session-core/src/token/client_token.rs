//! Tokens: what the client holds. Parsing is total; secrets never show.

use std::fmt;

use super::base64url::{from_base64, to_base64};
use super::secret::Secret;
use super::session_id::SessionId;

/// What the client holds: a [`SessionId`], a secret and a mark, 54 characters of unpadded
/// base64url.
///
/// Id and secret are 16 bytes each from the operating system's generator: 128 bits, where OWASP
/// ASVS 5.0 (7.2.3) asks for 128 and NIST SP 800-63B-4 (5.1) for 64. The 8 bytes after them mark
/// the secret as one of its login, so that an old one that comes back is recognized. Only
/// [`expose`](Token::expose) hands the text out; `Debug` and `Display` show the id alone. Tokens
/// compare in constant time.
///
/// ```
/// use typed_sessions::Token;
///
/// let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw";
/// let token = Token::parse(text).expect("a canonical token");
/// assert_eq!(token.expose().len(), 54);
/// assert!(!format!("{token:?} {token}").contains("EBESExQVFhcYGRobHB0eH"));
/// assert!(Token::parse("short").is_none());
/// ```
#[derive(Clone)]
pub struct Token {
    id: SessionId,
    secret: Secret,
}

impl Token {
    pub(crate) fn new(id: SessionId, secret: Secret) -> Self {
        Self { id, secret }
    }

    /// Reads a token; `None` unless the text is exactly what [`expose`](Token::expose) gives.
    ///
    /// Total and canonical: every text either is the one form of one token or is refused, whatever
    /// its length.
    ///
    /// ```
    /// # use typed_sessions::Token;
    /// let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw";
    /// assert!(Token::parse(text).is_some());
    /// assert!(Token::parse(&format!("{text}=")).is_none()); // padded
    /// assert!(Token::parse(&text.replace("UmJw", "UmJx")).is_none()); // not in the one form
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 40] = from_base64(text)?;
        let (id, secret) = bytes.split_first_chunk()?;
        Some(Self { id: SessionId::from_bytes(*id), secret: Secret(secret.try_into().ok()?) })
    }

    /// The text for the client: in a cookie or a header, never in a URL, a log or an error.
    ///
    /// ```
    /// # use typed_sessions::Token;
    /// let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw";
    /// let token = Token::parse(text).expect("a canonical token");
    /// assert_eq!(token.expose(), text);
    /// ```
    pub fn expose(&self) -> String {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(self.id.as_bytes());
        bytes[16..].copy_from_slice(&self.secret.0);
        to_base64(&bytes)
    }

    /// Which session it opens.
    ///
    /// ```
    /// # use typed_sessions::Token;
    /// let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw";
    /// let token = Token::parse(text).expect("a canonical token");
    /// assert_eq!(token.id().to_string(), "AAECAwQFBgcICQoLDA0ODw");
    /// ```
    pub fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl PartialEq for Token {
    /// In constant time as far as the secret is concerned.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.secret.is(&other.secret)
    }
}

impl Eq for Token {}

impl fmt::Display for Token {
    /// Shows which session the token opens, never the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[token of session {}]", self.id)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id).finish_non_exhaustive()
    }
}
