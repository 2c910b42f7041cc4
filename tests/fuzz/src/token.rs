//! Input from clients.

use typed_sessions::{MemoryStore, SessionData, SessionId, Sessions, Token};

use crate::now;

#[derive(SessionData)]
struct Nothing {}

/// Every text is the one form of one token, or is refused; the same for session ids. What is no
/// token of a session opens none, ends none, and leaves nothing behind.
///
/// # Panics
/// When that does not hold.
pub fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let token = Token::parse(&text);
    if let Some(token) = &token {
        assert_eq!(token.expose(), text, "a token has one form");
        assert_eq!(Token::parse(&token.expose()).as_ref(), Some(token));
        assert!(!format!("{token:?} {token}").contains(text.as_ref()), "it shows itself");
        assert_same_id(&token.id().to_string());
    }
    assert_same_id(&text);

    let store = MemoryStore::new();
    let sessions = Sessions::<Nothing>::new(store.clone());
    let opened = now(sessions.open(&text)).expect("a foreign token is no error");
    assert!(opened.is_none(), "nothing is stored");
    assert!(!now(sessions.revoke_token(&text)).expect("a foreign token is no error"));
    assert_eq!(store.session_count(), 0, "a foreign id is not adopted");
}

/// What reads as an id shows as the same text.
fn assert_same_id(text: &str) {
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.to_string(), text, "an id has one form");
        assert_eq!(SessionId::from_bytes(*id.as_bytes()), id);
    }
}
