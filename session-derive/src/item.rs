//! The syntax inside `#[session(...)]`: items such as `skip` and `key = "cart"`, separated by
//! commas.

use proc_macro2::{Ident, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token, token};

use crate::problems::Problems;

/// One item: a name and what follows it.
pub(crate) struct Item {
    pub(crate) name: Ident,
    value: Value,
}

enum Value {
    /// `skip`
    None,
    /// `key = "cart"`
    Given(Box<Expr>),
    /// `key =`
    Missing,
    /// `key("cart")`
    List(TokenTree),
}

/// The items of every `#[session(...)]` among `attributes`.
///
/// What follows a syntax error inside one attribute cannot be told apart and is left out.
pub(crate) fn items(attributes: &[Attribute], problems: &mut Problems) -> Vec<Item> {
    let mut items = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("session")) {
        let parsed = attribute.parse_args_with(|input: ParseStream<'_>| {
            while !input.is_empty() {
                items.push(input.parse()?);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        });
        problems.value(parsed);
    }
    items
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error("expected the name of an attribute"));
        }
        Ok(Self { name: input.call(Ident::parse_any)?, value: input.parse()? })
    }
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(token::Paren) || input.peek(token::Bracket) || input.peek(token::Brace) {
            return Ok(Self::List(input.parse()?));
        }
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self::None);
        }
        if input.parse::<Option<Token![=]>>()?.is_none() {
            return Err(input.error("expected `=` or `,`"));
        }
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self::Missing);
        }
        Ok(Self::Given(input.parse()?))
    }
}

impl Item {
    /// A name alone, as in `skip`.
    pub(crate) fn flag(self) -> Result<()> {
        let Self { name, value } = self;
        let place = match value {
            Value::None => return Ok(()),
            Value::Missing => name.to_token_stream(),
            Value::Given(value) => value.to_token_stream(),
            Value::List(list) => list.to_token_stream(),
        };
        Err(Error::new_spanned(place, format!("`{name}` takes no value: write `{name}` alone")))
    }

    /// A name with a string, as in `key = "cart"`. The errors show `example` as what to write.
    pub(crate) fn string(self, example: &str) -> Result<LitStr> {
        let message = format!("`{}` takes a string: `{example}`", self.name);
        match peel(self.expression(example)?) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), attrs })
                if attrs.is_empty() && text.suffix().is_empty() =>
            {
                Ok(text)
            }
            other => Err(Error::new_spanned(other, message)),
        }
    }

    /// A name with a path, as in `crate = my::sessions`.
    pub(crate) fn path(self, example: &str) -> Result<Path> {
        let message = format!("`{}` takes a path, without quotes: `{example}`", self.name);
        match peel(self.expression(example)?) {
            Expr::Path(path) if path.attrs.is_empty() && path.qself.is_none() => Ok(path.path),
            other => Err(Error::new_spanned(other, message)),
        }
    }

    /// A name with any expression, as in `default = 1 + 1`.
    pub(crate) fn expression(self, example: &str) -> Result<Expr> {
        let Self { name, value } = self;
        match value {
            Value::Given(value) => Ok(*value),
            Value::None | Value::Missing => {
                Err(Error::new_spanned(&name, format!("`{name}` needs a value: `{example}`")))
            }
            Value::List(list) => Err(Error::new_spanned(
                list,
                format!("`{name}` takes its value after `=`: `{example}`"),
            )),
        }
    }
}

/// The expression inside the invisible groups that a `macro_rules!` macro leaves around what it
/// passes on.
fn peel(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) => peel(*group.expr),
        other => other,
    }
}
