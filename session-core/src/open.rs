//! From a token to a session: load, decide, apply.

use crate::change::{Applied, Change, Expected};
use crate::data::SessionData;
use crate::error::Result;
use crate::event;
use crate::policy::Reuse;
use crate::policy::admit::{Admission, Refusal};
use crate::policy::upkeep::Upkeep;
use crate::record::Record;
use crate::session::{Handover, Mode};
use crate::sessions::Context;
use crate::stored::read_struct;
use crate::time::Timestamp;
use crate::token::{SessionId, Token};

/// An admitted client and what it came for.
pub(crate) struct Opened<D> {
    /// The token that the client is to use from now on.
    pub(crate) token: Token,
    pub(crate) handover: Handover,
    pub(crate) record: Record,
    pub(crate) data: D,
}

/// How often an open looks again when others keep changing the header under it. Then it goes on without upkeep.
const ATTEMPTS: usize = 8;

pub(crate) async fn open<D: SessionData>(
    context: &Context,
    token: &Token,
    mode: Mode,
) -> Result<Option<Opened<D>>> {
    let id = token.id();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let Some(mut record) = context.store.load(&id).await? else {
            event::unknown_session(&id);
            return Ok(None);
        };
        let now = context.now();
        let admission = match context.policy.admit(&record.header, token.secret(), now) {
            Ok(admission) => admission,
            Err(refusal) => {
                refuse(context, &id, refusal, mode).await?;
                return Ok(None);
            }
        };
        // Before the upkeep: a session whose data cannot be read stays as it is.
        let data = read_struct(&record, now)?;

        let due = match mode {
            Mode::Active => context.policy.upkeep(&record.header, &admission, token.secret(), now),
            Mode::Silent => None,
        };
        let mut successor = match admission {
            Admission::Current => None,
            Admission::Previous { successor } => Some(successor),
        };
        if let Some(due) = due {
            match keep_up(context, &id, &record, &due, now).await {
                Written::Yes => {
                    successor = due.renewed.or(successor);
                    record.header = due.header;
                }
                Written::SomebodyElseWas if attempt < ATTEMPTS => continue,
                Written::SomebodyElseWas => {
                    event::upkeep_failed(&id, &"others keep changing the session")
                }
                Written::Failed => {}
                Written::Gone => return Ok(None),
            }
        }
        let (token, handover) = match successor {
            Some(successor) => (Token::new(id, successor), Handover::Due),
            None => (token.clone(), Handover::Done),
        };
        return Ok(Some(Opened { token, handover, record, data }));
    }
}

/// Whether the upkeep was written.
enum Written {
    Yes,
    /// Another request did its own upkeep, logged in or logged out: look again.
    SomebodyElseWas,
    /// The store failed. The session was read, so the request goes on (R6); the next one does the upkeep.
    Failed,
    Gone,
}

async fn keep_up(
    context: &Context,
    id: &SessionId,
    record: &Record,
    due: &Upkeep,
    now: Timestamp,
) -> Written {
    let expected = Expected { revision: Some(record.header.revision()), ..Expected::default() };
    let mut change = Change::update(now, expected);
    change.header = Some(due.header.clone());
    match context.store.apply(id, &change).await {
        Ok(Applied::Applied) => {
            if due.renewed.is_some() {
                event::renewed(id);
            }
            Written::Yes
        }
        Ok(Applied::Missing) => Written::Gone,
        Ok(Applied::Conflict | Applied::Full) => Written::SomebodyElseWas,
        Err(error) => {
            event::upkeep_failed(id, &error);
            Written::Failed
        }
    }
}

/// Tells about the refusal and, if the policy wants it, ends a session whose old secret came back.
async fn refuse(context: &Context, id: &SessionId, refusal: Refusal, mode: Mode) -> Result<()> {
    event::refused(id, refusal);
    let revoke = refusal == Refusal::Reused
        && context.policy.on_reuse == Reuse::Revoke
        && mode == Mode::Active;
    if revoke && context.store.delete(id).await? {
        event::ended(id, event::Ended::Reuse);
    }
    Ok(())
}
