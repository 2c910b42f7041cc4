//! The code of a correct struct.
//!
//! Its own names start with `__`, because the user's `default` expressions stand among them;
//! everything else is written by its full path. What the compiler may refuse about a field's type
//! is placed at that type.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};

use crate::ast::{Field, Input, Kind};
use crate::constants::constants;
use crate::generics;
use crate::ty::place;

/// The constants and the implementation of the trait.
pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let constants = constants(input, &input.stored().collect::<Vec<_>>(), absent_fn);
    let bounds = generics::data_bounds(input)
        .into_iter()
        .chain(generics::field_bounds(input, &input.fields));
    let header = generics::header(input, Some(quote!(#krate::SessionData)), bounds);
    let parts =
        [specs, initial, read, read_field, write_field, absorb, user].map(|part| part(input));
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
        const __FIELDS: &'static [#krate::__private::FieldSpec] = &[#(#specs),*];
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
        let (ident, absent) = (field.ident, absent(input, field));
        quote!(#ident: #absent)
    });
    quote! {
        fn __initial() -> Self {
            Self { #(#fields),* }
        }
    }
}

fn read(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let fields = input.fields.iter().map(|field| {
        let (ident, value) = (field.ident, stored(input, field));
        quote!(#ident: #value)
    });
    quote! {
        fn __read(__stored: &#krate::__private::Stored<'_>) -> #krate::Result<Self> {
            ::core::result::Result::Ok(Self { #(#fields),* })
        }
    }
}

fn read_field(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let arms = input.stored().map(|field| {
        let (ident, index, value) = (field.ident, field.index(), stored(input, field));
        quote!(#index => self.#ident = #value,)
    });
    quote! {
        fn __read_field(
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
        let (ident, index, constant) = (field.ident, field.index(), field.constant());
        quote!(#index => #krate::__private::write(Self::#constant, &self.#ident, __writer),)
    });
    quote! {
        fn __write_field(
            &self,
            __index: ::core::primitive::usize,
            __writer: &mut #krate::__private::Writer,
        ) -> #krate::Result<#krate::__private::Written> {
            match __index {
                #(#arms)*
                _ => ::core::result::Result::Ok(#krate::__private::Written::Nothing),
            }
        }
    }
}

fn absorb(input: &Input<'_>) -> TokenStream {
    // Swapped, not moved: nothing can be moved out of a struct that implements `Drop`.
    let swaps = input.stored().map(
        |Field { ident, .. }| quote!(::core::mem::swap(&mut self.#ident, &mut __fresh.#ident);),
    );
    quote! {
        fn __absorb(&mut self, mut __fresh: Self) {
            #(#swaps)*
        }
    }
}

fn user(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let Some((ident, user)) =
        input.user().and_then(|field| Some((field.ident, field.user_type()?)))
    else {
        return quote!(type User = #krate::NoUser;);
    };
    quote! {
        type User = #user;

        fn __user(&self) -> ::core::option::Option<&Self::User> {
            ::core::option::Option::as_ref(&self.#ident)
        }

        fn __set_user(&mut self, __user: ::core::option::Option<Self::User>) {
            self.#ident = __user;
        }
    }
}

/// The value of a field whose key is absent. What the user wrote stands in the constant only, so
/// that the compiler looks at it once.
fn absent(input: &Input<'_>, field: &Field<'_>) -> TokenStream {
    let krate = &input.krate;
    let (ty, constant) = (field.ty, field.constant());
    match (&field.attrs.default, field.kind()) {
        (_, Kind::Optional(_) | Kind::Plain) => quote!(#krate::__private::absent(Self::#constant)),
        (Some(default), Kind::Skipped) => default.to_token_stream(),
        (None, Kind::Skipped) => {
            quote_spanned!(place(ty)=> <#ty as ::core::default::Default>::default())
        }
    }
}

/// The value of a field in `__stored`.
fn stored(input: &Input<'_>, field: &Field<'_>) -> TokenStream {
    let krate = &input.krate;
    let constant = field.constant();
    match field.kind() {
        Kind::Optional(_) | Kind::Plain => {
            quote!(#krate::__private::read(__stored, Self::#constant)?)
        }
        Kind::Skipped => absent(input, field),
    }
}

/// The function for the absent key of a plain field.
fn absent_fn(field: &Field<'_>) -> TokenStream {
    let ty = field.ty;
    let default = quote_spanned!(place(ty)=> <#ty as ::core::default::Default>::default);
    field.attrs.default.as_ref().map_or(default, |default| quote!(|| #default))
}
