//! Changes of a struct's fields, as the store is told of them.

use std::ops::Range;

use super::json::{Purpose, Writer, Written};
use super::session_data::SessionData;
use super::spec::FieldSpec;
use crate::error::Result;
use crate::store::{Edit, Fields, Key, SharedStr, Text};
use crate::time::Timestamp;

/// A field, by its place in the struct, and its new text.
pub(crate) type FieldChange = (usize, Option<SharedStr>);

/// Writes a field's text under its key, or removes it. Older keys of the field go either way.
pub(crate) fn put(edit: &mut Edit, spec: &FieldSpec, json: Option<SharedStr>, now: Timestamp) {
    let key = Key::of_field(spec.key);
    match (json, spec.ttl) {
        (None, _) => edit.remove.push(key),
        (Some(json), None) => edit.set.push((key, Text::lasting(json))),
        (Some(json), Some(ttl)) => edit.set.push((key, Text::until(now.after(ttl), &json))),
    }
    edit.remove.extend(spec.aliases.iter().map(|alias| Key::of_field(alias)));
}

/// The edit that these changes make.
pub(crate) fn edit_of<D: SessionData>(changes: &[FieldChange], now: Timestamp) -> Edit {
    let mut edit = Edit::default();
    for (index, text) in changes {
        put(&mut edit, &D::__FIELDS[*index], text.clone(), now);
    }
    edit
}

/// Everything that a read of this field depends on, for a compare-and-swap.
pub(crate) fn expect_field(spec: &FieldSpec, fields: &Fields) -> Vec<(Key, Option<Text>)> {
    spec.keys().map(|key| (Key::of_field(key), fields.get(key).cloned())).collect()
}

/// The same for all fields of a struct.
pub(crate) fn expect_all<D: SessionData>(fields: &Fields) -> Vec<(Key, Option<Text>)> {
    D::__FIELDS.iter().flat_map(|spec| expect_field(spec, fields)).collect()
}

/// Each field of a struct as text at some moment.
#[derive(Debug)]
pub(crate) struct Baseline {
    /// All texts, one after the other.
    writer: Writer,
    fields: Vec<FieldText>,
}

/// A field's text. `Unknown`, as of a value that cannot be encoded, differs from every text.
#[derive(Clone, Debug)]
enum FieldText {
    /// This part of all texts.
    Known(Range<usize>),
    Absent,
    Unknown,
}

impl Baseline {
    /// The texts that the struct has now, which take about so many bytes.
    pub(crate) fn of<D: SessionData>(data: &D, bytes: usize) -> Self {
        let writer = Writer::with_capacity(bytes, Purpose::Compare);
        let mut baseline = Self { writer, fields: Vec::with_capacity(D::__FIELDS.len()) };
        for index in 0..D::__FIELDS.len() {
            let text = baseline.write(data, index);
            baseline.fields.push(text);
        }
        baseline
    }

    fn write<D: SessionData>(&mut self, data: &D, index: usize) -> FieldText {
        let start = self.writer.bytes().len();
        match data.__write_field(index, &mut self.writer) {
            Ok(Written::Text) => FieldText::Known(start..self.writer.bytes().len()),
            Ok(Written::Nothing) => FieldText::Absent,
            Err(_) => FieldText::Unknown,
        }
    }

    /// The same, if all of them can be stored.
    pub(crate) fn to_store<D: SessionData>(data: &D) -> Result<Self> {
        let writer = Writer::new(Purpose::Store);
        let mut baseline = Self { writer, fields: Vec::with_capacity(D::__FIELDS.len()) };
        for index in 0..D::__FIELDS.len() {
            let start = baseline.writer.bytes().len();
            let text = match data.__write_field(index, &mut baseline.writer)? {
                Written::Text => FieldText::Known(start..baseline.writer.bytes().len()),
                Written::Nothing => FieldText::Absent,
            };
            baseline.fields.push(text);
        }
        baseline.writer.go_on(Purpose::Compare);
        Ok(baseline)
    }

    /// All of them, as changes of a struct that has no field yet.
    pub(crate) fn all(&self) -> Vec<FieldChange> {
        let text = |text: &FieldText| match text {
            FieldText::Known(range) => {
                str::from_utf8(&self.writer.bytes()[range.clone()]).ok().map(SharedStr::new)
            }
            FieldText::Absent | FieldText::Unknown => None,
        };
        self.fields.iter().map(text).enumerate().collect()
    }

