//! From a live connection to its session: load, decide, touch.

use std::sync::Arc;

use super::handle::{Mode, Session};
use super::open::{Written, keep_up};
use super::origin::Delivery;
use crate::context::Context;
use crate::data::{SessionData, read_struct};
use crate::error::Result;
use crate::event::Event;
use crate::policy::Upkeep;
use crate::token::{Lineage, Secret, SessionId, Token};

/// How often it is looked again when others keep changing the header. Then it goes on without its
/// touch.
const ATTEMPTS: usize = 8;

/// The session as it is now, if it lives and is of this login. It counts as activity.
pub(crate) async fn follow<D: SessionData>(
    context: &Arc<Context>,
    id: &SessionId,
    login: &Lineage,
) -> Result<Option<Session<D>>> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let Some(mut record) = context.load(id).await? else { return Ok(None) };
        let now = context.now();
        let header = &record.header;
        if header.lineage != *login || !context.policy.is_live(header, now) {
            return Ok(None);
        }
        let data = read_struct(header, &record.fields, now)?;
        if let Some(header) = context.policy.touch_when_due(header, now) {
            let due = Upkeep { header, renewed: None };
            match keep_up(context, id, &record, &due, now).await {
                Written::Yes => record.header = due.header,
                Written::Contended if attempt < ATTEMPTS => continue,
                Written::Contended => context.tell(Event::UpkeepContended(id)),
                Written::Failed => {}
                Written::Gone => return Ok(None),
            }
        }
        // No secret of the session, nor one that could be taken for it: a connection holds none.
        let token = Token::new(*id, Secret::random(&Lineage::random()));
        let context = Arc::clone(context);
        let (mode, delivery) = (Mode::Connected, Delivery::Done);
        return Ok(Some(Session::opened(context, token, delivery, mode, record, data)));
    }
}
