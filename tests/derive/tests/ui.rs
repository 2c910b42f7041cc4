//! What the derive macro refuses: each case in `ui/<mistake>/` has the messages that a user sees
//! beside it.
//!
//! After a change of a message, `TRYBUILD=overwrite cargo test -p typed-sessions-derive-tests
//! --test ui` writes them anew; read what it wrote.

#[test]
fn every_mistake_has_its_message() {
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
