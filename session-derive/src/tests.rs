//! What the macro writes (`snapshots/`, made anew by `UPDATE_EXPECT=1 cargo test`), and that it
//! stands any input. The messages are tested where users see them: `tests/derive`.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::derive;

fn expansion(input: &str) -> TokenStream {
    match syn::parse_str::<DeriveInput>(input) {
        Ok(input) => derive(&input),
        Err(error) => panic!("{error}: {input}"),
    }
}

#[track_caller]
fn check(input: &str, expected: &ExpectFile) {
    let file = syn::parse2(expansion(input)).expect("items");
    expected.assert_eq(&prettyplease::unparse(&file));
}

#[test]
fn fields_become_constants_and_match_arms() {
    check(
        r#"
            struct Shop {
                #[session(user)]
                member: Option<Member>,
                /// What will be bought.
                pub cart: Vec<String>,
                #[session(key = "lang", alias = "locale", default = "en".to_owned())]
                pub(crate) language: String,
                #[session(ttl = "5m", until_logout, or_default)]
                otp: Option<String>,
                #[session(skip)]
                cache: Cache,
            }
        "#,
        &expect_file!["../snapshots/plain.rs"],
    );
}

#[test]
fn parameters_get_the_bounds_that_their_fields_need() {
    check(
        r"
            struct Page<T: Clone, U, const N: usize> where U: Copy {
                items: Vec<T>,
                last: Option<[T; N]>,
                #[session(default = start())]
                first: T,
                size: u32,
                #[session(skip)]
                cache: Cache<T>,
                #[session(user)]
                member: Option<U>,
            }
        ",
        &expect_file!["../snapshots/generic.rs"],
    );
}

#[test]
fn a_struct_with_mistakes_becomes_stubs_beside_the_errors() {
    check(
        r#"
            struct Shop<'a, T> {
                #[session(user)]
                member: Member,
                #[session(key = "")]
                cart: Vec<T>,
                name: Name<'a>,
            }
        "#,
        &expect_file!["../snapshots/mistakes.rs"],
    );
}

#[test]
fn the_path_of_the_library_can_be_changed() {
    let fields = "#[session(user)] member: Option<T>, cart: Vec<T>, #[session(ttl = \"5m\")] code: Option<u8>";
    for mistake in ["", ", member: u8, #[session(nonsense)] cart: u8"] {
        let input =
            format!("#[session(crate = my::library)] struct Shop<T> {{ {fields} {mistake} }}");
        let output = expansion(&input).to_string();
        assert!(output.contains("my :: library ::"), "{output}");
        assert!(!output.contains("typed_sessions"), "{output}");
    }
}

/// Sequences of these words are tried as the attributes of the struct and of its fields.
const WORDS: [&str; 24] = [
    "key",
    "alias",
    "default",
    "ttl",
    "user",
    "skip",
    "crate",
    "namespace",
    "r#type",
    "=",
    "=",
    "=",
    ",",
    ",",
    ",",
    "::",
    "\"5m\"",
    "\"$\"",
    "\"\"",
    "7",
    "'a'",
    "'a",
    "(x = 1)",
    "#",
];

#[test]
fn no_attribute_makes_it_panic() {
    // A linear congruential generator: the same cases in every run.
    let mut state: u64 = 7;
    let mut next = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for _ in 0..5_000 {
        let mut words =
            || (0..next(7)).map(|_| WORDS[next(WORDS.len())]).collect::<Vec<_>>().join(" ");
        let input = format!(
            "#[session({})] struct S {{ #[session({})] a: Option<u8>, #[session({})] A: Vec<u8> }}",
            words(),
            words(),
            words(),
        );
        let output = expansion(&input);
        assert!(syn::parse2::<syn::File>(output).is_ok(), "{input}");
    }
}

#[test]
fn no_shape_makes_it_panic() {
    for input in [
        "struct S;",
        "struct S {}",
        "struct S();",
        "struct S(#[session(key)] u8);",
        "enum E {}",
        "enum E { #[session(user)] A { #[session(=)] a: u8 } }",
        "union U { a: u8 }",
        "struct S<'a>(&'a str) where Self: 'a;",
        "struct S<'a, T: 'a + ?Sized = str, const N: usize = 3> { a: &'a [u8; N], b: dyn Fn(T) -> T + Send }",
        "#[session] #[session = 1] #[session()] #[session[key = 1]] #[session{,}] struct S { #[session(,)] a: u8 }",
        "struct S { r#type: u8, r#TYPE: u8, ŉ: u8, straße: u8, STRASSE: u8, __stored: u8, self_: u8 }",
        "struct S { a: <Vec<u8> as X>::Option<u8>, b: (Option<u8>), c: Option<Option<u8>>, d: !, e: impl X, f: _ }",
        "struct S { a: Option<>, b: Option<'a>, c: Option<T = u8>, d: some_macro!(x) }",
    ] {
        assert!(syn::parse2::<syn::File>(expansion(input)).is_ok(), "{input}");
    }
}
