//! All policy, as pure functions over a header and an instant.
//!
//! `admit` decides who may enter, `deadlines` when a session is over, `upkeep` what an open has to
//! write, `lifecycle` how a session begins and changes hands, `sizes` what is too large. None of
//! them does I/O; what they return is written by a store's `apply`.

mod admit;
mod deadlines;
mod lifecycle;
mod settings;
mod sizes;
#[cfg(test)]
mod tests;
mod timeouts;
mod upkeep;

pub(crate) use self::admit::{Admission, Refusal};
pub(crate) use self::lifecycle::Rekeyed;
pub use self::settings::Reuse;
pub(crate) use self::settings::{Policy, Renewal, default};
pub use self::timeouts::Timeouts;
pub(crate) use self::upkeep::Upkeep;
