//! All sessions of one user.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};

use crate::context::{Context, Looked, PAGE};
use crate::data::{FieldSpec, Role, SessionData, SessionUser, encode, put};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Ended, Event};
use crate::info::{Relation, SessionInfo};
use crate::live::Whom;
use crate::store::{Applied, Change, Deleted, Edit, Header, Owned, Page, Save, SharedStr, UserId};
use crate::token::SessionId;

/// The sessions of one user, on all devices; made by [`Sessions::user`](crate::Sessions::user).
pub struct UserSessions<D: SessionData> {
    context: Arc<Context>,
    /// The id as text, or why it cannot be one.
    user: Result<UserId, String>,
    seen_from: Option<SessionId>,
    data: PhantomData<fn() -> D>,
}

/// Sessions of a user that have not ended, as far as that can be told.
struct Live {
    readable: HashMap<SessionId, Header>,
    unreadable: usize,
}

/// How often `sync` looks again at a session that changed hands under it.
const SYNC_ATTEMPTS: usize = 4;

/// How many sessions are ended, or written to, at a time.
const AT_A_TIME: usize = 64;

impl<D: SessionData> UserSessions<D> {
    pub(crate) fn new(context: Arc<Context>, id: &<D::User as SessionUser>::Id) -> Self {
        let user = UserId::new(id).map_err(|error| error.to_string());
        Self { context, user, seen_from: None, data: PhantomData }
    }

