//! The derive macro of [typed-sessions](https://docs.rs/typed-sessions). Use it from there:
//! `typed_sessions::SessionData`.
//!
//! How a struct becomes code, one module per step:
//!
//! 1. `attr` reads `#[session(...)]`, whose syntax is in `item` and whose durations are in
//!    `duration`;
//! 2. `ast` is the struct as the rest of the macro sees it, and `ty` looks into its types;
//! 3. `check` holds the rules for a whole struct, `serde_attrs` what serde's attributes cannot do
//!    here;
//! 4. `expand` writes the code, with `constants` and `generics`; where a rule is broken, `fallback`
//!    writes stubs beside the errors.
//!
//! Each step adds what is wrong to `problems` and goes on, so that one compilation reports every
//! mistake.

mod ast;
mod attr;
mod check;
mod constants;
mod duration;
mod expand;
mod fallback;
mod generics;
mod item;
mod problems;
mod serde_attrs;
#[cfg(test)]
mod tests;
mod ty;

use syn::{DeriveInput, parse_macro_input};

use crate::ast::Input;
use crate::problems::Problems;

/// Makes a struct with named fields session data: each field is stored under its own key.
///
/// Besides the trait, every stored field gets a constant with the field's docs and visibility for
/// the operations on one field: `cart: Vec<String>` makes `Shop::CART`.
///
/// ```
/// # use typed_sessions::{SessionData, SessionUser};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
/// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
/// #[derive(SessionData)]
/// struct Shop {
///     #[session(user)]
///     member: Option<Member>,
///     cart: Vec<String>,
///     #[session(key = "lang", default = "en".to_owned())]
///     language: String,
///     #[session(ttl = "5m")]
///     otp: Option<String>,
/// }
/// assert_eq!(Shop::LANGUAGE.key(), "lang");
/// ```
///
/// # Fields
///
/// A field's type is `Serialize + DeserializeOwned`. Its key is its name. A session that has no
/// value for it reads its default. For an `Option` without a `default`, `None` and an absent key
/// are the same; an `Option` with one stores its `None` as `null`.
///
/// | attribute | effect |
/// |---|---|
/// | `key = "lang"` | stores the field under this key |
/// | `alias = "locale"` | also reads this older key when the key is absent, and the next write moves the value; may be repeated |
/// | `default = expression` | the value of an absent key, instead of `Default`; evaluated at each open without the key |
/// | `ttl = "5m"` | a written value lasts this long; for an `Option`. Units: `ms`, `s`, `m`, `h`, `d`, as in `"1h30m"` |
/// | `user` | holds the logged-in user: an `Option` of a `SessionUser`, at most one per struct |
/// | `until_logout` | logout sets the field back to its default |
/// | `or_default` | a stored value that does not decode reads as the default, with a warning, not as an error |
/// | `skip` | is not stored: the field has its default in every session that is opened |
///
/// Programs from before an `alias` do not know the new key: they neither see what was moved nor are
/// seen. Where they still run, rename in two deployments, the first with `key = "old"` and
/// `alias = "new"`, the second with `key = "new"` and `alias = "old"`. Or keep the key: the name of
/// the field is free.
///
/// While the key is absent, as in sessions stored before the field existed, `default` is evaluated
/// at each open, so a random one differs from request to request. Use an `Option` and
/// `Session::get_or_insert_with` for what each session has once.
///
/// What `#[serde(...)]` on a field would do inside of the struct (`skip`, `rename`, `with`,
/// `flatten`, ...) does not happen, since each field is stored by itself: it is an error, unless
/// `skip` or `key` says what is meant.
///
/// # The struct
///
/// | attribute | effect |
/// |---|---|
/// | `namespace = "cart"` | every key and alias becomes `cart.<key>` |
/// | `crate = path` | where `typed_sessions` is, if it was renamed |
///
/// Type parameters work: what the fields need of them is added to the implementation. Lifetimes do
/// not: session data owns its values.
#[proc_macro_derive(SessionData, attributes(session))]
pub fn derive_session_data(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input).into()
}

fn derive(input: &DeriveInput) -> proc_macro2::TokenStream {
    let mut problems = Problems::default();
    let data = Input::read(input, &mut problems);
    check::shape(input, &mut problems);
    check::fields(&data, &mut problems);
    match problems.into_error() {
        None => expand::expand(&data),
        Some(error) => fallback::expand(&data, &error),
    }
}
