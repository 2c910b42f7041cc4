//! U5: any number of a user's sessions, in pages and batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use typed_sessions::store::{Owned, Page};
use typed_sessions::{Session, SessionId, Sessions, UserId, minutes};

use crate::world::{Member, Shop, World, race, stored};

/// So many sessions, made by several tasks at a time.
async fn crowd(sessions: &Sessions<Shop>, user: Option<u64>, size: usize) -> Vec<Session<Shop>> {
    const TASKS: usize = 8;
    let tasks = (0..TASKS).map(|task| {
        let sessions = sessions.clone();
        async move {
            let mut made = Vec::new();
            for _ in (task..size).step_by(TASKS) {
                let mut session = sessions.start();
                match user {
                    Some(user) => session.login(Member::new(user)).await.expect("logs in"),
                    None => session.save().await.expect("saves"),
                }
                made.push(session);
            }
            made
        }
    });
    race(tasks).await.into_iter().flatten().collect()
}

fn ids(sessions: &[Session<Shop>]) -> BTreeSet<SessionId> {
    sessions.iter().map(Session::id).collect()
}

/// A walk through a user's sessions, page by page.
struct Walk {
    world: World,
    user: UserId,
    next: Option<Page>,
}

impl Walk {
    fn through(world: &World, user: u64, at_most: usize) -> Self {
        let user = UserId::new(user).expect("an id");
        Self { world: world.clone(), user, next: Some(Page::first(at_most)) }
    }

    async fn page(&mut self) -> Option<Vec<SessionId>> {
        let page = self.next.take()?;
        let found = self.world.store.sessions_of(&self.user, &page).await.expect("works");
        self.next = found.next.map(|cursor| Page::after(cursor, page.at_most));
        assert!(found.sessions.iter().all(|(_, header)| header.is_some()), "it can be read");
        Some(found.sessions.into_iter().map(|(id, _)| id).collect())
    }

    async fn all(mut self) -> BTreeSet<SessionId> {
        let mut seen = BTreeSet::new();
        while let Some(page) = self.page().await {
            seen.extend(page);
        }
        seen
    }
}

pub(crate) async fn u5_pages_lose_nobody(world: World) {
    const CROWD: usize = 1_200;
    let sessions = world.sessions::<Shop>();
    let mut handles = crowd(&sessions, Some(1), CROWD).await;
    crowd(&sessions, Some(2), 10).await;
    let everybody = ids(&handles);

    let (mut walk, mut seen) = (Walk::through(&world, 1, 50), BTreeSet::new());
    while let Some(page) = walk.page().await {
        assert!(page.len() < CROWD / 2, "{} sessions are no page of about 50", page.len());
        seen.extend(page);
    }
    assert_eq!(seen, everybody, "nothing happens meanwhile");
    assert_eq!(Walk::through(&world, 1, 2 * CROWD).all().await, everybody, "all in one page");

    // Every second session ends as soon as it was seen.
    let (mut walk, mut seen, mut ended) =
        (Walk::through(&world, 1, 7), BTreeSet::new(), BTreeSet::new());
    while let Some(page) = walk.page().await {
        for id in page {
            if seen.insert(id) && seen.len() % 2 == 0 {
                world.delete(id, Owned::Anyones).await;
                ended.insert(id);
            }
        }
    }
    assert_eq!(seen, everybody, "a delete between pages lost somebody");
    handles.retain(|session| !ended.contains(&session.id()));
    assert_eq!(Walk::through(&world, 1, 50).all().await, ids(&handles), "who is left");

    // Others come and go.
    let busy = handles.split_off(handles.len() - 50);
    let stay = ids(&handles);
    let done = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(come_and_go(sessions.clone(), busy, Arc::clone(&done)));
    for at_most in [5, 20, 100] {
        let seen = Walk::through(&world, 1, at_most).all().await;
        let lost: Vec<_> = stay.difference(&seen).collect();
        assert!(lost.is_empty(), "{} who were there all the time", lost.len());
    }
    done.store(true, Ordering::SeqCst);
    others.await.expect("no panic");

    let user = sessions.user(&1);
    let left = user.count().await.expect("counts");
    assert_eq!(user.list().await.expect("lists").len(), left);
    assert!(left >= stay.len());
    assert_eq!(user.revoke_all().await.expect("revokes"), left);
    assert!(Walk::through(&world, 1, 50).all().await.is_empty());
    assert_eq!(Walk::through(&world, 2, 50).all().await.len(), 10, "another user's");
}

/// Logs sessions of user 1 out and in again, and lets new ones in, until it is done.
async fn come_and_go(
    sessions: Sessions<Shop>,
    mut busy: Vec<Session<Shop>>,
    done: Arc<AtomicBool>,
) {
    while !done.load(Ordering::SeqCst) {
        for session in &mut busy {
            session.logout().await.expect("logs out");
            let mut new = sessions.start();
            new.login(Member::new(1)).await.expect("logs in");
            new.destroy().await.expect("ends");
            session.login(Member::new(1)).await.expect("logs in again");
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn u5_headers_come_in_batches(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut handles = crowd(&sessions, None, 150).await;
    world.clock.advance(minutes(30));
    // Those are past their deadline and there all the same; these live.
    handles.extend(crowd(&sessions, Some(1), 150).await);
    let mut ended = crowd(&sessions, Some(1), 50).await;
    for session in &mut ended {
        session.destroy().await.expect("ends");
    }
    let unknown = (0..150).map(|_| sessions.start().id());
    // Those that are there and those that are not, mixed.
    let asked: BTreeSet<SessionId> =
        handles.iter().chain(&ended).map(Session::id).chain(unknown).collect();
    let asked: Vec<SessionId> = asked.into_iter().collect();
    assert_eq!(asked.len(), 500);

    let headers = world.store.headers(&asked).await.expect("the store works");
    assert_eq!(headers.len(), 300, "those that are not there are left out, the others come once");
    let headers: BTreeMap<SessionId, String> = headers
        .into_iter()
        .map(|(id, header)| (id, header.expect("it can be read").to_text()))
        .collect();
    assert_eq!(headers.keys().copied().collect::<BTreeSet<_>>(), ids(&handles));
    for (id, header) in &headers {
        assert_eq!(*header, world.header(*id).await.to_text(), "another session's header");
    }
    assert!(world.store.headers(&[]).await.expect("the store works").is_empty());
    let (one, _) = stored(&sessions).await;
    assert_eq!(world.store.headers(&[one.id()]).await.expect("the store works").len(), 1);
}
