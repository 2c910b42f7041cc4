//! F: servers that die, hang, refuse and lose, for real.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use typed_sessions::{ErrorKind, Overflow, RedisStore, Sessions};
use typed_sessions_redis_tests::faults::{
    Crashes, a_hanging_server_is_unavailable, acknowledged_writes_survive,
};
use typed_sessions_redis_tests::forgetful::forgetful_proxy;
use typed_sessions_redis_tests::{
    Member, Shop, builder, carries, in_time, logged_in, reason, sessions, stored,
};
use typed_sessions_test_servers::redis::Redis;

async fn on(server: &Redis) -> Sessions<Shop> {
    sessions(RedisStore::connect(server.url()).await.expect("connects"))
}

/// A store that gives up soon.
async fn hasty(server: &Redis) -> Sessions<Shop> {
    let store = RedisStore::builder()
        .url(server.url())
        .time_limit(Duration::from_millis(300))
        .connect()
        .await;
    sessions(store.expect("connects"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_what_was_acknowledged_survives_a_crash() {
    let mut server = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let sessions = on(&server).await;
    let plan = Crashes { sessions: 1000, every: Duration::from_millis(300), interrupted: 1000 };
    acknowledged_writes_survive(&sessions, plan, move || {
        server.kill();
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_a_server_that_hangs_is_unavailable() {
    let server = Redis::start(&[]);
    a_hanging_server_is_unavailable(&hasty(&server).await, || server.stop(), || server.resume())
        .await;
}

#[tokio::test]
async fn f1_a_broken_connection_is_mended() {
    let server = Redis::start(&[]);
    let sessions = on(&server).await;
    let (mut session, token) = stored(&sessions).await;
    for round in 0..20 {
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        sessions.open(&token).await.expect("a read is sent again").expect("is there");
        server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        match session.set(Shop::VISITS, round).await {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "its outcome is not known");
            }
        }
        session.set(Shop::VISITS, round + 1).await.expect("the next one has a new connection");
    }
}

#[tokio::test]
async fn f1_a_write_whose_answer_is_lost_is_not_sent_again() {
    let server = Redis::start(&[]);
    let forget = Arc::new(AtomicBool::new(false));
    let store = RedisStore::connect(forgetful_proxy(&server, Arc::clone(&forget)).await)
        .await
        .expect("connects");
    let sessions = sessions(store);
    // Redis knows the scripts: what is lost is their answer.
    stored(&sessions).await.0.destroy().await.expect("ends");
    let (mut session, token) = stored(&sessions).await;
    forget.store(true, Ordering::SeqCst);
    let error = in_time(session.update(Shop::VISITS, |n| *n += 1)).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        sessions.open(&token).await.expect("reads").expect("is there").visits,
        2,
        "it was carried out once"
    );
    forget.store(true, Ordering::SeqCst);
    assert_eq!(
        in_time(sessions.open(&token))
            .await
            .expect("a read is sent again")
            .expect("is there")
            .visits,
        2
    );
    forget.store(true, Ordering::SeqCst);
    let error = in_time(session.destroy()).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(sessions.open(&token).await.expect("reads").is_none());
}

#[tokio::test]
async fn f1_nobody_is_there() {
    let mut server = Redis::start(&[]);
    let sessions = on(&server).await;
    let (_, token) = stored(&sessions).await;
    server.kill();
    let error = in_time(sessions.open(&token)).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = in_time(RedisStore::connect(server.url())).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for url in ["redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+sentinel://127.0.0.1:1/main"] {
        let error = in_time(RedisStore::connect(url)).await.expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{url}: {error:?}");
    }
}

#[tokio::test]
async fn f1_somebody_else_is_there() {
    // Takes connections and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = mute.local_addr().expect("an address");
    for scheme in ["redis", "redis+cluster", "redis+sentinel"] {
        let path = if scheme == "redis+sentinel" { "/main" } else { "" };
        let builder =
            builder(&format!("{scheme}://{address}{path}")).time_limit(Duration::from_millis(300));
        let error = in_time(builder.connect()).await.expect_err("it does not answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{scheme}: {error:?}");
    }
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let server = Redis::start(&[]);
    let sessions = on(&server).await;
    let (mut session, token) = logged_in(&sessions, 1).await;
    let flush = || assert_eq!(server.cli(&["SCRIPT", "FLUSH"]).trim(), "OK");
    flush();
    session.set(Shop::VISITS, 7).await.expect("sets");
    flush();
    session.login(Member { id: 2 }).await.expect("logs in");
    flush();
    session.logout().await.expect("logs out");
    flush();
    session.destroy().await.expect("ends");
    assert!(sessions.open(&token).await.expect("works").is_none());
}

#[tokio::test]
async fn a_full_server_says_so_and_writes_nothing() {
    let server = Redis::start(&["--maxmemory-policy", "noeviction"]);
    let sessions = on(&server).await;
    let (mut session, token) = logged_in(&sessions, 1).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = session.set(Shop::NOTE, "x".repeat(1000)).await.expect_err("no memory");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(reason(&error).contains("`maxmemory`"), "{error:?}");
    let mut new = sessions.start();
    let error = new.login(Member { id: 1 }).await.expect_err("no memory");
    assert!(reason(&error).contains("`maxmemory`"), "{error:?}");
    // Reading and ending go on.
    assert_eq!(sessions.open(&token).await.expect("reads").expect("is there").note, "");
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);
    sessions.revoke(session.id()).await.expect("ends");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    new.login(Member { id: 1 }).await.expect("there is memory again");
}

#[tokio::test]
async fn a_replica_says_where_to_write() {
    let master = Redis::start(&[]);
    let sessions_there = on(&master).await;
    let (session, token) = stored(&sessions_there).await;
    let replica = Redis::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    typed_sessions_test_servers::eventually("the replica has it", || {
        replica.cli(&["DBSIZE"]).trim() == "1"
    });
    let sessions_here = on(&replica).await;
    let mut here = sessions_here.open(&token).await.expect("reads").expect("is there");
    let error = in_time(here.set(Shop::VISITS, 7)).await.expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(reason(&error).contains("connect to the master"), "{error:?}");
    assert_eq!(session.visits, 1);
}

#[tokio::test]
async fn refused_credentials_are_told_and_not_shown() {
    let server = Redis::start(&["--requirepass", "right"]);
    let with = |url: &str| RedisStore::builder().url(url).connect();
    let plain = server.url();
    let host = plain.strip_prefix("redis://").expect("a URL");
    for url in [
        plain.clone(),
        format!("redis://:hunter2@{host}"),
        format!("redis://somebody:hunter2@{host}"),
    ] {
        let error = with(&url).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
        assert!(reason(&error).contains("check username and password"), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    with(&format!("redis://:right@{host}")).await.expect("accepted");
    let builder = RedisStore::builder().url(&plain).username("default").password("right");
    assert!(!format!("{builder:?}").contains("right"));
    let store = builder.connect().await.expect("accepted");
    assert!(!format!("{store:?}").contains("right"));

    server.cli(&["ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+@connection"]);
    let sessions =
        sessions(with(&format!("redis://reader:secret@{host}")).await.expect("accepted"));
    let error = sessions.start().save().await.expect_err("it may not write");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(reason(&error).contains("lacks a permission"), "{error:?}");
}

#[tokio::test]
async fn the_permissions_in_the_guide_suffice() {
    let server = Redis::start(&[]);
    let guide = include_str!("../../../session/src/docs/redis.md");
    let line = guide
        .lines()
        .find_map(|line| line.strip_prefix("ACL SETUSER "))
        .expect("the guide has the command");
    let args: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(line.split(' ')).collect();
    assert_eq!(server.cli(&args).trim(), "OK");
    let store = RedisStore::builder()
        .url(server.url())
        .username("shop")
        .password("secret")
        .prefix("shop")
        .connect();
    let store = store.await.expect("accepted");
    let sessions = sessions(store.clone());
    let (mut session, token) = logged_in(&sessions, 1).await;
    session.login(Member { id: 2 }).await.expect("logs in");
    session.reauthenticate().await.expect("proves it again");
    session.logout().await.expect("logs out");
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 0);
    session.destroy().await.expect("ends");
    assert!(sessions.open(&token).await.expect("works").is_none());
    for overflow in [Overflow::EvictOldest, Overflow::Refuse] {
        let builder = Sessions::<Shop>::builder(store.clone()).max_sessions_per_user(1, overflow);
        let limited = builder.build().expect("consistent");
        let (mut first, token) = logged_in(&limited, 3).await;
        server.cli(&["HDEL", &format!("shop:id:{}", first.id()), "$indexed_until"]);
        first.touch().await.expect("prolongs the index");
        let second = limited.start().login(Member { id: 3 }).await;
        let stays = limited.open(&token).await.expect("works").is_some();
        match overflow {
            Overflow::EvictOldest => assert!(second.is_ok() && !stays, "{second:?}"),
            Overflow::Refuse => {
                assert_eq!(second.expect_err("one is in").kind(), ErrorKind::LimitReached);
                assert!(stays);
            }
        }
        assert_eq!(limited.user(&3).revoke_all().await.expect("revokes"), 1);
    }
    let (_, token) = logged_in(&sessions, 1).await;
    sessions.revoke_everybody().await.expect("ends");
    assert!(sessions.open(&token).await.expect("works").is_none());
    carries(&store).await;
}

#[tokio::test]
async fn a_key_of_somebody_else_is_told_and_left_alone() {
    let server = Redis::start(&[]);
    let sessions = on(&server).await;
    let (session, token) = logged_in(&sessions, 1).await;
    let key = format!("session:id:{}", session.id());
    server.cli(&["SET", &key, "mine"]);
    server.cli(&["SET", "session:user:1", "mine"]);
    let told = |error: typed_sessions::Error| {
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
        assert!(reason(&error).contains("its own `prefix`"), "{error:?}");
    };
    told(sessions.open(&token).await.expect_err("wrong type"));
    told(sessions.revoke(session.id()).await.expect_err("wrong type"));
    told(sessions.user(&1).list().await.expect_err("wrong type"));
    told(sessions.start().login(Member { id: 1 }).await.expect_err("wrong type"));
    sessions.revoke_everybody().await.expect("it is no session");
    assert_eq!(server.cli(&["MGET", &key, "session:user:1"]), "mine\nmine\n");
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "2", "a login that failed left something behind");
}

#[tokio::test]
async fn f2_a_damaged_session_is_an_error_and_can_be_ended() {
    let server = Redis::start(&[]);
    let sessions = on(&server).await;
    for damage in ["", "x", "{}", r#"{"v":2}"#, r#"{"v":3}"#] {
        let (session, token) = logged_in(&sessions, 1).await;
        server.cli(&["HSET", &format!("session:id:{}", session.id()), "$header", damage]);
        let error = sessions.open(&token).await.expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Decode, "{damage:?}: {error:?}");
        assert!(sessions.revoke(session.id()).await.expect("it can be ended"));
    }
    for damage in ["", "x", "1 2", "1 2 3\t4", "a b c", "-1 0 0", "1  2 3", "1.5 0 0"] {
        let (mut session, _) = logged_in(&sessions, 1).await;
        let key = format!("session:id:{}", session.id());
        server.cli(&["HSET", &key, "$guard", damage]);
        let error = session.set(Shop::VISITS, 7).await.expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Decode, "{damage:?}: {error:?}");
        server.cli(&["HDEL", &key, "$guard"]);
        assert_eq!(
            session.set(Shop::VISITS, 7).await.expect_err("damaged").kind(),
            ErrorKind::Decode
        );
        assert_eq!(
            server.cli(&["HGET", &key, "visits"]).trim(),
            "0",
            "a damaged session was written"
        );
        assert!(sessions.revoke(session.id()).await.expect("it can be ended"));
    }
    let (session, token) = stored(&sessions).await;
    server.cli(&["HSET", &format!("session:id:{}", session.id()), "note", "\u{FFFD}"]);
    assert_eq!(sessions.open(&token).await.expect_err("no JSON").kind(), ErrorKind::Decode);
    let script = "return redis.call('HSET', KEYS[1], 'note', '\\255\\254')";
    server.cli(&["EVAL", script, "1", &format!("session:id:{}", session.id())]);
    let error = sessions.open(&token).await.expect_err("no UTF-8");
    assert_eq!(error.to_string(), "the stored key `note` cannot be read: it is not UTF-8");
    server.cli(&["HDEL", &format!("session:id:{}", session.id()), "$header"]);
    assert_eq!(sessions.open(&token).await.expect_err("no header").kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn t5_what_redis_quotes_is_not_passed_on() {
    let server = Redis::start(&["--rename-command", "EVALSHA", "", "--rename-command", "EVAL", ""]);
    let sessions = on(&server).await;
    let mut session = sessions.start();
    session.note = "hunter2".into();
    let error = session.save().await.expect_err("no scripts");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(reason(&error).contains("EVALSHA"), "{error:?}");
    let chain = format!("{error} {error:?} {}", reason(&error));
    assert!(!chain.contains("hunter2") && !chain.contains("absent"), "{chain}");
}
