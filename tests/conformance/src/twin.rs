//! A store and the contract as code, side by side: nobody may be able to tell them apart.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use typed_sessions::store::{
    Applied, Change, Create, Deleted, Found, Header, More, Owned, Owner, Page, Record, Rewrite,
    Save,
};
use typed_sessions::{Result, SessionId, SessionStore, Timestamp, UserId, hours};

use crate::reference::Reference;
use crate::steps::Twist;
use crate::world::World;

/// Makes each write on a store and on the reference, and compares answers, records and indexes.
/// Clones are the same pair.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    tested: World,
    pub(crate) reference: Arc<Reference>,
    users: [UserId; 3],
    pair: Arc<Mutex<Pair>>,
}

#[derive(Debug, Default)]
struct Pair {
    /// All sessions that ever were.
    known: BTreeSet<SessionId>,
    twist: Option<Twist>,
    seen: BTreeSet<String>,
}

impl Twin {
    /// What happens here concerns these users only.
    pub(crate) fn new(tested: World, users: [UserId; 3]) -> Self {
        Self { tested, reference: Arc::default(), users, pair: Arc::default() }
    }

    /// Lets the next change be tried in another form before.
    pub(crate) fn twist_next(&self, twist: Option<Twist>) {
        self.lock().twist = twist;
    }

    /// The kinds of writes and answers that there were so far.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.lock().seen.clone()
    }

    /// All sessions that ever were.
    pub(crate) fn known(&self) -> Vec<SessionId> {
        self.lock().known.iter().copied().collect()
    }

    fn saw(&self, what: String) {
        self.lock().seen.insert(what);
    }

    fn lock(&self) -> MutexGuard<'_, Pair> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn apply_to_both(&self, id: &SessionId, change: &Change) -> Applied {
        self.lock().known.insert(*id);
        let others =
            |headers: Vec<(SessionId, _)>| headers.iter().filter(|(it, _)| it != id).count();
        let before = others(self.reference.headers());
        let mut users = BTreeSet::from_iter(self.user_of(id));
        users.extend(change.header().and_then(Header::user).cloned());
        let applied = self.tested.store.apply(id, change).await.expect("the store works");
        let expected = self.reference.apply(id, change);
        assert_eq!(applied, expected, "{change:?}");
        self.saw(format!("{} {applied:?}", name(change)));
        if others(self.reference.headers()) < before {
            self.saw("evicted".to_owned());
        }
        self.compare(id, &users).await;
        applied
    }

    fn user_of(&self, id: &SessionId) -> Option<UserId> {
        self.reference.load(id)?.header.user().cloned()
    }

    /// Whether the indexes have the same in them.
    pub(crate) async fn compare_indexes(&self) {
        self.compare_indexes_of(&self.users).await;
    }

    /// Whether the stores have the same in them: all of this session, all headers, and what the
    /// indexes have of these users.
    async fn compare(&self, id: &SessionId, users: &BTreeSet<UserId>) {
        let record = self.tested.record(*id).await;
        assert_eq!(shown(record), shown(self.reference.load(id)), "the record of {id}");

        let headers = self.tested.store.headers(&self.known()).await.expect("the store works");
        let mut headers: Vec<_> =
            headers.into_iter().map(|(id, header)| (id, readable(header).to_text())).collect();
        headers.sort_unstable();
        let expected = self.reference.headers().into_iter();
        let expected: Vec<_> = expected.map(|(id, header)| (id, header.to_text())).collect();
        assert_eq!(headers, expected, "who is there");
        self.compare_indexes_of(users).await;
    }

    async fn compare_indexes_of(&self, users: impl IntoIterator<Item = &UserId>) {
        for user in users {
            let listed = self.tested.members(user, 2).await;
            let listed: BTreeSet<_> =
                listed.into_iter().map(|(id, header)| (id, readable(header).to_text())).collect();
            let (mut all, mut live) = (BTreeSet::new(), BTreeSet::new());
            for (id, header) in self.reference.members(user) {
                let header = readable(header);
                if header.is_live(self.tested.now()) {
                    live.insert((id, header.to_text()));
                }
                all.insert((id, header.to_text()));
            }
            assert!(live.is_subset(&listed), "user {user}: {live:?} are live, {listed:?} listed");
            assert!(listed.is_subset(&all), "user {user}: {listed:?} are listed, of {all:?}");
        }
    }

    fn twisted(
        &self,
        twist: &Twist,
        id: &SessionId,
        change: &Change,
    ) -> Option<(SessionId, Change)> {
        let deadline = self.reference.load(id).map(|record| record.header.deadline());
        let (mut id, mut change) = (*id, change.clone());
        let (now, epoch, revision, edit) = match &mut change {
            Change::Create(Create { fields, .. }) => {
                let Twist::WithOddities(oddities) = twist else { return None };
                fields.extend(oddities.edit().set);
                return Some((id, change));
            }
            Change::Save(Save { now, login_epoch, edit, .. }) => (now, login_epoch, None, edit),
            Change::Rewrite(Rewrite { now, login_epoch, revision, edit, .. }) => {
                (now, login_epoch, Some(revision), edit)
            }
        };
        match twist {
            Twist::LaterEpoch => *epoch += 1,
            Twist::EarlierEpoch => *epoch = epoch.checked_sub(1)?,
            Twist::LaterRevision => *revision? += 1,
            Twist::EarlierRevision => {
                let revision = revision?;
                *revision = revision.checked_sub(1)?;
            }
            Twist::LaterEpochAndRevision => {
                *epoch += 1;
                *revision? += 1;
            }
            Twist::AtTheDeadline => *now = deadline?,
            Twist::LongAfter => *now = deadline?.after(hours(100)),
            Twist::AnHourBefore => {
                let hour = Timestamp::MIN.after(hours(1)).as_millis();
                *now = Timestamp::from_millis(now.as_millis().checked_sub(hour)?);
            }
            Twist::ToAnUnknownSession => id = SessionId::from_bytes([7; 16]),
            Twist::WithOddities(oddities) => *edit = oddities.edit(),
        }
        Some((id, change))
    }
}

