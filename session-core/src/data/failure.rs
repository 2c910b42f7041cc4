//! Why a value did not become text or text did not become a value, without quoting either.

use serde::de::IgnoredAny;
use serde_json::error::Category;

use super::lossless::Loss;
use super::spec::{FieldSpec, OnGarbage, Role};
use crate::error::{Error, ErrorKind};

/// Why a value did not become text or text did not become a value: no more than can be said without
/// quoting it.
///
/// `serde_json`'s own messages quote the input (`invalid type: string "hunter2"`), so they go no
/// further than this.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// How the messages begin with which serde refuses types that it serializes itself, and what they
/// mean. Such a message names types at most. Any other one is of somebody's own `Serialize`, and
/// may quote the value.
const OF_SERDE: [(&str, &str); 7] = [
    (
        "path contains invalid UTF-8",
        "holds a path that is not UTF-8, as text in JSON is: store `to_string_lossy()` of it, or \
         its bytes",
    ),
    ("SystemTime must be later than UNIX_EPOCH", "holds a `SystemTime` before 1970"),
    ("already mutably borrowed", "holds a `RefCell` that is borrowed mutably at the moment"),
    ("lock poison error", "holds a lock that a panic has poisoned"),
    (
        "can only flatten structs and maps",
        "has `#[serde(flatten)]` on something that is neither a struct nor a map",
    ),
    (
        "cannot serialize tagged newtype variant",
        "holds a variant whose content has no room for the tag of `#[serde(tag = \"...\")]`, as it \
         is neither a struct nor a map: add `content = \"...\"`",
    ),
    ("the enum variant", "holds a variant marked `#[serde(skip)]`, which cannot be written"),
];

impl Failure {
    /// The text did not become a `T`.
    pub(crate) fn reading<T>(text: &str, error: &serde_json::Error) -> Self {
        let what = if is_too_deep(error) {
            "is nested deeper than 127, for type"
        } else if serde_json::from_str::<IgnoredAny>(text).is_ok() {
            "is valid JSON but not of type"
        } else {
            "is not valid JSON for type"
        };
        let (line, column) = (error.line(), error.column());
        Self(format!("{what} `{}` (line {line}, column {column})", std::any::type_name::<T>()))
    }

    /// The `T` did not become text.
    pub(crate) fn refused<T>(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let known = OF_SERDE.iter().find(|(beginning, _)| words.starts_with(beginning));
        match (error.classify(), known) {
            (Category::Data, Some((_, meaning))) => Self::writing::<T>(meaning),
            (Category::Data, None) => Self::writing::<T>(REFUSED),
            _ if words.starts_with("key must be a string") => Self::writing::<T>(
                "holds a map whose keys are neither text nor numbers: store a list of pairs",
            ),
            // Of JSON's own writer, which quotes nothing.
            _ => Self::writing::<T>(&format!("has no JSON form: {words}")),
        }
    }

    /// The `T` became text that says something else.
    pub(crate) fn lost<T>(loss: &Loss) -> Self {
        Self::writing::<T>(match loss {
            Loss::NotFinite => "holds NaN or infinity, which JSON has not",
            Loss::NullInSome => {
                "holds a `Some` whose content is written as `null`: it would read back as `None`"
            }
            Loss::Refused => REFUSED,
        })
    }

    /// The `T` became text from which no `T` can be read.
    pub(crate) fn one_way<T>(error: &serde_json::Error) -> Self {
        Self::writing::<T>(if is_too_deep(error) {
            "would not read back: it is nested deeper than 127"
        } else {
            "would not read back: something in it is written or skipped in another way than it is \
             read"
        })
    }

    fn writing<T>(problem: &str) -> Self {
        Self(format!("a value of type `{}` {problem}", std::any::type_name::<T>()))
    }

    /// What is stored of this field cannot be read.
    pub(crate) fn decoding(self, spec: &FieldSpec) -> Error {
        let advice = match (spec.role, spec.on_garbage) {
            (Role::User, _) => {
                "let the user's type read it (`#[serde(default)]`, `#[serde(alias)]`), write it \
                 anew with `UserSessions::sync`, or sign the client out with \
                 `Sessions::revoke_token`, which does not read it"
            }
            (_, OnGarbage::Fail) => "`#[session(or_default)]` would read it as the default",
            (_, OnGarbage::UseDefault) => "`remove` deletes it, `set` writes over it",
        };
        let message = format!("what is stored under the key `{}` {}; {advice}", spec.key, self.0);
        Error::new(ErrorKind::Decode, message)
    }

    /// The value of the field with this key cannot be written.
    pub(crate) fn encoding(self, key: &str) -> Error {
        Error::new(ErrorKind::Encode, format!("the key `{key}` cannot be written: {}", self.0))
    }
}

const REFUSED: &str = "is refused by its own `Serialize`; why is left out here, as it may quote \
                       the value: `serde_json::to_string` says it";

fn is_too_deep(error: &serde_json::Error) -> bool {
    error.is_syntax() && error.to_string().starts_with("recursion limit exceeded")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use serde::Serialize;

    use super::Failure;

    fn meaning(value: &impl Serialize) -> String {
        let error = serde_json::to_string(value).expect_err("it has no JSON form");
        Failure::refused::<()>(&error).0
    }

    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        number: u32,
    }

    /// The conformance suite has the others.
    #[test]
    fn w9_what_serde_says_is_understood() {
        let poisoned = Arc::new(Mutex::new(1));
        let mutex = Arc::clone(&poisoned);
        let poisoner = std::thread::spawn(move || {
            let _guard = mutex.lock();
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(poisoner.join().is_err());
        assert!(meaning(&*poisoned).contains("poisoned"));
        assert!(meaning(&Flat { number: 1 }).contains("flatten"));
    }

    #[test]
    fn w9_a_map_key_that_is_no_number_is_named() {
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        struct Key;
        impl Serialize for Key {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(f64::NAN)
            }
        }
        let words = meaning(&BTreeMap::from([(Key, 1)]));
        assert!(words.contains("float key must be finite"), "{words}");
    }
}