    /// From now on this field is compared with the text that it has now.
    pub(crate) fn refresh<D: SessionData>(&mut self, data: &D, index: usize) {
        self.fields[index] = self.write(data, index);
        let needed: usize = self.texts().map(<[u8]>::len).sum();
        // What a field was before lies there until it is most of all.
        if self.writer.bytes().len() > 2 * needed + 1024 {
            let mut kept = Writer::with_capacity(needed, Purpose::Compare);
            for field in &mut self.fields {
                if let FieldText::Known(range) = field {
                    *range = kept.append(&self.writer.bytes()[range.clone()]);
                }
            }
            self.writer = kept;
        }
    }

    /// The texts that there are.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter_map(|field| match field {
            FieldText::Known(range) => Some(&self.writer.bytes()[range.clone()]),
            FieldText::Absent | FieldText::Unknown => None,
        })
    }

    /// The fields whose text is no longer this one.
    pub(crate) fn differences<D: SessionData>(&self, data: &D) -> Result<Vec<FieldChange>> {
        let mut changes = Vec::new();
        let mut scratch = self.scratch();
        for index in 0..self.fields.len() {
            scratch.start_again(Purpose::Compare);
            let written = data.__write_field(index, &mut scratch)?;
            if !self.has(index, written, scratch.bytes()) {
                scratch.start_again(Purpose::Store);
                let written = data.__write_field(index, &mut scratch)?;
                changes.push((index, scratch.text(written)));
            }
        }
        Ok(changes)
    }

    /// Whether any field differs. A value that cannot be encoded does.
    pub(crate) fn differs<D: SessionData>(&self, data: &D) -> bool {
        let mut scratch = self.scratch();
        (0..self.fields.len()).any(|index| {
            scratch.start_again(Purpose::Compare);
            let written = data.__write_field(index, &mut scratch);
            !written.is_ok_and(|written| self.has(index, written, scratch.bytes()))
        })
    }

    fn scratch(&self) -> Writer {
        let longest = self.texts().map(<[u8]>::len).max();
        Writer::with_capacity(longest.unwrap_or(0), Purpose::Compare)
    }

    fn has(&self, index: usize, written: Written, text: &[u8]) -> bool {
        match (&self.fields[index], written) {
            (FieldText::Known(range), Written::Text) => self.writer.bytes()[range.clone()] == *text,
            (FieldText::Absent, Written::Nothing) => true,
            _ => false,
        }
    }
}

/// A field's text, to be stored; `None` when its key is to be absent.
pub(crate) fn text_of<D: SessionData>(data: &D, index: usize) -> Result<Option<SharedStr>> {
    let mut writer = Writer::new(Purpose::Store);
    let written = data.__write_field(index, &mut writer)?;
    Ok(writer.text(written))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{NoUser, Stored, json};

    /// A struct with one field.
    struct Large(String);

    impl SessionData for Large {
        type User = NoUser;

        const __FIELDS: &'static [FieldSpec] = &[FieldSpec::new("large"), FieldSpec::new("small")];

        fn __initial() -> Self {
            Self(String::new())
        }

        fn __read(_: &Stored<'_>) -> Result<Self> {
            Ok(Self::__initial())
        }

        fn __read_field(&mut self, _: usize, _: &Stored<'_>) -> Result<()> {
            Ok(())
        }

        fn __write_field(&self, index: usize, writer: &mut Writer) -> Result<Written> {
            let written = match index {
                0 => json::write_present(&self.0, writer),
                _ => json::write_present(&7, writer),
            };
            written.map_err(|failure| failure.encoding("large"))
        }

        fn __absorb(&mut self, _: Self) {}
    }

    #[test]
    fn a_handle_that_lives_long_keeps_no_texts_of_before() {
        let mut data = Large("x".repeat(10_000));
        let mut baseline = Baseline::of(&data, 0);
        for round in 0..100 {
            data.0.push('y');
            let changes = baseline.differences(&data).expect("can be stored");
            assert_eq!(changes.len(), 1, "round {round}");
            baseline.refresh(&data, 0);
            assert!(!baseline.differs(&data), "round {round}");
            assert!(baseline.writer.bytes().len() < 40_000, "round {round}");
        }
        data.0.clear();
        assert!(baseline.differs(&data));
        assert_eq!(baseline.all()[1].1.as_deref(), Some("7"));
    }
}
