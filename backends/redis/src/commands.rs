//! The commands of one call of the store, which end within its time limit.

use redis::{Cmd, Value};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::Result;

use crate::error::{from_driver, is_cross_slot};
use crate::keys::Keys;
use crate::net::{Answer, Call};
use crate::passes::Passes;
use crate::script::Script;

/// How many commands one call sends at a time.
pub(crate) const BATCH: usize = 500;

/// One call of the store. Other files add what concerns [sessions](crate::session_hash), their
/// [index](crate::index), [logins](crate::login) and [endings](crate::ending).
pub(crate) struct Commands<'a> {
    pub(crate) call: Call<'a>,
    pub(crate) keys: &'a Keys,
    pub(crate) passes: &'a Passes,
}

impl Commands<'_> {
    /// Sends a command that may be sent twice.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value> {
        self.ask(command).await?.into_value().map_err(|error| from_driver(&error))
    }

    /// The same, for an answer that is read otherwise.
    pub(crate) async fn ask(&self, command: &Cmd) -> Result<Answer> {
        let answer = self.call.send(command, Effect::Repeatable).await;
        answer.map_err(|error| from_driver(&error))
    }

    /// Runs a script on its keys, with the arguments that `fill` adds.
    pub(crate) async fn run(
        &self,
        script: &Script,
        effect: Effect,
        keys: &[impl AsRef<str>],
        fill: impl Fn(&mut Cmd),
    ) -> Result<Value> {
        let reply = script.run(&self.call, effect, keys, fill).await;
        reply.map_err(|error| from_driver(&error))
    }

    /// Runs a script that may be carried out once on several keys. `None` when they are not all on
    /// one server: then nothing has been done.
    pub(crate) async fn run_at_once(
        &self,
        script: &Script,
        keys: &[String],
        fill: impl Fn(&mut Cmd),
    ) -> Result<Option<Value>> {
        if self.call.keys_are_apart() {
            return Ok(None);
        }
        match script.run(&self.call, Effect::Once, keys, fill).await {
            Err(error) if is_cross_slot(&error) => {
                self.call.note_keys_apart();
                Ok(None)
            }
            reply => reply.map(Some).map_err(|error| from_driver(&error)),
        }
    }
}
