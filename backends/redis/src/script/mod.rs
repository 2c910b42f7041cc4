//! The scripts. Each touches the keys that it declares: one, and those of the bus two of one slot.

mod arguments;

use std::sync::OnceLock;

use redis::{Cmd, Value};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::Result;

pub(crate) use self::arguments::{Place, check, millis_rounded_up, write};
use crate::error::{from_driver, is_noscript};
use crate::net::{Answer, Call};

/// A script and the hash by which Redis remembers it.
pub(crate) struct Script {
    code: &'static str,
    hash: OnceLock<String>,
}

pub(crate) static APPLY: Script = Script::new(include_str!("apply.lua"));
pub(crate) static DELETE: Script = Script::new(include_str!("delete.lua"));
pub(crate) static JOIN: Script = Script::new(include_str!("join.lua"));
pub(crate) static EVICT: Script = Script::new(include_str!("evict.lua"));
pub(crate) static PROLONG: Script = Script::new(include_str!("prolong.lua"));
pub(crate) static PRUNE: Script = Script::new(include_str!("prune.lua"));
pub(crate) static HEARTBEAT: Script = Script::new(include_str!("heartbeat.lua"));
pub(crate) static SERVERS: Script = Script::new(include_str!("servers.lua"));
pub(crate) static PUBLISH: Script = Script::new(include_str!("publish.lua"));

impl Script {
    const fn new(code: &'static str) -> Self {
        Self { code, hash: OnceLock::new() }
    }

    /// Runs the script: one `EVALSHA`, and where Redis does not know it (any more), one `EVAL`,
    /// which it will remember.
    pub(crate) async fn run(
        &self,
        call: &Call<'_>,
        effect: Effect,
        keys: &[impl AsRef<str>],
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value> {
        let hash = self.hash.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned());
        let command = |name: &'static str, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(keys.len());
            for key in keys {
                command.arg(key.as_ref());
            }
            fill(&mut command);
            command
        };
        let reply = match call.send(&command("EVALSHA", hash), effect).await {
            Err(error) if is_noscript(&error) => {
                call.send(&command("EVAL", self.code), effect).await
            }
            reply => reply,
        };
        reply.and_then(Answer::into_value).map_err(|error| from_driver(&error))
    }
}
