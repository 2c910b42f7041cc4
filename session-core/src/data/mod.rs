//! Structs as session data: fields to texts and back.

mod edit;
mod failure;
mod field;
mod json;
mod lossless;
mod read;
mod session_data;
mod spec;
mod stored;
mod user;

pub(crate) use self::edit::{
    Baseline, FieldChange, edit_of, expect_all, expect_field, put, text_of,
};
pub use self::field::Field;
pub(crate) use self::json::encode;
pub use self::json::{Writer, Written};
pub(crate) use self::read::read_struct;
pub use self::read::{absent, read, write};
pub use self::session_data::SessionData;
pub use self::spec::FieldSpec;
pub(crate) use self::spec::Role;
pub use self::stored::Stored;
pub use self::user::{NoUser, SessionUser};
