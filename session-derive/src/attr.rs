//! What the user wrote in `#[session(...)]`.

use proc_macro2::Ident;
use syn::{Attribute, Error, Expr, LitStr, Path, Result};

use crate::duration;
use crate::item::{self, Item};
use crate::problems::Problems;

/// What may stand in `#[session(...)]` on the struct.
const ON_STRUCT: [&str; 2] = ["namespace", "crate"];

/// What may stand in `#[session(...)]` on a field.
const ON_FIELD: [&str; 8] =
    ["key", "alias", "default", "ttl", "user", "until_logout", "or_default", "skip"];

/// The attributes of the struct.
#[derive(Default)]
pub(crate) struct StructAttrs {
    pub(crate) namespace: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

/// The attributes of one field. A value that was not understood is `None` here, but its name is
/// among the names.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    names: Vec<Ident>,
    pub(crate) key: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) default: Option<Expr>,
    /// In milliseconds.
    pub(crate) ttl: Option<u64>,
}

impl StructAttrs {
    /// Reads the attributes of the struct.
    pub(crate) fn read(attributes: &[Attribute], problems: &mut Problems) -> Self {
        let mut attrs = Self::default();
        let mut names = Vec::new();
        for item in item::items(attributes, problems) {
            if problems.value(check_name(&item.name, &names, &ON_STRUCT)).is_none() {
                continue;
            }
            names.push(item.name.clone());
            if item.name == "namespace" {
                attrs.namespace = problems.value(item.string("namespace = \"cart\""));
            } else {
                attrs.krate = problems.value(item.path("crate = path::to::typed_sessions"));
            }
        }
        attrs
    }
}

impl FieldAttrs {
    /// Reads the attributes of one field.
    pub(crate) fn read(attributes: &[Attribute], problems: &mut Problems) -> Self {
        let mut attrs = Self::default();
        for item in item::items(attributes, problems) {
            if problems.value(check_name(&item.name, &attrs.names, &ON_FIELD)).is_some() {
                attrs.names.push(item.name.clone());
                problems.value(attrs.take(item));
            }
        }
        attrs
    }

    /// The name of the attribute as it was written, for errors; `None` when the field does not have
    /// the attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&Ident> {
        self.names.iter().find(|written| *written == name)
    }

    /// Is the attribute there?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn take(&mut self, item: Item) -> Result<()> {
        match item.name.to_string().as_str() {
            "key" => self.key = Some(item.string("key = \"lang\"")?),
            "alias" => self.aliases.push(item.string("alias = \"locale\"")?),
            "default" => self.default = Some(item.expression("default = 1")?),
            "ttl" => self.ttl = Some(ttl(&item.string("ttl = \"5m\"")?)?),
            _ => item.flag()?,
        }
        Ok(())
    }
}

fn ttl(text: &LitStr) -> Result<u64> {
    let value = text.value();
    duration::parse(&value).map_err(|mistake| Error::new_spanned(text, mistake.message(&value)))
}

/// Refuses a name that is not one of `valid`, and one that stands there already.
fn check_name(name: &Ident, earlier: &[Ident], valid: &[&str]) -> Result<()> {
    let written = name.to_string();
    if !valid.contains(&written.as_str()) {
        return Err(Error::new_spanned(name, unknown(&written, valid)));
    }
    if written != "alias" && earlier.contains(name) {
        return Err(Error::new_spanned(
            name,
            format!("`{written}` is given twice: keep one of them"),
        ));
    }
    Ok(())
}

/// The message for a name that is not one of `valid`.
fn unknown(name: &str, valid: &[&str]) -> String {
    if ON_STRUCT.contains(&name) {
        return format!("`{name}` belongs on the struct, not on a field");
    }
    if ON_FIELD.contains(&name) {
        return format!("`{name}` belongs on a field, not on the struct");
    }
    let distance = |candidate: &&&str| strsim::damerau_levenshtein(name, candidate);
    match valid.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= nearest.len().div_ceil(3) => {
            format!("unknown attribute `{name}`: did you mean `{nearest}`?")
        }
        _ => format!("unknown attribute `{name}`: there are `{}`", valid.join("`, `")),
    }
}
