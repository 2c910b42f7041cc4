//! The code of a correct struct.
//!
//! Its own names start with `__`, because the user's `default` expressions stand among them; everything else is
//! written by its full path. What the compiler may refuse about a field's type is placed at that type.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};

use crate::ast::{Field, Input, Kind};
use crate::constants::constants;
use crate::generics;
use crate::ty::{place, placed};

/// The constants and the implementation of the trait.
pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let stored: Vec<_> = input.stored().collect();
    let constants = constants(input, &stored, absent_fn);
    let bounds = generics::data_bounds(input).into_iter().chain(generics::field_bounds(input, &input.fields));
    let header = generics::header(input, Some(quote!(#krate::SessionData)), bounds);
    let parts = [specs, initial, read, read_field, write_field, absorb, user].map(|part| part(input));
    quote! {
        #constants

        #[automatically_derived]
        #header {
            #(#parts)*
        }
    }
}

fn specs(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let specs = input.stored().map(|field| spec(input, field));
    quote! {
        const FIELDS: &'static [#krate::__private::FieldSpec] = &[#(#specs),*];
    }
}

fn spec(input: &Input<'_>, field: &Field<'_>) -> TokenStream {
    let krate = &input.krate;
    let key = &field.key.text;
    let mut spec = quote!(#krate::__private::FieldSpec::new(#key));
    if field.attrs.has("user") {
        spec.extend(quote!(.user()));
    }
    if !field.aliases.is_empty() {
        let aliases = field.aliases.iter().map(|alias| &alias.text);
        spec.extend(quote!(.aliases(&[#(#aliases),*])));
    }
    if let Some(millis) = field.attrs.ttl {
        spec.extend(quote!(.ttl(#krate::__private::Duration::from_millis(#millis))));
    }
    if field.attrs.has("until_logout") {
        spec.extend(quote!(.until_logout()));
    }
    if field.attrs.has("or_default") {
        spec.extend(quote!(.or_default()));
    }
    spec
}

fn initial(input: &Input<'_>) -> TokenStream {
    let fields = input.fields.iter().map(|field| {
        let (ident, absent) = (field.ident, absent(field));
        quote!(#ident: #absent)
    });
    quote! {
        fn initial() -> Self {
            Self { #(#fields),* }
        }
    }
}

fn read(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let fields = input.fields.iter().map(|field| {
        let (ident, value) = (field.ident, read_value(field));
        quote!(#ident: #value)
    });
    quote! {
        fn read(__stored: &#krate::__private::Stored<'_>) -> #krate::Result<Self> {
            ::core::result::Result::Ok(Self { #(#fields),* })
        }
    }
}

fn read_field(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let arms = input.stored().map(|field| {
        let (ident, index, value) = (field.ident, field.index(), read_value(field));
        quote!(#index => self.#ident = #value,)
    });
    quote! {
        fn read_field(
            &mut self,
            __index: ::core::primitive::usize,
            __stored: &#krate::__private::Stored<'_>,
        ) -> #krate::Result<()> {
            match __index {
                #(#arms)*
                _ => {}
            }
            ::core::result::Result::Ok(())
        }
    }
}

fn write_field(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let arms = input.stored().map(|field| {
        let (index, value) = (field.index(), write_value(input, field));
        quote!(#index => #value,)
    });
    quote! {
        fn write_field(
            &self,
            __index: ::core::primitive::usize,
        ) -> #krate::Result<::core::option::Option<::std::string::String>> {
            match __index {
                #(#arms)*
                _ => ::core::result::Result::Ok(::core::option::Option::None),
            }
        }
    }
}

fn absorb(input: &Input<'_>) -> TokenStream {
    // Swapped, not moved: nothing can be moved out of a struct that implements `Drop`.
    let swaps =
        input.stored().map(|Field { ident, .. }| quote!(::core::mem::swap(&mut self.#ident, &mut __fresh.#ident);));
    quote! {
        fn absorb(&mut self, mut __fresh: Self) {
            #(#swaps)*
        }
    }
}

fn user(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let Some((ident, user)) = input.user().and_then(|field| Some((field.ident, field.user_type()?))) else {
        return quote!(type User = #krate::NoUser;);
    };
    quote! {
        type User = #user;

        fn user(&self) -> ::core::option::Option<&Self::User> {
            ::core::option::Option::as_ref(&self.#ident)
        }

        fn set_user(&mut self, __user: ::core::option::Option<Self::User>) {
            self.#ident = __user;
        }
    }
}

/// The field's value as read from `__stored`.
fn read_value(field: &Field<'_>) -> TokenStream {
    let (ty, index) = (field.ty, field.index());
    match field.kind() {
        Kind::Skipped => absent(field),
        Kind::Optional(inside) => quote_spanned!(place(ty)=> __stored.read_option::<#inside>(#index)?),
        Kind::Plain => {
            let absent = absent_fn(field);
            quote_spanned!(place(ty)=> __stored.read::<#ty>(#index, #absent)?)
        }
    }
}

/// The field of `self` as it is written.
fn write_value(input: &Input<'_>, field: &Field<'_>) -> TokenStream {
    let (ident, ty, index) = (field.ident, field.ty, field.index());
    let at = place(ty);
    let krate = placed(&input.krate, at);
    match field.kind() {
        Kind::Optional(inside) => {
            quote_spanned!(at=> #krate::__private::write_option::<Self, #inside>(#index, &self.#ident))
        }
        Kind::Plain | Kind::Skipped => quote_spanned!(at=> #krate::__private::write::<Self, #ty>(#index, &self.#ident)),
    }
}

/// The value of a field whose key is absent.
fn absent(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    match (&field.attrs.default, field.kind()) {
        (Some(default), _) => default.to_token_stream(),
        (None, Kind::Optional(_)) => quote!(::core::option::Option::None),
        (None, Kind::Plain | Kind::Skipped) => quote_spanned!(place(ty)=> <#ty as ::core::default::Default>::default()),
    }
}

/// The function that makes [`absent`].
fn absent_fn(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    let default = quote_spanned!(place(ty)=> <#ty as ::core::default::Default>::default);
    field.attrs.default.as_ref().map_or(default, |default| quote!(|| #default))
}
