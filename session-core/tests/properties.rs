//! Input from clients and stores: total, canonical, no panic (T1, F3).

use proptest::prelude::*;
use typed_sessions_core::{Header, SessionId, Text, Token, UserId};

proptest! {
    #[test]
    fn t1_token_text_is_the_only_form_of_its_token(text in "[A-Za-z0-9_-]{43}|[A-Za-z0-9+/=_-]{0,60}|\\PC{0,50}") {
        if let Some(token) = Token::parse(&text) {
            prop_assert_eq!(token.expose(), text);
        }
    }

    #[test]
    fn t1_every_32_bytes_are_a_token(bytes in any::<[u8; 32]>()) {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let token = Token::parse(&text).expect("canonical");
        prop_assert_eq!(token.expose(), text);
        let id = token.id();
        prop_assert_eq!(id.as_bytes().as_slice(), &bytes[..16]);
    }

    #[test]
    fn t1_tokens_are_equal_only_if_all_bytes_are(bytes in any::<[u8; 32]>(), position in 0_usize..32, bit in 0_u8..8) {
        use base64::Engine as _;
        let parse = |bytes: [u8; 32]| {
            Token::parse(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)).expect("canonical")
        };
        let mut other = bytes;
        other[position] ^= 1 << bit;
        prop_assert_eq!(parse(bytes), parse(bytes));
        prop_assert_ne!(parse(bytes), parse(other));
    }

    #[test]
    fn session_ids_read_what_they_show(bytes in any::<[u8; 16]>(), noise in "\\PC{0,30}") {
        let id = SessionId::from_bytes(bytes);
        prop_assert_eq!(id.to_string().parse::<SessionId>().expect("canonical"), id);
        if let Ok(id) = noise.parse::<SessionId>() {
            prop_assert_eq!(id.to_string(), noise);
        }
    }

    #[test]
    fn f3_any_text_as_header_is_read_or_refused(noise in "\\PC{0,200}|[{}\\[\\]\":,0-9a-z]{0,200}") {
        let _ = Header::from_text(&noise);
    }

    #[test]
    fn f3_a_damaged_header_is_read_or_refused(at in 0_usize..500, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = HEADER.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        // Whatever is read is written such that it reads again.
        if let Ok(header) = Header::from_text(&String::from_utf8_lossy(&bytes)) {
            let text = header.to_text();
            prop_assert_eq!(Header::from_text(&text).expect("its own text").to_text(), text);
        }
    }

    #[test]
    fn w7_texts_and_user_ids_are_kept_as_they_are(text in "\\PC{0,100}|@[0-9]{0,25} ?.{0,20}") {
        let stored = Text::from_stored(&text);
        prop_assert_eq!(stored.as_str(), text.as_str());
        if let Ok(user) = UserId::new(&text) {
            prop_assert_eq!(user.as_str(), text);
        }
    }
}

const HEADER: &str = concat!(
    r#"{"v":1,"rev":3,"epoch":1,"created":1767225600000,"seen":1767225600000,"deadline":1767227400000,"#,
    r#""absolute":1767268800000,"idle":5000,"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","since":1767225600000,"#,
    r#""seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","previous":{"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","#,
    r#""seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","renewed":1767225600000,"presented":true},"#,
    r#""login":{"user":"7","authenticated":1767225600000,"device":{"label":"Firefox","ip":"::1"}}}"#
);

#[test]
fn header_text_stays_readable() {
    let header = Header::from_text(HEADER).expect("the format of version 0.1");
    assert_eq!(header.to_text(), HEADER, "what is stored today must be read tomorrow");
}

#[test]
fn f2_header_of_another_version_is_refused_by_name() {
    let other = HEADER.replacen("\"v\":1", "\"v\":2", 1);
    let error = Header::from_text(&other).expect_err("another version");
    assert_eq!(
        error.to_string(),
        "the stored key `$header` cannot be read: its format is 2, this version of typed-sessions reads format 1"
    );
}