    /// The same, as seen from one of the sessions: its entry in a [`list`](UserSessions::list) is
    /// [`is_current`](SessionInfo::is_current).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7, name: "Ada".into() }).await?;
    /// laptop.login(Member { id: 7, name: "Ada".into() }).await?;
    /// let list = sessions.user(&7).seen_from(phone.id()).list().await?;
    /// assert_eq!(list.iter().filter(|info| info.is_current()).count(), 1);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn seen_from(mut self, session: impl Borrow<SessionId>) -> Self {
        self.seen_from = Some(*session.borrow());
        self
    }

    /// The user's live sessions, most recently used first. One whose header this version cannot
    /// read is left out, with a warning; it can still be revoked.
    ///
    /// # Cost
    ///
    /// One `sessions_of` for each 500 sessions. Memory for the headers of all, never for their
    /// data.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7, name: "Ada".into() }).await?;
    /// laptop.login(Member { id: 7, name: "Ada".into() }).await?;
    /// let list = sessions.user(&7).list().await?;
    /// assert!(list.len() == 2 && list.iter().all(|info| info.user_id() == Some("7")));
    /// # Ok(()) });
    /// ```
    pub async fn list(&self) -> Result<Vec<SessionInfo>> {
        let mut list: Vec<_> = self
            .live()
            .await?
            .readable
            .into_iter()
            .map(|(id, header)| {
                let is_own = self.seen_from == Some(id);
                let relation = if is_own { Relation::Own } else { Relation::Other };
                SessionInfo::new(id, &header, &self.context.policy, relation)
            })
            .collect();
        list.sort_by_key(|info| (std::cmp::Reverse(info.last_seen()), info.id()));
        Ok(list)
    }

    /// How many live sessions the user has.
    ///
    /// # Cost
    ///
    /// One `sessions_of` for each 500 sessions.
    pub async fn count(&self) -> Result<usize> {
        let now = self.context.now();
        let mut live = HashSet::new();
        self.context
            .each_page_of(self.user()?, |page| {
                let is_live = |header: &Header| self.context.policy.is_live(header, now);
                let page = page.into_iter();
                live.extend(
                    page.filter_map(|(id, header)| {
                        header.is_some_and(|h| is_live(&h)).then_some(id)
                    }),
                );
            })
            .await?;
        Ok(live.len())
    }

    /// Ends one session of the user, for good; tells whether it was theirs and has ended. What a
    /// button "sign out there" calls: the id comes from a client, so it may be anybody's.
    ///
    /// # Atomicity
    ///
    /// It is the user's at the moment when it ends, or it goes on.
    ///
    /// # Cost
    ///
    /// One `delete`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let (mut mine, mut hers) = (sessions.start(), sessions.start());
    /// mine.login(Member { id: 7, name: "Ada".into() }).await?;
    /// hers.login(Member { id: 8, name: "Eve".into() }).await?;
    /// assert!(sessions.user(&7).revoke(mine.id()).await?);
    /// assert!(!sessions.user(&7).revoke(hers.id()).await?);
    /// # Ok(()) });
    /// ```
    pub async fn revoke(&self, session: impl Borrow<SessionId>) -> Result<bool> {
        let only = Owned::OfUser(self.user()?.clone());
        let deleted = self.context.end(session.borrow(), &only, Ended::Revoked).await?;
        Ok(deleted == Deleted::Yes)
    }

    /// Ends all sessions of the user, for good; tells how many. A login that comes later is not
    /// affected, and neither is a session that another user has taken over meanwhile.
    ///
    /// What cannot be read ends, too. One that cannot be ended does not keep the others of its 500
    /// from it.
    ///
    /// # Cost
    ///
    /// One `sessions_of` for each 500 sessions, and one `delete` for each session, 64 at a time.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7, name: "Ada".into() }).await?;
    /// laptop.login(Member { id: 7, name: "Ada".into() }).await?;
    /// assert_eq!(sessions.user(&7).revoke_all().await?, 2);
    /// assert!(sessions.open(phone.token().expose()).await?.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn revoke_all(&self) -> Result<usize> {
        self.revoke_each(None).await
    }

    /// Ends all sessions of the user but this one, for good; tells how many: what follows a change
    /// of password (OWASP ASVS 5.0, 7.4.3).
    ///
    /// # Cost
    ///
    /// As [`revoke_all`](UserSessions::revoke_all).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7, name: "Ada".into() }).await?;
    /// laptop.login(Member { id: 7, name: "Ada".into() }).await?;
    /// sessions.user(&7).revoke_except(phone.id()).await?;
    /// assert_eq!(sessions.user(&7).count().await?, 1);
    /// # Ok(()) });
    /// ```
    pub async fn revoke_except(&self, keep: impl Borrow<SessionId>) -> Result<usize> {
        self.revoke_each(Some(*keep.borrow())).await
    }

    /// Writes the user into the user field of every live session that still belongs to them; tells
    /// into how many. The changes show when those sessions are opened next.
    ///
    /// One session that cannot take it does not keep the others from it. `max_value_bytes` bounds
    /// the value; `max_session_bytes` does not hold here, or a user could keep a changed role from
    /// a device by filling its session.
    ///
    /// # Errors
    ///
    /// `Invalid` when the user has another id than these sessions, `TooLarge` and `Encode` before
    /// anything is sent; otherwise the first error, after all sessions were tried.
    ///
    /// # Cost
    ///
    /// One `sessions_of` for each 500 sessions, and one `apply` for each session, 64 at a time.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Named { id: u64, name: String }
    /// # impl SessionUser for Named { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Account { #[session(user)] member: Option<Named> }
    /// # let sessions = Sessions::<Account>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.login(Named { id: 7, name: "Ada".into() }).await?;
    /// sessions.user(&7).sync(&Named { id: 7, name: "Ada Lovelace".into() }).await?;
    ///
    /// session.reload().await?;
    /// let member = session.member.as_ref().expect("logged in");
    /// assert_eq!(member.name, "Ada Lovelace");
    /// # Ok(()) });
    /// ```
    pub async fn sync(&self, user: &D::User) -> Result<usize> {
        let me = self.user()?;
        if UserId::new(user.id())? != *me {
            return Err(Error::new(
                ErrorKind::Invalid,
                "`sync` was given another user than the one whose sessions these are",
            ));
        }
        let Some(spec) = D::__FIELDS.iter().find(|spec| spec.role == Role::User) else {
            return Ok(0);
        };
        let text = encode(user).map_err(|failure| failure.encoding(spec.key))?;
        self.check_value(spec, &text)?;
        let Live { readable, unreadable } = self.live().await?;
        let mut written = 0;
        // On a node of a newer version it goes on with what was to be changed.
        let mut first_error = (unreadable > 0).then(|| {
            let message = format!("this version cannot read it in {unreadable} of the sessions");
            Error::corrupt("$header", &message)
        });
        let writes =
            readable.into_iter().map(|(id, header)| self.sync_one(spec, &text, id, header));
        let mut writes = stream::iter(writes).buffer_unordered(AT_A_TIME);
        while let Some(result) = writes.next().await {
            match result {
                Ok(is_written) => written += usize::from(is_written),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            None => Ok(written),
            Some(error) => Err(error),
        }
    }

    /// Tells whether the session still belonged to the user, and was written.
    async fn sync_one(
        &self,
        spec: &FieldSpec,
        text: &SharedStr,
        id: SessionId,
        mut header: Header,
    ) -> Result<bool> {
        for _ in 0..SYNC_ATTEMPTS {
            let mut save = Save::of(&header, self.context.now());
            put(&mut save.edit, spec, Some(text.clone()), save.now);
            match self.context.apply(&id, &Change::Save(save)).await? {
                Applied::Applied => return Ok(true),
                Applied::Missing => return Ok(false),
                Applied::Superseded | Applied::Conflict | Applied::Full => {}
            }
            // Logged in or out since: it may be this user's again.
            match self.context.header(&id).await? {
                Looked::Found(next) if next.user() == self.user.as_ref().ok() => header = next,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    fn check_value(&self, spec: &FieldSpec, json: &SharedStr) -> Result<()> {
        let mut edit = Edit::default();
        put(&mut edit, spec, Some(json.clone()), self.context.now());
        let mut texts = edit.set.iter();
        texts.try_for_each(|(key, text)| self.context.policy.check_value(key.as_str(), text))
    }

    /// The user's live sessions, each once.
    async fn live(&self) -> Result<Live> {
        let now = self.context.now();
        let (mut readable, mut unreadable) = (HashMap::new(), HashSet::new());
        self.context
            .each_page_of(self.user()?, |page| {
                for (id, header) in page {
                    match header {
                        None => drop(unreadable.insert(id)),
                        Some(header) if self.context.policy.is_live(&header, now) => {
                            readable.insert(id, header);
                        }
                        Some(_) => {}
                    }
                }
            })
            .await?;
        for id in &unreadable {
            self.context.tell(Event::Unreadable(id));
        }
        Ok(Live { readable, unreadable: unreadable.len() })
    }

    /// Ends all sessions of the user but perhaps one, page by page. One that cannot be ended does
    /// not keep the others from it; the first error is returned at the end.
    async fn revoke_each(&self, keep: Option<SessionId>) -> Result<usize> {
        let (mut ended, mut first_error) = (0, None);
        let mut page = Page::first(PAGE);
        loop {
            let user = self.user()?;
            let found = self.context.sessions_of(user, &page).await?;
            // For each page: there may be many, and what has ended is to be heard of at once.
            let due = self.context.due(|| vec![Whom::User(user.clone())]);
            let ids = found.sessions.into_iter().map(|(id, _)| id).filter(|id| Some(*id) != keep);
            let ends = ids.map(|id| self.end_one_of_many(id));
            let mut ends = stream::iter(ends).buffer_unordered(AT_A_TIME);
            while let Some(result) = ends.next().await {
                match result {
                    Ok(has_ended) => ended += usize::from(has_ended),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            due.settle(&first_error.as_ref().map_or(Ok(()), Err)).await;
            match (found.next, first_error) {
                (_, Some(error)) => return Err(error),
                (None, None) => return Ok(ended),
                (Some(cursor), None) => page = Page::after(cursor, PAGE),
            }
            first_error = None;
        }
    }

    /// Ends a session if it is this user's.
    async fn end_one_of_many(&self, id: SessionId) -> Result<bool> {
        let only = Owned::OfUser(self.user()?.clone());
        let deleted = self.context.end_one_of_many(&id, &only, Ended::Revoked).await?;
        Ok(deleted == Deleted::Yes)
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    pub(crate) fn user(&self) -> Result<&UserId> {
        self.user.as_ref().map_err(|message| Error::new(ErrorKind::Invalid, message.clone()))
    }
}

impl<D: SessionData> Clone for UserSessions<D> {
    fn clone(&self) -> Self {
        Self {
            context: Arc::clone(&self.context),
            user: self.user.clone(),
            seen_from: self.seen_from,
            data: PhantomData,
        }
    }
}

impl<D: SessionData> fmt::Debug for UserSessions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSessions").field("user", &self.user).finish_non_exhaustive()
    }
}
