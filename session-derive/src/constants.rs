//! The constants that name a struct's fields: `Shop::CART`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Meta;

use crate::ast::{Field, Input, Kind};
use crate::generics;
use crate::ty::{place, placed};

/// One constant for each of `fields`; `absent_fn` makes the function for an absent key.
pub(crate) fn constants(
    input: &Input<'_>,
    fields: &[&Field<'_>],
    absent_fn: fn(&Field<'_>) -> TokenStream,
) -> TokenStream {
    if fields.is_empty() {
        return TokenStream::new();
    }
    let header =
        generics::header(input, None, generics::field_bounds(input, fields.iter().copied()));
    let constants = fields.iter().map(|field| constant(input, field, &absent_fn(field)));
    quote! {
        #[allow(dead_code)]
        #header {
            #(#constants)*
        }
    }
}

fn constant(input: &Input<'_>, field: &Field<'_>, absent: &TokenStream) -> TokenStream {
    let Field { ident, vis, ty, .. } = field;
    let (docs, name, index) = (docs(field), field.constant(), field.index());
    let at = place(ty);
    let krate = placed(&input.krate, at);
    let slot = quote_spanned!(at=> |__data| &mut __data.#ident);
    match field.kind() {
        Kind::Optional(inside) => quote_spanned! {at=>
            #docs
            #vis const #name: #krate::Field<Self, #ty, #inside> = #krate::Field::optional(#index, #slot);
        },
        Kind::Plain => quote_spanned! {at=>
            #docs
            #vis const #name: #krate::Field<Self, #ty> = #krate::Field::plain(#index, #slot, #absent);
        },
        Kind::Skipped => TokenStream::new(),
    }
}

/// The field's own docs, or a sentence for a field without.
fn docs(field: &Field<'_>) -> TokenStream {
    let docs = &field.docs;
    let has_text = docs.iter().any(|doc| matches!(doc.meta, Meta::NameValue(_)));
    let sentence = (!has_text).then(|| {
        let sentence =
            format!(" The field `{}`, stored under the key `{}`.", field.ident, field.key.text);
        quote!(#[doc = #sentence])
    });
    quote!(#(#docs)* #sentence)
}
