//! Fields as the column `fields` holds them: one JSON object of strings.
//!
//! Texts are kept as strings, not as JSON values: `jsonb` would reorder their keys and rewrite
//! their numbers. It has no NUL either, which no JSON text contains but a key may, so NUL is
//! escaped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use typed_sessions_core::store::{Fields, Key, Text};
use typed_sessions_core::{Error, Result};

/// Begins an escape: no JSON text contains this character either, so in practice only keys ever
/// have it.
const ESCAPE: char = '\u{1}';

/// A JSON object of these fields.
pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a Key, &'a Text)>) -> String {
    let mut object = vec![b'{'];
    for (key, text) in fields {
        if object.len() > 1 {
            object.push(b',');
        }
        push_string(&mut object, &escape(key.as_str()));
        object.push(b':');
        push_string(&mut object, &escape(text.as_str()));
    }
    object.push(b'}');
    // Made of UTF-8, it is that; and no empty text is a `jsonb`.
    String::from_utf8(object).unwrap_or_default()
}

/// A key as the object has it.
pub(crate) fn key(key: &Key) -> String {
    escape(key.as_str()).into_owned()
}

/// The object in a value of the type `jsonb` as it comes over the wire: behind a version.
pub(crate) fn text_of_jsonb(value: &[u8]) -> Option<&str> {
    let (version, text) = value.split_first()?;
    if *version == 1 { std::str::from_utf8(text).ok() } else { None }
}

/// The fields of an object that [`object`] made. A value that somebody else put there, and that is
/// no string, is an error that names its key.
pub(crate) fn parse(object: &str) -> Result<Fields> {
    let mut strings = Strings { all: String::with_capacity(object.len()), ends: Vec::new() };
    let mut parser = serde_json::Deserializer::from_str(object);
    let read = parser.deserialize_map(Object(&mut strings)).and_then(|()| parser.end());
    let strings: Vec<&str> = strings.iter().collect();
    let (fields, without_text) = strings.as_chunks();
    match (read, without_text) {
        (Ok(()), _) => {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|[key, text]| (*key, *text)).collect();
            Ok(Fields::from_stored(&fields))
        }
        (Err(_), [key]) => Err(Error::corrupt(key, "it is no string in the column `fields`")),
        (Err(_), _) => Err(Error::corrupt("$fields", "the column `fields` is no JSON object")),
    }
}

/// Keys and texts in turn, one behind the other, as they are read.
struct Strings {
    all: String,
    ends: Vec<usize>,
}

impl Strings {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().map(move |end| &self.all[std::mem::replace(&mut begin, *end)..*end])
    }
}

/// Reads an object of strings.
struct Object<'s>(&'s mut Strings);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while map.next_key_seed(OneString(self.0))?.is_some() {
            map.next_value_seed(OneString(self.0))?;
        }
        Ok(())
    }
}

/// Reads one string.
struct OneString<'s>(&'s mut Strings);

impl<'de> DeserializeSeed<'de> for OneString<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> std::result::Result<(), D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for OneString<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, string: &str) -> std::result::Result<(), E> {
        self.0.all.push_str(&unescape(string));
        self.0.ends.push(self.0.all.len());
        Ok(())
    }
}

fn push_string(object: &mut Vec<u8>, text: &str) {
    // Neither a string nor a vector gives an error.
    let _ = serde_json::to_writer(object, text);
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

    #[test]
    fn what_somebody_else_wrote_is_an_error_that_names_the_key() {
        for (object, key) in [
            (r#"{"a": "1", "b": 2}"#, "`b`"),
            (r#"{"a": {"b": "1"}, "c": "1"}"#, "`a`"),
            (r#"["a"]"#, "`$fields`"),
            ("7", "`$fields`"),
        ] {
            let error = parse(object).expect_err("it is no object of strings").to_string();
            assert!(error.contains(key), "{object}: {error}");
        }
        assert_eq!(text_of_jsonb(b"\x01{}"), Some("{}"));
        assert_eq!(text_of_jsonb(b"\x02{}"), None, "a version that we do not know");
        assert_eq!(text_of_jsonb(b""), None);
    }
}
