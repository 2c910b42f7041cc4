//! What the examples in the docs have in common, so that each of them shows its own matter only.
//!
//! An example begins and ends with lines that the docs do not show:
//!
//! ```
//! # use typed_sessions_test_support::doc::*;
//! # example(async |sessions| {
//! let mut session = sessions.start();
//! session.login(Member { id: 7, name: "Ada".into() }).await?;
//! assert_eq!(sessions.user(&7).count().await?, 1);
//! # Ok(()) });
//! ```
//!
//! It need not use them:
//!
//! ```
//! # use typed_sessions_test_support::doc::*;
//! # example(async |sessions| {
//! assert_eq!(minutes(1).as_secs(), 60);
//! # Ok(()) });
//! ```

use serde::{Deserialize, Serialize};
pub use typed_sessions::*;

#[allow(hidden_glob_reexports, reason = "in examples `axum` is axum, not `typed_sessions::axum`")]
mod axum {}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: u64,
    /// Their name.
    pub name: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// The README's session.
#[derive(Debug, SessionData)]
pub struct Shop {
    /// Who is logged in.
    #[session(user)]
    pub member: Option<Member>,
    /// What they will buy.
    pub cart: Vec<String>,
    /// What they read.
    #[session(key = "lang", default = "en".to_owned())]
    pub language: String,
    /// How often they came.
    pub visits: u32,
    /// A password for once.
    #[session(ttl = "5m")]
    pub otp: Option<String>,
}

/// Another struct on the same session.
#[derive(Debug, SessionData)]
pub struct Prefs {
    /// Light or dark.
    pub theme: String,
}

/// Runs an example on a fresh store in memory.
///
/// # Panics
/// When the example returns an error.
pub fn example(body: impl AsyncFnOnce(Sessions<Shop>) -> Result<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let sessions = Sessions::new(MemoryStore::new());
    let outcome = runtime.expect("a tokio runtime").block_on(body(sessions));
    outcome.expect("the example works");
}
