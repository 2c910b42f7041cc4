//! How to get to Redis: URLs, credentials, TLS, sockets, connections of one's own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use typed_sessions::redis::driver::aio::ConnectionManager;
use typed_sessions::redis::driver::{Client, TlsCertificates};
use typed_sessions::{ErrorKind, RedisStore, connect};
use typed_sessions_redis_tests::{carries, logged_in, sessions, works};
use typed_sessions_test_servers::cluster::Cluster;
use typed_sessions_test_servers::redis::Redis;
use typed_sessions_test_servers::{eventually, free_port};

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let server = Redis::start(&[]);
    let client = Client::open(server.url()).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await.expect("connects");
    let builder = || RedisStore::builder().url(server.url());
    let owned = || RedisStore::builder().connection(connection.clone());
    for (what, builder, names) in [
        ("no time", builder().time_limit(Duration::ZERO), "0ns"),
        ("too much time", builder().time_limit(Duration::from_secs(31)), "31s"),
        ("two ways", owned().url(server.url()), "`connection`"),
        ("two logins", owned().username("shop"), "`username`"),
        ("two databases", owned().database(3), "`database`"),
        ("a prefix that goes on", builder().prefix("acme:user"), "`acme:user`"),
        ("a prefix that scatters", builder().prefix("a{}b"), "`a{}b`"),
        (
            "a Cluster's database",
            RedisStore::builder().url("redis+cluster://a:1").database(3),
            "`database`",
        ),
        ("no URL", RedisStore::builder().url("localhost:6379"), "redis://host:port"),
        (
            "certificates without TLS",
            builder().certificates(TlsCertificates { client_tls: None, root_cert: None }),
            "`certificates`",
        ),
    ] {
        let error = builder.connect().await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Config, "{what}: {error:?}");
        assert!(error.to_string().contains(names), "{what}: {error}");
    }
}

#[tokio::test]
async fn connections_of_ones_own() {
    let server = Redis::start(&[]);
    let client = Client::open(format!("{}/5", server.url())).expect("a URL");
    let multiplexed = client.get_multiplexed_async_connection().await.expect("connects");
    works(RedisStore::builder().connection(multiplexed).connect().await.expect("connects")).await;
    let managed = ConnectionManager::new(client).await.expect("connects");
    works(RedisStore::builder().connection(managed.clone()).connect().await.expect("connects"))
        .await;
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "0", "in the connection's database");

    // It mends itself.
    let sessions =
        sessions(RedisStore::builder().connection(managed).connect().await.expect("connects"));
    let (_, token) = logged_in(&sessions, 1).await;
    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    sessions.open(&token).await.expect("a read is sent again").expect("is there");
}

#[tokio::test]
async fn stores_with_other_prefixes_and_databases_see_nothing_of_each_other() {
    let server = Redis::start(&[]);
    let of = |prefix: &str, number| {
        RedisStore::builder().url(server.url()).prefix(prefix).database(number).connect()
    };
    let stores = [of("a", 0).await, of("a-id", 0).await, of("a", 1).await, of("", 0).await];
    let all = stores.map(|store| sessions(store.expect("connects")));
    for (n, some) in all.iter().enumerate() {
        let (_, token) = logged_in(some, 1).await;
        for (other_n, other) in all.iter().enumerate() {
            assert_eq!(other.open(&token).await.expect("works").is_some(), n == other_n);
        }
    }
    for (n, some) in all.iter().enumerate() {
        assert_eq!(some.user(&1).list().await.expect("lists").len(), 1);
        // It ends its own, and nobody else's.
        some.revoke_everybody().await.expect("ends");
        for (other_n, other) in all.iter().enumerate() {
            let left = other.user(&1).list().await.expect("lists").len();
            assert_eq!(left, usize::from(other_n > n));
        }
    }
}

#[tokio::test]
async fn a_unix_socket() {
    let dir = std::env::temp_dir().join(format!("typed-sessions-socket-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    let socket = dir.join("redis.sock");
    let server = Redis::start(&["--unixsocket", &socket.to_string_lossy()]);
    eventually("the socket is there", || socket.exists());
    let url = format!("unix://{}", socket.display());
    works(connect(&url).await.expect("connects")).await;
    carries(&RedisStore::connect(&url).await.expect("connects")).await;
    drop(server);
    fs::remove_dir_all(dir).expect("removes");
}

/// A certificate for this machine, and where it is for a server.
struct Encrypted {
    dir: PathBuf,
    pem: String,
}

impl Encrypted {
    fn new(name: &str) -> Self {
        let dir =
            std::env::temp_dir().join(format!("typed-sessions-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let pem = certificate.cert.pem();
        fs::write(dir.join("cert.pem"), &pem).expect("written");
        fs::write(dir.join("key.pem"), certificate.signing_key.serialize_pem()).expect("written");
        Self { dir, pem }
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: Some(self.pem.clone().into_bytes()) }
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[tokio::test]
async fn an_encrypted_connection() {
    let encrypted = Encrypted::new("tls");
    let port = free_port();
    let (cert, key) = (encrypted.file("cert.pem"), encrypted.file("key.pem"));
    let server = Redis::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &cert,
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{port}");
    let builder = RedisStore::builder().url(&url).certificates(encrypted.certificates());
    let store = builder.connect().await.expect("connects");
    works(store.clone()).await;
    carries(&store).await;
    let error = connect(&url).await.expect_err("nobody vouches for this certificate");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let text = format!("{error:?}");
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    drop(server);
}

#[tokio::test]
async fn an_encrypted_cluster() {
    let encrypted = Encrypted::new("tls-cluster");
    let (cluster, addresses) =
        Cluster::start_encrypted(&encrypted.file("cert.pem"), &encrypted.file("key.pem"));
    let url = format!("rediss+cluster://{},{}", addresses[0], addresses[1]);
    let builder =
        || RedisStore::builder().url(&url).certificates(encrypted.certificates()).connect();
    // On all of the nodes.
    for _ in 0..20 {
        works(builder().await.expect("connects")).await;
    }
    carries(&builder().await.expect("connects")).await;
    drop(cluster);
}
