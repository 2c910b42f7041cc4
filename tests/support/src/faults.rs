//! F1 on servers that die and hang.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::{ErrorKind, Session, Sessions};

use crate::{Shop, in_time, logged_in, stored};

/// How a crash in the middle of writes is staged.
#[derive(Clone, Copy, Debug)]
pub struct Crashes {
    /// Sessions that are written, each by a task of its own.
    pub sessions: usize,
    /// Writing goes on for so long before each crash, and after the last.
    pub every: Duration,
    /// There are three crashes, and more until they have interrupted so many writes.
    pub interrupted: usize,
}

/// What became of a session's writes.
#[derive(Debug)]
struct Written {
    token: String,
    /// Of what was refused the last may have been written, or the one before.
    possible: RangeInclusive<u32>,
}

/// What goes on meanwhile.
#[derive(Debug, Default)]
struct Progress {
    done: AtomicBool,
    interrupted: AtomicUsize,
}

/// What was acknowledged survives a server that is killed and started again by `crash`, on its own
/// thread.
///
/// # Panics
/// When something was lost, or what was asked for did not happen.
pub async fn acknowledged_writes_survive(
    sessions: &Sessions<Shop>,
    plan: Crashes,
    mut crash: impl FnMut() + Send + 'static,
) {
    let all = join_all((0..plan.sessions).map(|_| stored(sessions))).await;
    let progress = Arc::new(Progress::default());
    let write = |(session, token)| tokio::spawn(write(session, token, Arc::clone(&progress)));
    let writers: Vec<_> = all.into_iter().map(write).collect();
    let watched = Arc::clone(&progress);
    let crashes = tokio::task::spawn_blocking(move || {
        for crashes in 0.. {
            std::thread::sleep(plan.every);
            let interrupted = watched.interrupted.load(Ordering::SeqCst);
            if crashes >= 3 && interrupted >= plan.interrupted {
                break;
            }
            assert!(
                crashes < 30,
                "the crashes did not come in the middle of the writes: {interrupted}"
            );
            crash();
        }
        // It may own the server.
        crash
    });
    let server = crashes.await.expect("starts again");
    progress.done.store(true, Ordering::SeqCst);
    for writer in writers {
        let written = in_time(writer).await.expect("no panic");
        let session = sessions
            .open(&written.token)
            .await
            .expect("it answers again")
            .expect("a session was lost");
        assert!(written.possible.contains(&session.visits), "{}: {written:?}", session.visits);
    }
    drop(server);
}

async fn write(mut session: Session<Shop>, token: String, progress: Arc<Progress>) -> Written {
    let (mut acknowledged, mut attempted) = (1, 1);
    while !progress.done.load(Ordering::SeqCst) {
        attempted += 1;
        match session.set(Shop::VISITS, attempted).await {
            Ok(()) => acknowledged = attempted,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                progress.interrupted.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    Written { token, possible: acknowledged..=attempted }
}

/// A server that hangs for five seconds is `Unavailable` at every call, within the time limit, and
/// answers again afterwards.
///
/// # Panics
/// When that is not so.
pub async fn a_hanging_server_is_unavailable(
    sessions: &Sessions<Shop>,
    stop: impl FnOnce(),
    resume: impl FnOnce(),
) {
    let (mut session, token) = logged_in(sessions, 1).await;
    stop();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(5) {
        let error = in_time(sessions.open(&token)).await.expect_err("it does not answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = in_time(sessions.open_or_start(Some(&token)))
            .await
            .expect_err("a fresh session instead");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = in_time(session.set(Shop::VISITS, 7)).await.expect_err("it does not answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(crate::reason(&error).contains("within"), "{error:?}");
        let error = in_time(sessions.user(&1).list()).await.expect_err("it does not answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    resume();
    // At once, or after the pause between two attempts to connect.
    let mut opened = in_time(sessions.open(&token)).await;
    for _ in 0..50 {
        if opened.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        opened = in_time(sessions.open(&token)).await;
    }
    assert!(opened.expect("it answers again").is_some());
    session.set(Shop::VISITS, 8).await.expect("and takes writes");
}
