//! Fields as the column `fields` holds them: one JSON object of strings.
//!
//! Texts are kept as strings, not as JSON values: `jsonb` would reorder their keys and rewrite
//! their numbers. It has no NUL either, which no JSON text contains but a key may, so NUL is
//! escaped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use typed_sessions_core::store::{Fields, Key, Text};
use typed_sessions_core::{Error, Result};

/// Begins an escape: no JSON text contains this character either, so in practice only keys ever
/// have it.
const ESCAPE: char = '\u{1}';

/// A JSON object of these fields.
pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a Key, &'a Text)>) -> String {
    let mut object = String::from("{");
    for (key, text) in fields {
        if object.len() > 1 {
            object.push(',');
        }
        push_string(&mut object, &escape(key.as_str()));
        object.push(':');
        push_string(&mut object, &escape(text.as_str()));
    }
    object.push('}');
    object
}

/// A key as the object has it.
pub(crate) fn key(key: &Key) -> String {
    escape(key.as_str()).into_owned()
}

/// The fields of an object that [`object`] made. A value that somebody else put there, and that is
/// no string, is an error that names its key.
pub(crate) fn parse(object: &str) -> Result<Fields> {
    let texts: BTreeMap<String, serde_json::Value> = serde_json::from_str(object)
        .map_err(|_| Error::corrupt("$fields", "the column `fields` is no JSON object"))?;
    let field = |(key, text): (String, serde_json::Value)| {
        let key = unescape(&key);
        match text {
            serde_json::Value::String(text) => {
                Ok((Key::new(&key), Text::from_stored(&unescape(&text))))
            }
            _ => Err(Error::corrupt(&key, "it is no string in the column `fields`")),
        }
    };
    texts.into_iter().map(field).collect()
}

fn push_string(object: &mut String, text: &str) {
    // `Display` of a JSON value escapes what JSON must.
    let _ = write!(object, "{}", serde_json::Value::from(text));
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    escaped.into()
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return text.into();
    }
    text.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w7_every_key_and_text_comes_back() {
        let texts = [
            "",
            "a",
            "\0",
            "\u{1}",
            "\u{1}0",
            "\u{1}1",
            "\0\u{1}1",
            "\u{1}\u{1}0\0",
            "\"\\ü\u{10FFFF}",
        ];
        let fields: Fields =
            texts.iter().map(|text| (Key::new(text), Text::from_stored(text))).collect();
        let object = object(fields.iter());
        assert!(!object.contains("\\u0000"), "jsonb refuses it: {object}");
        assert_eq!(parse(&object).expect("what was made reads back"), fields);
    }
}
