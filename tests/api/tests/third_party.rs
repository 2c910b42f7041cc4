//! Types of other crates appear in the public API only where a user hands them in, and traits of
//! other crates only where they are everybody's, as serde's are.

use std::fmt::Write as _;

use expect_test::expect_file;
use typed_sessions_api_tests::{documented, published, third_party};

#[test]
fn types_of_other_crates_stand_only_where_they_are_meant_to() {
    let packages = published();
    let mut list = String::from(
        "# Types and traits of other crates in the public API, and where they stand. Written by\n\
         # `UPDATE_EXPECT=1 cargo test -p typed-sessions-api-tests`; read what it wrote.\n",
    );
    for (package, krate) in packages.iter().zip(documented(&packages)) {
        writeln!(list, "\n{package}").expect("a string takes everything");
        for (path, places) in third_party(&krate) {
            let places = places.into_iter().collect::<Vec<_>>().join(", ");
            writeln!(list, "  {path}: {places}").expect("a string takes everything");
        }
    }
    expect_file!["../third_party.txt"].assert_eq(&list);
}
