//! How sessions end.

use typed_sessions_core::{Result, SessionId};

use crate::commands::Commands;
use crate::keys::Member;
use crate::reply::Ended;
use crate::session_hash::OnlyIf;

impl Commands<'_> {
    /// Ends a session for good, if it is as it must be, then takes it from its user's index.
    pub(crate) async fn end(&self, id: &SessionId, only: OnlyIf<'_>) -> Result<Ended> {
        if let Some(ended) = self.delete_with_index(id, only).await? {
            return Ok(ended);
        }
        let ended = self.delete(id, only).await?;
        if let Ended::Yes { user: Some(user), seat: Some(seat) } = &ended {
            self.leave(user, &Member { id: *id, seat: *seat }).await;
        }
        Ok(ended)
    }
}
