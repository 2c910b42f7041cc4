//! Names of the prelude that stand for something else here: the derived code must not use them.

#![allow(dead_code, reason = "the names matter here")]
#![allow(non_camel_case_types, reason = "the names matter here")]

use typed_sessions::SessionData;

/// Not the prelude's.
#[derive(Debug, ::core::default::Default, serde::Serialize, serde::Deserialize)]
pub struct Option;
struct Result;
struct String;
struct Vec;
struct Some;
struct None;
struct Ok;
struct Err;
struct Box;
struct Field;
struct FieldSpec;
struct Stored;
struct Duration;
struct NoUser;
struct str;
struct usize;
struct u64;
struct bool;
trait Default {}
trait Send {}
trait Sized {}
trait Fn {}
trait From {}
trait Into {}
mod core {}
mod std {}
mod typed_sessions_core {}

/// One field of each kind.
#[derive(Debug, SessionData)]
pub struct Shadowed {
    #[session(user)]
    member: ::core::option::Option<crate::shapes::Member>,
    option: Option,
    #[session(ttl = "5m", alias = "older")]
    code: ::core::option::Option<u8>,
    #[session(default = 3)]
    number: u8,
}
