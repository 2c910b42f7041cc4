//! All sessions of one user.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::change::{Applied, Change, Expected};
use crate::data::{FieldSpec, Role, SessionData, SessionUser};
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::info::{Relation, SessionInfo};
use crate::json;
use crate::record::Record;
use crate::session::edit::Edit;
use crate::sessions::Context;
use crate::token::SessionId;
use crate::user::UserId;

/// The sessions of one user, on all devices; made by [`Sessions::user`](crate::Sessions::user).
pub struct UserSessions<D: SessionData> {
    context: Arc<Context>,
    /// The id as text, or why it cannot be one.
    user: Result<UserId, String>,
    seen_from: Option<SessionId>,
    data: PhantomData<fn() -> D>,
}

/// How often `sync` looks again at a session that changed hands under it.
const SYNC_ATTEMPTS: usize = 4;

impl<D: SessionData> UserSessions<D> {
    pub(crate) fn new(context: Arc<Context>, id: &<D::User as SessionUser>::Id) -> Self {
        let user = UserId::new(id).map_err(|error| error.to_string());
        Self { context, user, seen_from: None, data: PhantomData }
    }

    /// The same, as seen from one of the sessions: its entry in a [`list`](UserSessions::list) is
    /// [`is_current`](SessionInfo::is_current).
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7 }).await?;
    /// laptop.login(Member { id: 7 }).await?;
    /// let list = sessions.user(&7).seen_from(phone.id()).list().await?;
    /// assert_eq!(list.iter().filter(|info| info.is_current()).count(), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn seen_from(mut self, session: impl Borrow<SessionId>) -> Self {
        self.seen_from = Some(*session.borrow());
        self
    }

    /// The user's live sessions, most recently used first. Cost: one `sessions_of`.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7 }).await?;
    /// laptop.login(Member { id: 7 }).await?;
    /// let list = sessions.user(&7).list().await?;
    /// assert!(list.len() == 2 && list.iter().all(|info| info.user_id() == Some("7")));
    /// # Ok(()) }
    /// ```
    pub async fn list(&self) -> Result<Vec<SessionInfo>> {
        let mut live = self.live().await?;
        live.sort_by_key(|(id, record)| (std::cmp::Reverse(record.header.last_seen()), *id));
        let relation =
            |id| if self.seen_from == Some(id) { Relation::Own } else { Relation::Other };
        Ok(live
            .iter()
            .map(|(id, record)| SessionInfo::new(*id, &record.header, relation(*id)))
            .collect())
    }

    /// How many live sessions the user has. Cost: one `sessions_of`.
    pub async fn count(&self) -> Result<usize> {
        Ok(self.live().await?.len())
    }

    /// Ends all sessions of the user, for good; tells how many. A login that comes later is not affected.
    ///
    /// Cost: one `sessions_of` and one `delete` each.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7 }).await?;
    /// laptop.login(Member { id: 7 }).await?;
    /// assert_eq!(sessions.user(&7).revoke_all().await?, 2);
    /// assert!(sessions.open(phone.token().expose()).await?.is_none());
    /// # Ok(()) }
    /// ```
    pub async fn revoke_all(&self) -> Result<usize> {
        self.revoke(|_| true).await
    }

    /// Ends all sessions of the user but this one, for good; tells how many. Cost as
    /// [`revoke_all`](UserSessions::revoke_all).
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let (mut phone, mut laptop) = (sessions.start(), sessions.start());
    /// phone.login(Member { id: 7 }).await?;
    /// laptop.login(Member { id: 7 }).await?;
    /// sessions.user(&7).revoke_except(phone.id()).await?;
    /// assert_eq!(sessions.user(&7).count().await?, 1);
    /// # Ok(()) }
    /// ```
    pub async fn revoke_except(&self, keep: impl Borrow<SessionId>) -> Result<usize> {
        let keep = *keep.borrow();
        self.revoke(|id| *id != keep).await
    }

    /// Writes the user into the user field of every live session that still belongs to them; tells into how many. The
    /// changes show when those sessions are opened next.
    ///
    /// `Invalid` when the user has another id than these sessions, `TooLarge` for a session that would be: those before it are
    /// written, the others not. Cost: one `sessions_of` and one `apply` each.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Named { id: u64, name: String }
    /// # impl SessionUser for Named { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Account { #[session(user)] member: Option<Named> }
    /// # let sessions = Sessions::<Account>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.login(Named { id: 7, name: "Ada".into() }).await?;
    /// sessions.user(&7).sync(&Named { id: 7, name: "Ada Lovelace".into() }).await?;
    ///
    /// session.reload().await?;
    /// assert_eq!(session.member.as_ref().map(|member| member.name.as_str()), Some("Ada Lovelace"));
    /// # Ok(()) }
    /// ```
    pub async fn sync(&self, user: &D::User) -> Result<usize> {
        let me = self.user()?;
        if UserId::new(user.id())? != *me {
            return Err(Error::new(
                ErrorKind::Invalid,
                "`sync` was given another user than the one whose sessions these are",
            ));
        }
        let Some(spec) = D::FIELDS.iter().find(|spec| spec.role == Role::User) else {
            return Ok(0);
        };
        let text = json::encode(user).map_err(|failure| failure.encoding(spec.key))?;
        let mut written = 0;
        for (id, record) in self.live().await? {
            written += usize::from(self.sync_one(spec, &text, &id, record).await?);
        }
        Ok(written)
    }

    /// Tells whether the session still belonged to the user, and was written.
    async fn sync_one(
        &self,
        spec: &FieldSpec,
        text: &str,
        id: &SessionId,
        mut record: Record,
    ) -> Result<bool> {
        for _ in 0..SYNC_ATTEMPTS {
            let login_epoch = Some(record.header.login_epoch());
            let expected = Expected { login_epoch, ..Expected::default() };
            let mut change = Change::update(self.context.now(), expected);
            let mut edit = Edit::default();
            edit.put(spec, Some(text), change.now);
            edit.check(&record.fields, &self.context.policy)?;
            edit.fill(&mut change);
            if self.context.store.apply(id, &change).await? == Applied::Applied {
                return Ok(true);
            }
            // Ended, or logged in or out since: it may be this user's again.
            match self.context.store.load(id).await? {
                Some(next) if next.header.user() == self.user.as_ref().ok() => record = next,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    async fn live(&self) -> Result<Vec<(SessionId, Record)>> {
        let mut sessions = self.context.store.sessions_of(self.user()?).await?;
        let now = self.context.now();
        sessions.retain(|(_, record)| record.header.is_live(now));
        Ok(sessions)
    }

    async fn revoke(&self, chosen: impl Fn(&SessionId) -> bool) -> Result<usize> {
        let mut ended = 0;
        for (id, _) in self.context.store.sessions_of(self.user()?).await? {
            if chosen(&id) && self.context.store.delete(&id).await? {
                event::ended(&id, event::Ended::Revoked);
                ended += 1;
            }
        }
        Ok(ended)
    }

    fn user(&self) -> Result<&UserId> {
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
