//! Tokens: what the client holds. Parsing is total; secrets never show.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::base64url::{from_base64, to_base64};
use crate::error::{Error, ErrorKind};

/// Bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give. There is no safe way on: a guessable token is worse than none.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator failed");
    bytes
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The public handle of a session: 16 random bytes that never change, shown as 22 characters of base64url.
///
/// An id is no credential: who knows it can neither open the session nor end it. It may appear in logs and listings.
///
/// ```
/// use typed_sessions::SessionId;
///
/// # fn main() -> typed_sessions::Result<()> {
/// let id: SessionId = "AAECAwQFBgcICQoLDA0ODw".parse()?;
/// assert_eq!(id.to_string(), "AAECAwQFBgcICQoLDA0ODw");
/// assert!("no id".parse::<SessionId>().is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    pub(crate) fn random() -> Self {
        Self(random())
    }

    /// The id of these bytes.
    ///
    /// ```
    /// # use typed_sessions::SessionId;
    /// let id = SessionId::from_bytes([7; 16]);
    /// assert_eq!(id.as_bytes(), &[7; 16]);
    /// ```
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&to_base64(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl FromStr for SessionId {
    type Err = Error;

    /// Reads what `Display` wrote; anything else is [`ErrorKind::Invalid`].
    fn from_str(text: &str) -> Result<Self, Error> {
        from_base64(text).map(Self).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "not a session id: expected 22 characters of base64url")
        })
    }
}

/// What the client holds: a [`SessionId`] and a secret, 43 characters of unpadded base64url.
///
/// Both parts are 16 bytes from the operating system's generator: 128 bits each, where OWASP ASVS 5.0 (7.2.3) asks for
/// 128 and NIST SP 800-63B (5.1) for 64. Only [`expose`](Token::expose) hands the text out; `Debug` and `Display` show
/// the id alone. Tokens compare in constant time.
///
/// ```
/// use typed_sessions::Token;
///
/// let token = Token::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").expect("a canonical token");
/// assert_eq!(token.expose().len(), 43);
/// assert!(!format!("{token:?} {token}").contains("EBESExQVFhcYGRobHB0eHw"));
/// assert!(Token::parse("short").is_none());
/// ```
#[derive(Clone)]
pub struct Token {
    id: SessionId,
    secret: Secret,
}

impl Token {
    /// Of a new session.
    pub(crate) fn random() -> Self {
        Self { id: SessionId::random(), secret: Secret::random() }
    }

    pub(crate) fn new(id: SessionId, secret: Secret) -> Self {
        Self { id, secret }
    }

    /// Reads a token; `None` unless the text is exactly what [`expose`](Token::expose) gives.
    ///
    /// Total and canonical: every text either is the one form of one token or is refused, whatever its length.
    ///
    /// ```
    /// # use typed_sessions::Token;
    /// let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    /// assert!(Token::parse(text).is_some());
    /// assert!(Token::parse(&format!("{text}=")).is_none());         // padded
    /// assert!(Token::parse(&text.replace("Hh8", "Hh9")).is_none());  // the same bytes, not in the one form
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = from_base64(text)?;
        let (id, secret) = bytes.split_at(16);
        Some(Self { id: SessionId(id.try_into().ok()?), secret: Secret(secret.try_into().ok()?) })
    }

    /// The text for the client: in a cookie or a header, never in a URL, a log or an error.
    ///
    /// ```
    /// # use typed_sessions::Token;
    /// let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    /// let token = Token::parse(text).expect("a canonical token");
    /// assert_eq!(token.expose(), text);
    /// ```
    pub fn expose(&self) -> String {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.id.0);
        bytes[16..].copy_from_slice(&self.secret.0);
        to_base64(&bytes)
    }

    /// Which session it opens.
    ///
    /// ```
    /// # use typed_sessions::Token;
    /// let token = Token::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").expect("a canonical token");
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
        self.id == other.id && self.secret.0.ct_eq(&other.secret.0).into()
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

/// The half of a token that makes it a credential.
#[derive(Clone)]
pub(crate) struct Secret([u8; 16]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Secret {
    pub(crate) fn random() -> Self {
        Self(random())
    }

    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }

    /// The secret that follows this one: HMAC-SHA256(seed, secret), cut to the length of a secret.
    ///
    /// Whoever presents the same secret gets the same successor, and nobody can compute it from what is stored.
    pub(crate) fn successor(&self, seed: &Seed) -> Self {
        let mut next = [0; 16];
        next.copy_from_slice(&hmac_sha256(&seed.0, &self.0)[..16]);
        Self(next)
    }
}

/// SHA-256 of a secret: all that a store ever sees of one.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash(pub(crate) [u8; 32]);

impl SecretHash {
    /// In constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Random bytes from which a secret's successor is derived.
#[derive(Clone, Copy)]
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl Seed {
    pub(crate) fn random() -> Self {
        Self(random())
    }
}
