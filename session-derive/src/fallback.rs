//! What a struct with mistakes becomes: the errors, and stubs in place of the code.
//!
//! Without the stubs every use of the struct as session data would be an error too, and hide the
//! user's mistake.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Error, Type};

use crate::ast::{Field, Input};
use crate::constants::constants;
use crate::generics;
use crate::ty::{is_reference, mentions, option_argument};

/// The errors and the stubs.
pub(crate) fn expand(input: &Input<'_>, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    let constants = stub_constants(input);
    let implementation = stub_implementation(input);
    quote!(#error #constants #implementation)
}

/// The constants, so that `Shop::CART` stays known.
fn stub_constants(input: &Input<'_>) -> TokenStream {
    let lifetimes: Vec<&Ident> =
        input.generics.lifetimes().map(|parameter| &parameter.lifetime.ident).collect();
    let mut names = HashSet::new();
    // Values that borrow and two constants of one name would be errors of their own.
    let owned =
        |ty: &Type| !mentions(ty, &lifetimes) && !is_reference(option_argument(ty).unwrap_or(ty));
    let sound = |field: &&Field<'_>| owned(field.ty) && names.insert(field.constant());
    let fields: Vec<_> = input.stored().filter(sound).collect();
    constants(input, &fields, |_| quote!(|| ::core::unimplemented!()))
}

fn stub_implementation(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let header =
        generics::header(input, Some(quote!(#krate::SessionData)), generics::data_bounds(input));
    // The user that was meant keeps `login(member)` sound.
    let user = match input.user() {
        Some(field) if input.generics.params.is_empty() => {
            field.user_type().unwrap_or(field.ty).to_token_stream()
        }
        _ => quote!(#krate::NoUser),
    };
    quote! {
        #[automatically_derived]
        #header {
            type User = #user;

            const __FIELDS: &'static [#krate::__private::FieldSpec] = &[];

            fn __initial() -> Self {
                ::core::unimplemented!()
            }

            fn __read(_: &#krate::__private::Stored<'_>) -> #krate::Result<Self> {
                ::core::unimplemented!()
            }

            fn __read_field(&mut self, _: ::core::primitive::usize, _: &#krate::__private::Stored<'_>) -> #krate::Result<()> {
                ::core::unimplemented!()
            }

            fn __write_field(
                &self,
                _: ::core::primitive::usize,
                _: &mut #krate::__private::Writer,
            ) -> #krate::Result<#krate::__private::Written> {
                ::core::unimplemented!()
            }

            fn __absorb(&mut self, _: Self) {
                ::core::unimplemented!()
            }
        }
    }
}
