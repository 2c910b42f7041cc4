//! Changes of a struct's fields, as the store is told of them.

use super::json::Purpose;
use super::session_data::SessionData;
use super::spec::FieldSpec;
use crate::error::Result;
use crate::store::{Edit, Fields, Key, Text};
use crate::time::Timestamp;

/// A field, by its place in the struct, and its new text.
pub(crate) type FieldChange = (usize, Option<String>);

/// Writes a field's text under its key, or removes it. Older keys of the field go either way.
pub(crate) fn put(edit: &mut Edit, spec: &FieldSpec, json: Option<&str>, now: Timestamp) {
    let key = Key::of_field(spec.key);
    match (json, spec.ttl) {
        (None, _) => edit.remove.push(key),
        (Some(json), None) => edit.set.push((key, Text::lasting(json))),
        (Some(json), Some(ttl)) => edit.set.push((key, Text::until(now.after(ttl), json))),
    }
    edit.remove.extend(spec.aliases.iter().map(|alias| Key::of_field(alias)));
}

/// The edit that these changes make.
pub(crate) fn edit_of<D: SessionData>(changes: &[FieldChange], now: Timestamp) -> Edit {
    let mut edit = Edit::default();
    for (index, text) in changes {
        put(&mut edit, &D::__FIELDS[*index], text.as_deref(), now);
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
pub(crate) struct Baseline(Vec<FieldText>);

/// A field's text. `Unknown`, as of a value that cannot be encoded, differs from every text.
#[derive(Debug)]
enum FieldText {
    Known(Option<String>),
    Unknown,
}

impl Baseline {
    /// The texts that the struct has now.
    pub(crate) fn of<D: SessionData>(data: &D) -> Self {
        Self((0..D::__FIELDS.len()).map(|index| FieldText::of(data, index)).collect())
    }

    /// These texts, one for each field.
    pub(crate) fn from_texts(texts: Vec<Option<String>>) -> Self {
        Self(texts.into_iter().map(FieldText::Known).collect())
    }

    /// From now on this field is compared with the text that it has now.
    pub(crate) fn refresh<D: SessionData>(&mut self, data: &D, index: usize) {
        self.0[index] = FieldText::of(data, index);
    }

    /// The fields whose text is no longer this one.
    pub(crate) fn differences<D: SessionData>(&self, data: &D) -> Result<Vec<FieldChange>> {
        let mut changes = Vec::new();
        for (index, before) in self.0.iter().enumerate() {
            let text = data.__write_field(index, Purpose::Compare)?;
            if !before.is(text.as_deref()) {
                changes.push((index, data.__write_field(index, Purpose::Store)?));
            }
        }
        Ok(changes)
    }

    /// Whether any field differs. A value that cannot be encoded does.
    pub(crate) fn differs<D: SessionData>(&self, data: &D) -> bool {
        let mut fields = self.0.iter().enumerate();
        fields.any(|(index, before)| {
            let text = data.__write_field(index, Purpose::Compare);
            !text.is_ok_and(|text| before.is(text.as_deref()))
        })
    }
}

impl FieldText {
    fn of<D: SessionData>(data: &D, index: usize) -> Self {
        let text = data.__write_field(index, Purpose::Compare);
        text.map_or(FieldText::Unknown, FieldText::Known)
    }

    fn is(&self, text: Option<&str>) -> bool {
        matches!(self, FieldText::Known(known) if known.as_deref() == text)
    }
}
