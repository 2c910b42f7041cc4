//! The struct as the rest of the macro sees it.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, Data, DataStruct, DeriveInput, Fields, Generics, Index, LitStr, Path, Type,
    Visibility, parse_quote,
};

use crate::attr::{FieldAttrs, StructAttrs};
use crate::problems::Problems;
use crate::serde_attrs;
use crate::ty::option_argument;

/// The struct.
pub(crate) struct Input<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// Where the library is.
    pub(crate) krate: Path,
    pub(crate) namespace: Option<LitStr>,
    /// All fields, in the order of the struct; none when it has no named fields.
    pub(crate) fields: Vec<Field<'a>>,
}

/// One field.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) ty: &'a Type,
    /// Its `#[doc]` attributes, doc comments included.
    pub(crate) docs: Vec<&'a Attribute>,
    pub(crate) attrs: FieldAttrs,
    pub(crate) key: Key,
    /// Older keys.
    pub(crate) aliases: Vec<Key>,
    /// Where it stands among the stored fields.
    position: usize,
}

/// A key under which a field is written or read.
pub(crate) struct Key {
    /// The key as the store sees it.
    pub(crate) text: String,
    /// The key without the namespace.
    pub(crate) name: String,
    /// Where the user wrote it: a string, or the field's name.
    pub(crate) place: TokenStream,
}

impl Key {
    fn new(name: String, place: &impl ToTokens, namespace: Option<&LitStr>) -> Self {
        let text = match namespace {
            Some(namespace) => format!("{}.{name}", namespace.value()),
            None => name.clone(),
        };
        Self { text, name, place: place.to_token_stream() }
    }
}

/// How a field is stored.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// Not at all.
    Skipped,
    /// An `Option` of this type whose `None` is an absent key.
    Optional(&'a Type),
    /// A value, with a default for an absent key.
    Plain,
}

impl<'a> Input<'a> {
    /// Reads the input; what is wrong in the attributes is left out and reported.
    pub(crate) fn read(input: &'a DeriveInput, problems: &mut Problems) -> Self {
        let StructAttrs { namespace, krate } = StructAttrs::read(&input.attrs, problems);
        let named = match &input.data {
            Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) => {
                fields.named.iter().collect()
            }
            _ => Vec::new(),
        };
        let named =
            named.into_iter().filter_map(|field: &syn::Field| Some((field, field.ident.as_ref()?)));
        let mut fields = Vec::new();
        let mut position = 0;
        for field in named {
            let field = Field::read(field, position, namespace.as_ref(), problems);
            position += usize::from(field.is_stored());
            fields.push(field);
        }
        let krate = krate.unwrap_or_else(|| parse_quote!(::typed_sessions));
        Self { ident: &input.ident, generics: &input.generics, krate, namespace, fields }
    }

    /// The fields that are stored, in the order of `SessionData::__FIELDS`.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(|field| field.is_stored())
    }

    /// The first `#[session(user)]` field.
    pub(crate) fn user(&self) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.attrs.has("user"))
    }
}

impl<'a> Field<'a> {
    fn read(
        (field, ident): (&'a syn::Field, &'a Ident),
        position: usize,
        namespace: Option<&LitStr>,
        problems: &mut Problems,
    ) -> Self {
        let attrs = FieldAttrs::read(&field.attrs, problems);
        serde_attrs::check(&field.attrs, &attrs, problems);
        let key = match &attrs.key {
            Some(key) => Key::new(key.value(), key, namespace),
            None => Key::new(ident.unraw().to_string(), ident, namespace),
        };
        let aliases =
            attrs.aliases.iter().map(|alias| Key::new(alias.value(), alias, namespace)).collect();
        let docs =
            field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect();
        Self { ident, vis: &field.vis, ty: &field.ty, docs, attrs, key, aliases, position }
    }

    /// Its index in `SessionData::__FIELDS`, as a literal.
    pub(crate) fn index(&self) -> Index {
        Index::from(self.position)
    }

    pub(crate) fn is_stored(&self) -> bool {
        !matches!(self.kind(), Kind::Skipped)
    }

    /// The `T` of an `Option<T>`: what login puts into the user field.
    pub(crate) fn user_type(&self) -> Option<&'a Type> {
        option_argument(self.ty)
    }

    /// Its key and then its aliases.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(&self.aliases)
    }

    /// How the field is stored.
    pub(crate) fn kind(&self) -> Kind<'a> {
        match option_argument(self.ty) {
            _ if self.attrs.has("skip") => Kind::Skipped,
            Some(inside) if !self.attrs.has("default") => Kind::Optional(inside),
            _ => Kind::Plain,
        }
    }

    /// The name of the field's constant: `CART` for `cart`.
    pub(crate) fn constant(&self) -> Ident {
        let name = self.ident.unraw().to_string().to_uppercase();
        let mut constant = syn::parse_str(&name).unwrap_or_else(|_| self.ident.clone());
        constant.set_span(self.ident.span());
        constant
    }
}
