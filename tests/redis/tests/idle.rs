//! F4, F5: connections that ended while nobody used them, and runtimes that come and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use typed_sessions::{RedisStore, Sessions};
use typed_sessions_redis_tests::{Member, Shop, builder, logged_in, sessions, stored};
use typed_sessions_test_servers::cluster::Cluster;
use typed_sessions_test_servers::redis::Redis;

/// Every kind of write, once each, right after something has happened to all connections.
async fn writes_cost_nothing(sessions: &Sessions<Shop>, happens: &(dyn Fn() + Sync)) {
    let (mut session, token) = logged_in(sessions, 1).await;
    happens();
    session.set(Shop::VISITS, 1).await.expect("sets");
    happens();
    session.note.push_str("changed");
    session.save().await.expect("saves");
    happens();
    session.update(Shop::VISITS, |visits| *visits += 1).await.expect("updates");
    happens();
    session.login(Member { id: 2 }).await.expect("logs in");
    happens();
    assert!(sessions.open(&token).await.expect("reads").is_none());
    happens();
    session.logout().await.expect("logs out");
    happens();
    session.login(Member { id: 3 }).await.expect("logs in");
    happens();
    assert_eq!(sessions.user(&3).revoke_all().await.expect("revokes"), 1);
    let mut new = sessions.start();
    new.note.push_str("new");
    happens();
    new.save().await.expect("creates");
    happens();
    new.destroy().await.expect("ends");
}

/// What the server has of connections of this library: redis-cli's own is the one that asks.
fn clients(server: &Redis) -> usize {
    server.cli(&["CLIENT", "LIST"]).lines().filter(|line| !line.contains("cmd=client")).count()
}

#[tokio::test]
async fn f4_connections_that_the_server_closed_cost_no_write() {
    let server = Redis::start(&[]);
    let sessions = sessions(RedisStore::connect(server.url()).await.expect("connects"));
    let kill = || drop(server.cli(&["CLIENT", "KILL", "TYPE", "normal"]));
    for _ in 0..10 {
        writes_cost_nothing(&sessions, &kill).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_connections_that_the_server_closed_cost_no_write_in_many_threads() {
    let server = Redis::start(&[]);
    let store = builder(&server.url()).connections(5).connect().await.expect("connects");
    let kill = || drop(server.cli(&["CLIENT", "KILL", "TYPE", "normal"]));
    for _ in 0..10 {
        writes_cost_nothing(&sessions(store.clone()), &kill).await;
    }
}

#[tokio::test]
async fn f4_the_servers_timeout_costs_no_write() {
    let server = Redis::start(&["--timeout", "1", "--hz", "100"]);
    let sessions = sessions(RedisStore::connect(server.url()).await.expect("connects"));
    let (mut session, _) = stored(&sessions).await;
    for round in 0..2 {
        while clients(&server) > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        session.set(Shop::VISITS, round).await.expect("sets");
    }
}

#[tokio::test]
async fn f4_a_restart_costs_no_write() {
    let mut server = Redis::start(&["--appendonly", "yes"]);
    let sessions = sessions(RedisStore::connect(server.url()).await.expect("connects"));
    let (mut session, _) = stored(&sessions).await;
    for round in 0..3 {
        server.kill();
        server.start_again();
        session.set(Shop::VISITS, round).await.expect("sets");
    }
}

#[tokio::test]
async fn f4_connections_that_nodes_closed_cost_no_write() {
    let cluster = Cluster::start();
    let sessions = sessions(builder(&cluster.url()).connect().await.expect("connects"));
    let kill = || {
        for node in &cluster.nodes {
            node.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
    };
    for _ in 0..5 {
        writes_cost_nothing(&sessions, &kill).await;
    }
}

/// Something between client and server that forgets connections, without a word, on demand. New
/// ones work.
async fn forgetful_balancer(server: &Redis) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let (server, forgets) = (server.address(), Arc::new(AtomicBool::new(false)));
    let current = Arc::clone(&forgets);
    tokio::spawn(async move {
        let mut kept = Arc::new(AtomicBool::new(false));
        while let Ok((client, _)) = listener.accept().await {
            if current.swap(false, Ordering::SeqCst) {
                kept.store(true, Ordering::SeqCst);
                kept = Arc::new(AtomicBool::new(false));
            }
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) =
                TcpStream::connect(&server).await.expect("the server is there").into_split();
            let (forgotten, forgets) = (Arc::clone(&kept), Arc::clone(&current));
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                    if forgets.load(Ordering::SeqCst) || forgotten.load(Ordering::SeqCst) {
                        continue;
                    }
                    to_server.write_all(&bytes[..length]).await.expect("the server is there");
                }
            });
            tokio::spawn(async move {
                // The end does not matter: the client has gone.
                let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
            });
        }
    });
    (url, forgets)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_connection_that_was_forgotten_while_idle_costs_no_write() {
    let server = Redis::start(&[]);
    let (url, forgets) = forgetful_balancer(&server).await;
    let store = RedisStore::builder()
        .url(url)
        .connections(1)
        .time_limit(Duration::from_secs(4))
        .connect()
        .await
        .expect("connects");
    let sessions = sessions(store);
    let (mut session, _) = stored(&sessions).await;
    forgets.store(true, Ordering::SeqCst);
    // Idle for long is longer than ten seconds.
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    session.set(Shop::VISITS, 1).await.expect("another connection carries it");
}

