//! The rules for a whole struct.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Data, DeriveInput, Fields};

use crate::ast::{Field, Input};
use crate::problems::Problems;
use crate::ty::{is_reference, option_argument};

/// What says the opposite of `skip`.
const WITH_SKIP: [(&str, &str); 6] = [
    ("key", "a skipped field is not stored and has no key: remove `key` or `skip`"),
    ("alias", "a skipped field is not stored and has no key: remove `alias` or `skip`"),
    ("ttl", "a skipped field is not stored and cannot expire: remove `ttl` or `skip`"),
    ("user", "a skipped field is not stored, and the user must be: remove `skip`"),
    (
        "until_logout",
        "a skipped field is not stored, so logout cannot clear it: remove `until_logout` or `skip`",
    ),
    (
        "or_default",
        "a skipped field is not stored, so it is the default in any case: remove `or_default` or `skip`",
    ),
];

/// What says the opposite of `user`.
const WITH_USER: [(&str, &str); 4] = [
    ("ttl", "the user stays until logout or the end of the session: remove `ttl`"),
    ("default", "a new session has no user, and only login sets one: remove `default`"),
    ("until_logout", "logout clears the user in any case: remove `until_logout`"),
    (
        "or_default",
        "a user that cannot be read must be an error, not a silent logout: remove `or_default`",
    ),
];

/// The message for what borrows.
const OWNED: &str = "session data owns its values and cannot borrow them: \
                     write `String` instead of `&str`, `Vec<T>` instead of `&[T]`";

/// Session data is a struct with named fields that owns its values.
pub(crate) fn shape(input: &DeriveInput, problems: &mut Problems) {
    let name = &input.ident;
    let found = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => None,
            Fields::Unnamed(_) => Some("is a tuple struct"),
            Fields::Unit => Some("has no fields"),
        },
        Data::Enum(_) => Some("is an enum"),
        Data::Union(_) => Some("is a union"),
    };
    if let Some(found) = found {
        let needed =
            "`SessionData` needs a struct with named fields, such as `struct Shop { visits: u32 }`";
        problems.report(name, format!("{needed}: `{name}` {found}"));
    }
    for lifetime in input.generics.lifetimes() {
        problems.report(lifetime, OWNED);
    }
}

/// The rules for fields, each alone and all together.
pub(crate) fn fields(input: &Input<'_>, problems: &mut Problems) {
    if let Some(namespace) = &input.namespace {
        check_key(&namespace.value(), "namespace", namespace, problems);
    }
    for field in &input.fields {
        contradictions(field, problems);
        types(field, problems);
        for key in field.keys() {
            check_key(&key.name, "key", &key.place, problems);
        }
    }
    one_user(input, problems);
    distinct_keys(input, problems);
    distinct_constants(input, problems);
}

/// Attributes that say opposite things.
fn contradictions(field: &Field<'_>, problems: &mut Problems) {
    let contradictions: &[_] = if field.attrs.has("skip") {
        &WITH_SKIP
    } else if field.attrs.has("user") {
        &WITH_USER
    } else {
        &[]
    };
    for (name, message) in contradictions {
        if let Some(written) = field.attrs.get(name) {
            problems.report(written, message);
        }
    }
}

/// What the attributes ask of the field's type.
fn types(field: &Field<'_>, problems: &mut Problems) {
    if !field.is_stored() {
        return;
    }
    let ty = field.ty;
    let inside = option_argument(ty);
    if field.attrs.has("user") && inside.is_none() {
        problems.report(ty, "a session can be without a user: make this type an `Option`");
    }
    if field.attrs.has("ttl") && inside.is_none() {
        problems.report(ty, "a value with a `ttl` can be gone: make this type an `Option`");
    }
    if is_reference(inside.unwrap_or(ty)) {
        problems.report(ty, OWNED);
    }
}

fn one_user(input: &Input<'_>, problems: &mut Problems) {
    let mut users = input.fields.iter().filter_map(|field| Some((field, field.attrs.get("user")?)));
    if let Some((first, _)) = users.next() {
        for (_, second) in users {
            problems.report(
                second,
                format!("a session has one user: the field `{}` is it already", first.ident),
            );
        }
    }
}

fn distinct_keys(input: &Input<'_>, problems: &mut Problems) {
    let mut owners = Owners::default();
    for field in input.stored() {
        // An empty key has its own message.
        for key in field.keys().filter(|key| !key.name.is_empty()) {
            let text = &key.text;
            if let Some(owner) = owners.enter(text.clone(), field.ident) {
                problems.report(
                    &key.place,
                    format!("the key `{text}` is taken: the field `{owner}` has it already"),
                );
            }
        }
    }
}

fn distinct_constants(input: &Input<'_>, problems: &mut Problems) {
    let mut owners = Owners::default();
    for field in input.stored() {
        let constant = field.constant();
        if let Some(owner) = owners.enter(constant.to_string(), field.ident) {
            let both = format!(
                "both this field and `{owner}` would get the constant `{constant}`: rename one of them"
            );
            problems.report(field.ident, both);
        }
    }
}

/// Which field was the first to have a name.
#[derive(Default)]
struct Owners<'a>(HashMap<String, &'a Ident>);

impl<'a> Owners<'a> {
    /// The field that has the name already; if there is none, `field` has it from now on.
    fn enter(&mut self, name: String, field: &'a Ident) -> Option<&'a Ident> {
        match self.0.entry(name) {
            Entry::Occupied(entry) => Some(entry.get()),
            Entry::Vacant(entry) => {
                entry.insert(field);
                None
            }
        }
    }
}

/// `what` is a key or a namespace.
fn check_key(text: &str, what: &str, place: &impl ToTokens, problems: &mut Problems) {
    if text.is_empty() {
        problems.report(place, format!("the {what} is empty: name it, or leave the attribute out"));
    } else if text.starts_with('$') {
        problems.report(
            place,
            format!("a {what} that starts with `$` is reserved: choose another name"),
        );
    }
}
