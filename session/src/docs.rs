//! The guide: one page for each thing you may want to do. All of its code is compiled and run.

#[doc = include_str!("docs/at_a_glance.md")]
#[cfg_attr(feature = "axum", doc = include_str!("docs/at_a_glance_axum.md"))]
pub mod at_a_glance {}

#[doc = include_str!("docs/first_steps.md")]
#[cfg_attr(feature = "axum", doc = "\n\n[axum]: crate::docs::axum")]
#[cfg_attr(
    not(feature = "axum"),
    doc = "\n\n[axum]: https://docs.rs/typed-sessions/latest/typed_sessions/docs/axum/"
)]
pub mod first_steps {}

#[cfg(feature = "axum")]
#[doc = include_str!("docs/axum.md")]
pub mod axum {}

#[doc = include_str!("docs/struct_and_keys.md")]
pub mod struct_and_keys {}

#[doc = include_str!("docs/users_and_devices.md")]
pub mod users_and_devices {}

#[doc = include_str!("docs/time_and_renewal.md")]
pub mod time_and_renewal {}

#[doc = include_str!("docs/live.md")]
pub mod live {}

#[doc = include_str!("docs/stores.md")]
pub mod stores {}

#[doc = include_str!("docs/postgres.md")]
pub mod postgres {}

#[doc = include_str!("docs/redis.md")]
#[cfg_attr(feature = "redis", doc = "\n\n[driver]: crate::redis::driver")]
#[cfg_attr(
    not(feature = "redis"),
    doc = "\n\n[driver]: https://docs.rs/typed-sessions/latest/typed_sessions/redis/driver/"
)]
pub mod redis {}

#[doc = include_str!("docs/growth.md")]
pub mod growth {}

/// The README's code, compiled and run.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../README.md")]
pub mod readme {}
