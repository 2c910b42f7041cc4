//! Structs whose derived code must pass every lint that a user may turn on. Nothing here runs: it
//! is enough that `cargo clippy` accepts it. What the structs do is tested in `tests/`.

#![deny(
    warnings,
    missing_docs,
    clippy::pedantic,
    clippy::nursery,
    deprecated_in_future,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    future_incompatible,
    let_underscore_drop,
    let_underscore,
    meta_variable_misuse,
    non_ascii_idents,
    redundant_lifetimes,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]

pub mod generics;
pub mod names;
pub mod shadows;
pub mod shapes;
