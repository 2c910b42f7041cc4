//! W7: values come back byte for byte.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::json;
use typed_sessions::store::Change;
use typed_sessions::{ErrorKind, SessionData};

use crate::world::{World, is_refused, kind, open};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Tuple(i8, String),
    Struct { deep: Vec<Option<Shape>> },
}

#[derive(Debug, SessionData)]
struct Everything {
    text: String,
    texts: Vec<String>,
    unsigned: u64,
    signed: i64,
    huge: u128,
    float: f64,
    floats: Vec<f64>,
    flag: bool,
    letter: Option<char>,
    #[allow(
        clippy::option_option,
        reason = "users write such things, and both kinds of None must come back"
    )]
    nested: Option<Option<u8>>,
    unit: (),
    shape: Option<Shape>,
    bytes: Vec<u8>,
    map: BTreeMap<String, i32>,
}

fn nasty_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "\0",
        "a\0b",
        "\u{10FFFF}",
        "\u{FFFD}\u{FEFF}\u{200B}\u{202E}",
        "\\u0000",
        "\"'`$1 %s {} [] \\ / \r\n\t\u{1b}\u{7f}\u{85}\u{2028}",
        "null",
        "@1767225600000 \"not a ttl\"",
        "é\u{301}🦀👨‍👩‍👧",
    ]
    .map(str::to_owned)
    .into();
    texts.push("x".repeat(60 << 10));
    texts
}

pub(crate) async fn w7_values_come_back_byte_for_byte(world: World) {
    let sessions =
        world.builder::<Everything>().max_value_bytes(512 << 10).build().expect("consistent");
    let floats = vec![
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        -f64::from_bits(0x000f_ffff_ffff_ffff),
        f64::MAX,
        f64::MIN,
        f64::EPSILON,
        0.1 + 0.2,
        1e23,
        f64::from_bits(0x000f_ffff_ffff_fffe),
        9_007_199_254_740_993.0,
    ];
    let shape =
        Shape::Struct { deep: vec![None, Some(Shape::Unit), Some(Shape::Tuple(-1, "\0".into()))] };
    for text in nasty_texts() {
        let mut session = sessions.start();
        session.text.clone_from(&text);
        session.texts = nasty_texts();
        (session.unsigned, session.signed, session.huge) = (u64::MAX, i64::MIN, u128::MAX);
        session.float = f64::from_bits(1);
        session.floats.clone_from(&floats);
        (session.flag, session.letter, session.nested) = (true, Some('\0'), Some(None));
        session.shape = Some(shape.clone());
        session.bytes = (0..=255).collect();
        session.map = nasty_texts().into_iter().zip(-5..).collect();
        session.save().await.expect("saves");

        let before = session.raw();
        let opened = open(&sessions, &session.token().expose()).await;
        assert_eq!(opened.raw(), before, "a text was changed by the store");
        assert_eq!(opened.text, text);
        assert_eq!(opened.texts, nasty_texts());
        assert_eq!((opened.unsigned, opened.signed, opened.huge), (u64::MAX, i64::MIN, u128::MAX));
        assert_eq!(opened.float.to_bits(), 1);
        let bits = |floats: &[f64]| floats.iter().map(|float| float.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&opened.floats), bits(&floats));
        assert_eq!((opened.flag, opened.letter, opened.unit), (true, Some('\0'), ()));
        assert_eq!(opened.shape.as_ref(), Some(&shape));
        assert_eq!((opened.bytes.len(), opened.bytes[255]), (256, 255));
        assert_eq!(opened.map, nasty_texts().into_iter().zip(-5..).collect());
    }
}

pub(crate) async fn w7_keys_and_texts_are_taken_literally(world: World) {
    let sessions = world.sessions::<Everything>();
    let mut session = sessions.start();
    let mut raw = BTreeMap::new();
    for (n, key) in
        nasty_texts().into_iter().filter(|key| !key.is_empty() && key.len() < 1000).enumerate()
    {
        // JSON as somebody else might have written it: order, spaces, escapes and numbers are
        // theirs.
        let text = r#"{ "b" : 1.0e+2,"a":"\u00e9\/\u0000", "n":1%00000000000000000001.10 }"#;
        raw.insert(key, text.replace('%', &n.to_string()));
    }
    session.extend_raw(&raw).await.expect("writes");
    let stored = open(&sessions, &session.token().expose()).await.raw();
    for (key, text) in &raw {
        assert_eq!(stored.get(key), Some(text), "under the key {key:?}");
    }
}

#[derive(Debug, SessionData)]
struct Unwritable {
    float: f64,
    keyed: HashMap<String, f32>,
    pairs: Vec<((u8, u8), u8)>,
    tuple_keys: HashMap<(u8, u8), u8>,
    safe: u32,
}

pub(crate) async fn w7_what_has_no_json_form_is_refused(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Unwritable>();
    let mut session = sessions.start();
    session.save().await.expect("saves");
    counting.take();
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        session.float = float;
        let error = session.save().await.expect_err("JSON has no such number");
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert!(error.to_string().contains("`float`"), "{error}");
        assert_eq!(kind(session.set(Unwritable::FLOAT, float).await), ErrorKind::Encode);
    }
    session.float = 1.0;
    session.keyed.insert("a".into(), f32::NAN);
    assert_eq!(kind(session.save().await), ErrorKind::Encode);
    session.keyed.clear();
    session.tuple_keys.insert((1, 2), 3);
    assert_eq!(kind(session.save().await), ErrorKind::Encode);
    assert_eq!(counting.cost(), "nothing", "half a session was sent");
    session.tuple_keys.clear();
    session.pairs.push(((1, 2), 3));
    session.safe = 1;
    session.save().await.expect("saves");
    assert!(!is_refused(&sessions, &session.token().expose()).await);
}

pub(crate) async fn w2_maps_in_another_order_are_no_change(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Unordered>();
    let mut session = sessions.start();
    session.map = (0..50).map(|n| (n.to_string(), n)).collect();
    session.save().await.expect("saves");
    let token = session.token().expose();
    counting.take();
    for n in 1..20 {
        // Every opened map has an order of its own.
        let mut session = open(&sessions, &token).await;
        session.count = n;
        session.save().await.expect("saves");
        let change = counting.take().changes.pop().expect("one change");
        let Change::Save(save) = change else { panic!("{change:?}") };
        let keys: Vec<&str> = save.edit.set.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["count"], "a map was written back that nobody changed");
    }
}

#[derive(Debug, SessionData)]
struct Deep {
    value: serde_json::Value,
}

pub(crate) async fn w7_what_is_too_deep_to_read_is_refused(world: World) {
    let sessions = world.sessions::<Deep>();
    let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!([value]));
    let mut session = sessions.start();
    session.value = nested(125);
    session.save().await.expect("deep, but not too deep");
    let token = session.token().expose();
    session.value = nested(128);
    let error = session.save().await.expect_err("what is written must be read again");
    assert_eq!(error.kind(), ErrorKind::Encode);
    let message = error.to_string();
    assert!(message.contains("deeper than 127") && !message.contains("skipped"), "{message}");
    assert_eq!(open(&sessions, &token).await.value, nested(125));
}

#[derive(Debug, SessionData)]
struct Unordered {
    map: HashMap<String, u32>,
    count: u32,
}
