//! From a token to a session: load, decide, apply.

use std::sync::Arc;

use super::handle::{Mode, Session};
use super::origin::Delivery;
use crate::context::Context;
use crate::data::{SessionData, read_struct};
use crate::error::Result;
use crate::event::{Ended, Event};
use crate::policy::{Admission, Refusal, Reuse, Upkeep};
use crate::store::{Applied, Change, Header, Owned, Record, Rewrite};
use crate::time::Timestamp;
use crate::token::{SessionId, Token};

/// How often an open looks again when others keep changing the header under it. Then it goes on
/// without upkeep.
const ATTEMPTS: usize = 8;

pub(crate) async fn open<D: SessionData>(
    context: &Arc<Context>,
    token: &str,
    mode: Mode,
) -> Result<Option<Session<D>>> {
    let Some(token) = Token::parse(token) else {
        context.tell(Event::MalformedToken);
        return Ok(None);
    };
    match open_token(context, token, mode).await? {
        Opened::Session(session) => Ok(Some(session)),
        Opened::Nothing | Opened::Late => Ok(None),
    }
}

/// What a token opened.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Opened<D: SessionData> {
    /// This session.
    Session(Session<D>),
    /// Nothing.
    Nothing,
    /// Nothing, though its session lives: another token has taken its place so recently that the
    /// client may hold that one by now.
    Late,
}

pub(crate) async fn open_token<D: SessionData>(
    context: &Arc<Context>,
    token: Token,
    mode: Mode,
) -> Result<Opened<D>> {
    let id = token.id();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let Some(mut record) = context.load(&id).await? else {
            context.tell(Event::UnknownSession(&id));
            return Ok(Opened::Nothing);
        };
        let now = context.now();
        let admission = match context.policy.admit(&record.header, &token, now) {
            Ok(admission) => admission,
            Err(refusal) => {
                refuse(context, &id, &record.header, refusal, mode).await?;
                let is_late = refusal == Refusal::WrongSecret
                    && context.policy.is_late(&record.header, &token, now);
                return Ok(if is_late { Opened::Late } else { Opened::Nothing });
            }
        };
        // Before the upkeep: a session whose data cannot be read stays as it is.
        let data = read_struct(&record.header, &record.fields, now)?;

        let due = match mode {
            Mode::Active => context.policy.upkeep(&record.header, &admission, token.secret(), now),
            Mode::Silent | Mode::Connected => None,
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
                Written::Contended if attempt < ATTEMPTS => continue,
                Written::Contended => context.tell(Event::UpkeepContended(&id)),
                Written::Failed => {}
                Written::Gone => return Ok(Opened::Nothing),
            }
        }
        let (token, delivery) = match successor {
            Some(successor) => (Token::new(id, successor), Delivery::DueByRenewal),
            None => (token, Delivery::Done),
        };
        let context = Arc::clone(context);
        let session = Session::opened(context, token, delivery, mode, record, data);
        return Ok(Opened::Session(session));
    }
}

/// Whether the upkeep was written.
pub(super) enum Written {
    Yes,
    /// Another request did its own upkeep, logged in or logged out: look again.
    Contended,
    /// The store failed. The session was read, so the request goes on (R6); the next one does the
    /// upkeep.
    Failed,
    Gone,
}

pub(super) async fn keep_up(
    context: &Context,
    id: &SessionId,
    record: &Record,
    due: &Upkeep,
    now: Timestamp,
) -> Written {
    let change = Change::Rewrite(Rewrite::new(&record.header, due.header.clone(), None, now));
    match context.apply(id, &change).await {
        Ok(Applied::Applied) => {
            if due.renewed.is_some() {
                context.tell(Event::Renewed(id));
            }
            Written::Yes
        }
        Ok(Applied::Missing) => Written::Gone,
        Ok(Applied::Superseded | Applied::Conflict | Applied::Full) => Written::Contended,
        Err(error) => {
            context.tell(Event::UpkeepFailed(id, &error));
            Written::Failed
        }
    }
}

/// Tells about the refusal and, if the policy wants it, ends the login whose old secret came back.
async fn refuse(
    context: &Context,
    id: &SessionId,
    header: &Header,
    refusal: Refusal,
    mode: Mode,
) -> Result<()> {
    context.tell(Event::Refused(id, refusal));
    let is_reuse = refusal == Refusal::Reused && mode == Mode::Active;
    if is_reuse && context.policy.on_reuse == Reuse::Revoke {
        context.end(id, &Owned::OfLogin(header.login_epoch()), Ended::Reuse).await?;
    }
    Ok(())
}
