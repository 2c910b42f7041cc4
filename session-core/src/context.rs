//! What every operation needs: the store, the clock and the policy. Store calls pass through here,
//! so that each outage is told in one place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::event::{Ended, Event};
use crate::live::{Due, News, Whom};
use crate::policy::Policy;
use crate::store::{
    Applied, Change, Create, Deleted, Found, Header, More, Overflow, Owned, Owner, Page, Record,
    Rewrite, SessionStore, UserId,
};
use crate::time::{Clock, Timestamp};
use crate::token::SessionId;

/// How many sessions of a user are asked for at a time.
pub(crate) const PAGE: usize = 500;

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Policy,
    /// Tells the servers that hold live connections.
    pub(crate) news: Option<Arc<News>>,
}

/// What there is of a session's header.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Looked {
    Missing,
    Unreadable,
    Found(Header),
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    #[allow(
        clippy::unused_self,
        reason = "who needs events more than the log will hear of them here"
    )]
    pub(crate) fn tell(&self, event: Event<'_>) {
        event.tell();
    }

    pub(crate) async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.noted(self.store.load(id).await)
    }

    pub(crate) async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let due = self.due(|| affected(id, change));
        let applied = self.noted(self.store.apply(id, change).await);
        match applied {
            Ok(Applied::Applied) | Err(_) => due.settle(&applied).await,
            Ok(_) => due.forget(),
        }
        applied
    }

    /// Ends a session, if `only` permits it, and tells why.
    pub(crate) async fn end(&self, id: &SessionId, only: &Owned, why: Ended) -> Result<Deleted> {
        let due = self.due(|| vec![Whom::Session(*id)]);
        let deleted = self.end_one_of_many(id, only, why).await;
        match deleted {
            Ok(Deleted::Yes) | Err(_) => due.settle(&deleted).await,
            Ok(Deleted::Missing | Deleted::Superseded) => due.forget(),
        }
        deleted
    }

    /// The same, where the caller tells the other servers of all that it has ended.
    pub(crate) async fn end_one_of_many(
        &self,
        id: &SessionId,
        only: &Owned,
        why: Ended,
    ) -> Result<Deleted> {
        let deleted = self.noted(self.store.delete(id, only).await)?;
        if deleted == Deleted::Yes {
            self.tell(Event::Ended(id, why));
        }
        Ok(deleted)
    }

    /// News for the servers that hold live connections, about what is to be written now.
    pub(crate) fn due(&self, about: impl FnOnce() -> Vec<Whom>) -> Due {
        match &self.news {
            None => Due::nothing(),
            Some(news) => Due::new(news, about()),
        }
    }

    pub(crate) async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        self.noted(self.store.sessions_of(user, page).await)
    }

    /// All sessions of a user, page by page, so that any number of them takes bounded memory.
    pub(crate) async fn each_page_of(
        &self,
        user: &UserId,
        mut take: impl FnMut(Vec<(SessionId, Option<Header>)>),
    ) -> Result<()> {
        let mut page = Page::first(PAGE);
        loop {
            let found = self.sessions_of(user, &page).await?;
            take(found.sessions);
            match found.next {
                Some(cursor) => page = Page::after(cursor, PAGE),
                None => return Ok(()),
            }
        }
    }

    /// How many sessions of a user have ended by today's configuration, though not by the deadline
    /// that is stored.
    pub(crate) async fn ended_sessions_of(&self, user: &UserId) -> Result<usize> {
        let (now, mut ended) = (self.now(), HashSet::new());
        self.each_page_of(user, |page| {
            let headers = page.into_iter().filter_map(|(id, header)| Some((id, header?)));
            let is_over =
                |header: &Header| header.is_live(now) && !self.policy.is_live(header, now);
            ended.extend(headers.filter(|(_, header)| is_over(header)).map(|(id, _)| id));
        })
        .await?;
        Ok(ended.len())
    }

    /// The header of one session.
    pub(crate) async fn header(&self, id: &SessionId) -> Result<Looked> {
        let headers = self.noted(self.store.headers(&[*id]).await)?;
        Ok(match headers.into_iter().find(|(found, _)| found == id) {
            None => Looked::Missing,
            Some((_, None)) => Looked::Unreadable,
            Some((_, Some(header))) => Looked::Found(header),
        })
    }

    /// What there is of the headers of these sessions, 500 at most; each of them is in the answer.
    pub(crate) async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Looked)>> {
        let found = self.noted(self.store.headers(ids).await)?;
        let mut found: HashMap<_, _> = found.into_iter().collect();
        let look = |id: &SessionId| match found.remove(id) {
            None => Looked::Missing,
            Some(None) => Looked::Unreadable,
            Some(Some(header)) => Looked::Found(header),
        };
        Ok(ids.iter().copied().zip(ids.iter().map(look)).collect())
    }

    pub(crate) async fn clear(&self, at_most: usize) -> Result<More> {
        self.noted(self.store.clear(at_most).await)
    }

    fn noted<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && error.kind() == ErrorKind::Unavailable
        {
            self.tell(Event::Outage(error));
        }
        result
    }
}

/// Whose live connections a change may close.
fn affected(id: &SessionId, change: &Change) -> Vec<Whom> {
    let mut affected = match change {
        Change::Rewrite(Rewrite { owner: Owner::Login { .. } | Owner::Logout { .. }, .. }) => {
            vec![Whom::Session(*id)]
        }
        Change::Create(Create { .. }) | Change::Save(_) | Change::Rewrite(_) => Vec::new(),
    };
    if let Some((user, limit)) = change.limit()
        && limit.overflow == Overflow::EvictOldest
    {
        affected.push(Whom::User(user.clone()));
    }
    affected
}
