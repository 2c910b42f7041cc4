//! Input from clients and stores: total, canonical, no panic (T1, F3).

use proptest::prelude::*;
use typed_sessions_core::store::{Header, Text};
use typed_sessions_core::{SessionId, Timestamp, Token, UserId};

proptest! {
    #[test]
    fn t1_token_text_is_the_only_form_of_its_token(text in "[A-Za-z0-9_-]{54}|[A-Za-z0-9+/=_-]{0,60}|\\PC{0,50}") {
        if let Some(token) = Token::parse(&text) {
            prop_assert_eq!(token.expose(), text);
        }
    }

    #[test]
    fn t1_every_40_bytes_are_a_token(bytes in any::<[u8; 40]>()) {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let token = Token::parse(&text).expect("canonical");
        prop_assert_eq!(token.expose(), text);
        let id = token.id();
        prop_assert_eq!(id.as_bytes().as_slice(), &bytes[..16]);
    }

    #[test]
    fn t1_tokens_are_equal_only_if_all_bytes_are(bytes in any::<[u8; 40]>(), position in 0_usize..40, bit in 0_u8..8) {
        use base64::Engine as _;
        let parse = |bytes: [u8; 40]| {
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
    fn timestamps_read_what_they_show(millis in 0_u64..253_402_300_800_000, noise in "\\PC{0,30}") {
        let timestamp = Timestamp::from_millis(millis);
        prop_assert_eq!(timestamp.to_string().parse::<Timestamp>().expect("RFC 3339"), timestamp);
        let json = serde_json::to_string(&timestamp).expect("a text");
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("its own text"), timestamp);
        let _ = noise.parse::<Timestamp>();
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
    r#"{"v":3,"rev":3,"epoch":1,"created":1767225600000,"seen":1767225600000,"#,
    r#""deadline":1767227400000,"absolute":1767268800000,"period":1767225600000,"idle":5000,"#,
    r#""remembered":true,"lineage":"AAAAAAAAAAAAAAAAAAAAAA","#,
    r#""hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","since":1767225600000,"#,
    r#""seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","#,
    r#""previous":{"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","#,
    r#""seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","#,
    r#""renewed":1767225600000,"presented":1767225600000},"replaced":1767225600000,"#,
    r#""login":{"user":"7","authenticated":1767225600000,"#,
    r#""device":{"label":"Firefox","ip":"::1"}}}"#
);

#[test]
fn header_text_stays_readable() {
    let header = Header::from_text(HEADER).expect("the format of version 0.1");
    assert_eq!(header.to_text(), HEADER, "what is stored today must be read tomorrow");
}

#[test]
fn f2_header_of_another_version_is_refused_by_name() {
    for version in [1, 2, 4] {
        let other = HEADER.replacen("\"v\":3", &format!("\"v\":{version}"), 1);
        let error = Header::from_text(&other).expect_err("another version");
        assert_eq!(
            error.to_string(),
            format!(
                "the stored key `$header` cannot be read: its format is {version}, this version of \
                 typed-sessions reads format 3"
            )
        );
    }
    // As version 0.1 before this one wrote it.
    let first = r#"{"v":1,"rev":0,"epoch":0,"created":1,"seen":1,"deadline":1,"absolute":1}"#;
    let error = Header::from_text(first).expect_err("another version");
    assert!(error.to_string().contains("its format is 1"), "{error}");
}

#[test]
fn instants_show_as_rfc_3339() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (1_767_225_600_000, "2026-01-01T00:00:00Z"),
        (1_767_225_600_120, "2026-01-01T00:00:00.12Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "9999-12-31T23:59:59.999Z"),
        (u64::MAX, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(Timestamp::from_millis(millis).to_string(), text);
    }
    for (text, millis) in [
        ("2026-01-01T01:30:00+01:30", Some(1_767_225_600_000)),
        ("2026-01-01t00:00:00.0009z", Some(1_767_225_600_000)),
        ("1969-12-31T23:59:59Z", None),
        ("2026-01-01", None),
        ("2026-13-01T00:00:00Z", None),
        ("", None),
    ] {
        assert_eq!(text.parse::<Timestamp>().ok().map(Timestamp::as_millis), millis, "{text}");
    }
}