fn readable(header: Option<Header>) -> Header {
    header.expect("every header can be read")
}

/// A record as text.
fn shown(record: Option<Record>) -> Option<(String, Vec<(String, String)>)> {
    let Record { header, fields, .. } = record?;
    let fields = fields.iter().map(|(key, text)| (key.as_str().into(), text.as_str().into()));
    Some((header.to_text(), fields.collect()))
}

fn name(change: &Change) -> &'static str {
    match change {
        Change::Create(create) if create.header.user().is_some() => "create, login",
        Change::Create(_) => "create",
        Change::Save(_) => "save",
        Change::Rewrite(rewrite) => match &rewrite.owner {
            Owner::Same => "rewrite, same",
            Owner::SameForLonger => "rewrite, same for longer",
            Owner::Login { .. } => "rewrite, login",
            Owner::Logout { .. } => "rewrite, logout",
        },
    }
}

#[async_trait]
impl SessionStore for Twin {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        self.tested.store.load(id).await
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let twist = self.lock().twist.take();
        let twisted = twist.and_then(|twist| self.twisted(&twist, id, change));
        if let Some((id, twisted)) = twisted {
            self.apply_to_both(&id, &twisted).await;
        }
        Ok(self.apply_to_both(id, change).await)
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        let users = BTreeSet::from_iter(self.user_of(id));
        let deleted = self.tested.store.delete(id, only).await?;
        assert_eq!(deleted, self.reference.delete(id, only), "delete {only:?}");
        self.saw(format!("delete {deleted:?}"));
        self.compare(id, &users).await;
        Ok(deleted)
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        self.tested.store.sessions_of(user, page).await
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        self.tested.store.headers(ids).await
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        self.tested.store.clear(at_most).await
    }
}