/// A runtime of its own for each test is what `#[tokio::test]` makes; the store may be shared.
#[test]
fn f5_a_store_serves_one_runtime_after_the_other() {
    let server = Redis::start(&[]);
    let store = OnceLock::<RedisStore>::new();
    for round in 0..12 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            if store.get().is_none() {
                store
                    .set(RedisStore::connect(server.url()).await.expect("connects"))
                    .expect("is first");
            }
            let sessions = sessions(store.get().expect("is there").clone());
            let (mut session, token) = logged_in(&sessions, round).await;
            session.set(Shop::VISITS, 7).await.expect("sets");
            assert_eq!(sessions.open(&token).await.expect("reads").expect("is there").visits, 7);
        });
    }
    assert!(clients(&server) <= 2, "runtimes that have ended leave no connection behind");
}

#[test]
fn f5_a_store_serves_many_runtimes_at_a_time() {
    const THREADS: usize = 8;
    let server = Redis::start(&[]);
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime")
    };
    // It stands still from now on.
    let first = runtime();
    let store = first.block_on(RedisStore::connect(server.url())).expect("connects");
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, barrier) = (&store, &barrier);
            scope.spawn(move || {
                for round in 0..20 {
                    barrier.wait();
                    // Each ends while others are at work.
                    runtime().block_on(async {
                        let sessions = sessions(store.clone());
                        let user = u64::try_from(thread * 100 + round).expect("small");
                        let (mut session, token) = logged_in(&sessions, user).await;
                        for _ in 0..thread {
                            session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
                        }
                        sessions.open(&token).await.expect("reads").expect("is there");
                    });
                }
            });
        }
    });
    drop(first);
}

/// A runtime stops at every step of a call that connects anew, and is not dropped: what it holds
/// then, nobody else needs.
fn others_go_on(url: &str, happens: &dyn Fn()) {
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime")
    };
    let patient = builder(url).time_limit(Duration::from_secs(3));
    let mut still = Vec::new();
    let home = runtime();
    let sessions = sessions(home.block_on(patient.connect()).expect("connects"));
    let (_, token) = home.block_on(stored(&sessions));
    for steps in 0..25 {
        happens();
        let stops = runtime();
        stops.block_on(async {
            let (sessions, token) = (sessions.clone(), token.clone());
            tokio::spawn(async move { drop(sessions.open(&token).await) });
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
        });
        still.push(stops);
        let opened = runtime().block_on(sessions.open(&token));
        assert!(opened.expect("reads").is_some(), "after {steps} steps");
    }
}

#[test]
fn f5_a_runtime_that_stands_still_holds_nobody_up() {
    let server = Redis::start(&[]);
    others_go_on(&server.url(), &|| drop(server.cli(&["CLIENT", "KILL", "TYPE", "normal"])));
}

#[test]
fn f5_a_runtime_that_stands_still_holds_nobody_up_in_a_cluster() {
    let cluster = Cluster::start();
    others_go_on(&cluster.url(), &|| {
        for node in &cluster.nodes {
            node.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
    });
}
