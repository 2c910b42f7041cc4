//! The scripts. Each touches one key, which it declares.

use redis::{Cmd, Value};
use typed_sessions_core::Result;

use crate::error::{from_driver, is_noscript};
use crate::link::{Call, Effect};

/// A script and the hash by which Redis remembers it.
pub(crate) struct Script {
    code: &'static str,
    hash: std::sync::OnceLock<String>,
}

pub(crate) static APPLY: Script = Script::new(include_str!("lua/apply.lua"));
pub(crate) static DELETE: Script = Script::new(include_str!("lua/delete.lua"));
pub(crate) static JOIN: Script = Script::new(include_str!("lua/join.lua"));
pub(crate) static EVICT: Script = Script::new(include_str!("lua/evict.lua"));
pub(crate) static PROLONG: Script = Script::new(include_str!("lua/prolong.lua"));
pub(crate) static PRUNE: Script = Script::new(include_str!("lua/prune.lua"));

impl Script {
    const fn new(code: &'static str) -> Self {
        Self { code, hash: std::sync::OnceLock::new() }
    }

    /// Runs the script: one `EVALSHA`, and where Redis does not know it (any more), one `EVAL`, which it will remember.
    pub(crate) async fn run(
        &self,
        call: &Call<'_>,
        key: &str,
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value> {
        let hash = self.hash.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned());
        let command = |name: &'static str, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(1).arg(key);
            fill(&mut command);
            command
        };
        match call.send(&command("EVALSHA", hash), Effect::Once).await {
            Err(error) if is_noscript(&error) => call
                .send(&command("EVAL", self.code), Effect::Once)
                .await
                .map_err(|error| from_driver(&error)),
            reply => reply.map_err(|error| from_driver(&error)),
        }
    }
}
