//! The scripts. Each touches the keys that it declares: one; where sessions and indexes are on one
//! server, those that a change concerns; those of the bus two of one slot.

mod arguments;

use std::sync::OnceLock;

use redis::{Cmd, RedisResult, Value};
use typed_sessions_core::__backend::Effect;

pub(crate) use self::arguments::{Place, check, millis_rounded_up, write};
use crate::error::is_noscript;
use crate::net::{Answer, Call};

/// A script and the hash by which Redis remembers it.
pub(crate) struct Script {
    code: &'static str,
    hash: OnceLock<String>,
}

pub(crate) static APPLY: Script = Script::new(include_str!("apply.lua"));
/// The same, for a login that takes its seat in the same step.
pub(crate) static LOG_IN: Script =
    Script::new(concat!(include_str!("seat.lua"), include_str!("apply.lua")));
pub(crate) static DELETE: Script = Script::new(include_str!("delete.lua"));
pub(crate) static JOIN: Script =
    Script::new(concat!(include_str!("seat.lua"), include_str!("join.lua")));
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
    /// which it will remember. The first key says over which connection it goes.
    pub(crate) async fn run(
        &self,
        call: &Call<'_>,
        effect: Effect,
        keys: &[impl AsRef<str>],
        fill: impl Fn(&mut Cmd),
    ) -> RedisResult<Value> {
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
        reply.and_then(Answer::into_value)
    }
}
