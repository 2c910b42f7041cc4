//! The headers of the implementations: `impl<T> SessionData for Page<T> where ...`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{ConstParam, GenericParam, TypeParam};

use crate::ast::{Field, Input, Kind};
use crate::ty::mentions;

/// `impl<T> Page<T> where ...`, or `impl<T> Trait for Page<T> where ...`, with the struct's own
/// bounds and `more`.
pub(crate) fn header(
    input: &Input<'_>,
    of_trait: Option<TokenStream>,
    more: impl IntoIterator<Item = TokenStream>,
) -> TokenStream {
    let ident = input.ident;
    let (parameters, arguments, own) = input.generics.split_for_impl();
    let of_trait = of_trait.map(|path| quote!(#path for));
    let own = own.iter().flat_map(|own| &own.predicates).map(ToTokens::to_token_stream);
    let bounds: Vec<_> = own.chain(more).collect();
    let bounds = (!bounds.is_empty()).then(|| quote!(where #(#bounds),*));
    quote!(impl #parameters #of_trait #ident #arguments #bounds)
}

/// What the trait itself, `SessionData: Send + 'static`, asks of a struct with parameters.
pub(crate) fn data_bounds(input: &Input<'_>) -> Option<TokenStream> {
    (!input.generics.params.is_empty()).then(|| quote!(Self: ::core::marker::Send + 'static))
}

/// What storing these fields asks of their types, for those types that depend on a parameter.
pub(crate) fn field_bounds<'i>(
    input: &Input<'_>,
    fields: impl IntoIterator<Item = &'i Field<'i>>,
) -> Vec<TokenStream> {
    let parameter = |parameter| match parameter {
        &GenericParam::Type(TypeParam { ref ident, .. })
        | &GenericParam::Const(ConstParam { ref ident, .. }) => Some(ident),
        GenericParam::Lifetime(_) => None,
    };
    let mut names: Vec<&Ident> = input.generics.params.iter().filter_map(parameter).collect();
    let this = format_ident!("Self");
    if !names.is_empty() {
        names.push(&this);
    }
    let dependent = fields.into_iter().filter(|field| mentions(field.ty, &names));
    dependent.filter_map(|field| field_bound(input, field)).collect()
}

fn field_bound(input: &Input<'_>, field: &Field<'_>) -> Option<TokenStream> {
    let krate = &input.krate;
    let ty = field.ty;
    let stored = quote!(#krate::__private::Serialize + #krate::__private::DeserializeOwned);
    let default = field.attrs.default.is_none().then(|| quote!(::core::default::Default));
    match field.kind() {
        Kind::Optional(user) if field.attrs.has("user") => Some(quote!(#user: #krate::SessionUser)),
        Kind::Optional(inside) => Some(quote!(#inside: #stored)),
        Kind::Plain => {
            let default = default.map(|default| quote!(+ #default));
            Some(quote!(#ty: #stored #default))
        }
        Kind::Skipped => default.map(|default| quote!(#ty: #default)),
    }
}
