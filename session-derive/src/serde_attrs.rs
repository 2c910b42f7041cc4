//! `#[serde(...)]` on a field of session data: each field is stored by itself, so what serde would
//! do with it inside of the struct does not happen. Whoever wrote it may believe that it does.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

use crate::attr::FieldAttrs;
use crate::problems::Problems;

/// What serde knows that would change what is stored, how to say it here, and which attributes of
/// ours show that the field's fate is known. `key` and `skip` do so for all of them.
const IGNORED: [(&str, &str, &str); 11] = [
    ("skip", STORED, ""),
    ("skip_serializing", STORED, ""),
    ("skip_deserializing", STORED, ""),
    ("skip_serializing_if", STORED, ""),
    ("rename", "write `#[session(key = \"...\")]` for the key under which it is stored", ""),
    ("alias", "write `#[session(alias = \"...\")]` for an older key", "alias"),
    ("default", "write `#[session(default = expression)]` for a value of an absent key", "default"),
    ("with", WRAP, ""),
    ("serialize_with", WRAP, ""),
    ("deserialize_with", WRAP, ""),
    (
        "flatten",
        "each field is stored under a key of its own: write its fields into this struct",
        "",
    ),
];

const STORED: &str = "the field is stored all the same: write `#[session(skip)]` if it must not be, \
                      or `#[session(key = \"...\")]` if it must";

const WRAP: &str = "put the value into a type of yours that serializes like this, \
                    or write `#[session(key = \"...\")]` if its own form is meant";

/// Reports what would be ignored.
pub(crate) fn check(attributes: &[Attribute], ours: &FieldAttrs, problems: &mut Problems) {
    if ours.has("skip") || ours.has("key") {
        return;
    }
    for path in attributes.iter().flat_map(names) {
        let ignored = IGNORED.iter().find(|(name, _, _)| path.is_ident(name));
        if let Some((name, advice, instead)) = ignored
            && !ours.has(instead)
        {
            problems.report(path, format!("`#[serde({name})]` has no effect here; {advice}"));
        }
    }
}

/// The names in a `#[serde(...)]`, but for a plain `default`, which is what happens anyway. What is
/// not understood is serde's to report.
fn names(attribute: &Attribute) -> Vec<Path> {
    let list = match &attribute.meta {
        Meta::List(list) if list.path.is_ident("serde") => list,
        _ => return Vec::new(),
    };
    let metas = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    let is_plain_default =
        |meta: &Meta| matches!(meta, Meta::Path(path) if path.is_ident("default"));
    let metas = metas.into_iter().flatten().filter(|meta| !is_plain_default(meta));
    metas.map(|meta| meta.path().clone()).collect()
}
