//! What can be told from how a type is written; a macro cannot ask what its names stand for.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::{GenericArgument, Path, PathArguments, Type};

/// The `T` of a type that is written `Option<T>`, with any path before it.
pub(crate) fn option_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(ty) = peel(ty) else { return None };
    let last =
        ty.path.segments.last().filter(|last| ty.qself.is_none() && last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inside) if arguments.args.len() == 1 => Some(inside),
        _ => None,
    }
}

/// Where to place what the compiler may say about the code for a field of this type: at the type,
/// but as the macro's code, which lints leave alone.
pub(crate) fn place(ty: &Type) -> Span {
    Span::call_site().located_at(ty.span())
}

/// The path, placed like this.
pub(crate) fn placed(path: &Path, place: Span) -> TokenStream {
    let relocated = path.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(place));
        token
    });
    relocated.collect()
}

/// Is the type written as a reference?
pub(crate) fn is_reference(ty: &Type) -> bool {
    matches!(peel(ty), Type::Reference(_))
}

/// Does one of these identifiers occur in the type?
pub(crate) fn mentions(ty: &Type, names: &[&Ident]) -> bool {
    !names.is_empty() && any_ident(ty.to_token_stream(), names)
}

fn any_ident(tokens: TokenStream, names: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&&ident),
        TokenTree::Group(group) => any_ident(group.stream(), names),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The type inside parentheses and inside the invisible groups that a `macro_rules!` macro leaves
/// around what it passes on.
fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens as _;
    use syn::parse_quote;

    use super::{is_reference, mentions, option_argument};

    #[test]
    fn an_option_is_known_by_its_last_name_and_one_argument() {
        for ty in [
            parse_quote!(Option<u8>),
            parse_quote!(option::Option<u8>),
            parse_quote!(std::option::Option<u8>),
            parse_quote!(::core::option::Option<u8>),
            parse_quote!((Option<u8>)),
        ] {
            let inside = option_argument(&ty).map(|inside| inside.to_token_stream().to_string());
            assert_eq!(inside.as_deref(), Some("u8"), "{}", ty.to_token_stream());
        }
        for ty in [
            parse_quote!(Option),
            parse_quote!(Option<u8, u8>),
            parse_quote!(Option<'a>),
            parse_quote!(Option<u8>::Item),
            parse_quote!(<Vec<u8> as Many>::Option<u8>),
            parse_quote!(Vec<Option<u8>>),
            parse_quote!(&'static Option<u8>),
            parse_quote!([Option<u8>; 2]),
        ] {
            assert!(option_argument(&ty).is_none(), "{}", ty.to_token_stream());
        }
    }

    #[test]
    fn a_reference_is_seen_at_the_top_only() {
        assert!(is_reference(&parse_quote!(&'static str)));
        assert!(is_reference(&parse_quote!((&'static str))));
        assert!(!is_reference(&parse_quote!(Cow<'static, str>)));
        assert!(!is_reference(&parse_quote!(PhantomData<fn(&str)>)));
    }

    #[test]
    fn a_parameter_is_found_at_any_depth() {
        let t = parse_quote!(T);
        for ty in [parse_quote!(T), parse_quote!(Vec<(u8, [T; 2])>), parse_quote!(T::Item)] {
            assert!(mentions(&ty, &[&t]), "{}", ty.to_token_stream());
        }
        assert!(!mentions(&parse_quote!(Vec<Tea>), &[&t]));
        assert!(!mentions(&parse_quote!(T), &[]));
    }
}
