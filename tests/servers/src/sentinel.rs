//! A master, two replicas, and three Sentinels that watch them.

use std::fs;

use crate::eventually;
use crate::port::free_port;
use crate::redis::Redis;

/// Three servers and three Sentinels on private ports.
#[derive(Debug)]
pub struct Sentinels {
    /// The first was the master in the beginning.
    pub servers: Vec<Redis>,
    watchers: Vec<Redis>,
    configurations: std::path::PathBuf,
}

/// What the master is called.
pub const MASTER: &str = "main";

impl Sentinels {
    /// Starts them and waits until the Sentinels know of all servers and of each other.
    ///
    /// # Panics
    /// When Redis is not installed or they do not come up.
    pub fn start() -> Self {
        let master = Redis::start(&["--repl-diskless-sync-delay", "0"]);
        let port = master.port().to_string();
        let replicaof =
            ["--replicaof", &format!("127.0.0.1 {port}"), "--repl-diskless-sync-delay", "0"];
        let replicas = [Redis::start(&replicaof), Redis::start(&replicaof)];
        for replica in &replicas {
            replica.wait_for_info("replication", "master_link_status", "up");
        }
        let configurations = master.dir().join("sentinels");
        fs::create_dir_all(&configurations).expect("a directory");
        let mut servers = vec![master];
        servers.extend(replicas);
        let start = |number: usize| {
            let file = configurations.join(format!("{number}.conf"));
            // Sentinels write to their configuration.
            let text = format!(
                "sentinel monitor {MASTER} 127.0.0.1 {port} 2\n\
                 sentinel down-after-milliseconds {MASTER} 1000\n\
                 sentinel failover-timeout {MASTER} 5000\n"
            );
            fs::write(&file, text).expect("a configuration");
            Redis::spawn_sentinel(&file, free_port())
        };
        let watchers: Vec<Redis> = (0..3).map(start).collect();
        let all = Self { servers, watchers, configurations };
        eventually("the Sentinels know all servers and each other", || {
            all.watchers.iter().all(|sentinel| {
                let text = sentinel.try_cli(&["SENTINEL", "MASTER", MASTER]).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let value =
                    |name| lines.iter().position(|line| *line == name).map(|at| lines[at + 1]);
                value("num-slaves") == Some("2") && value("num-other-sentinels") == Some("2")
            })
        });
        all
    }

    /// The URL for the store.
    pub fn url(&self) -> String {
        let addresses: Vec<String> = self.watchers.iter().map(Redis::address).collect();
        format!("redis+sentinel://{}/{MASTER}", addresses.join(","))
    }

    /// The server that the Sentinels call the master.
    pub fn master(&self) -> Option<usize> {
        let text = self.watchers[0].try_cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER])?;
        let port = text.lines().nth(1)?.trim().to_owned();
        self.servers.iter().position(|server| server.port().to_string() == port)
    }
}

impl Sentinels {
    /// All that the first master has acknowledged, its replicas have as well. Nobody may write
    /// meanwhile.
    ///
    /// # Panics
    /// When that does not come about.
    pub fn wait_until_replicated(&self) {
        let master = &self.servers[0];
        eventually("the replicas have what the master has", || {
            let offset = format!("offset={},", master.info("replication", "master_repl_offset"));
            ["slave0", "slave1"]
                .iter()
                .all(|replica| master.info("replication", replica).contains(&offset))
        });
    }

    /// An orderly change of the master.
    pub fn fail_over(&self) {
        eventually("a Sentinel begins a failover", || {
            self.watchers[0]
                .try_cli(&["SENTINEL", "FAILOVER", MASTER])
                .is_some_and(|answer| answer.contains("OK"))
        });
    }
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        // Before the directory of the first server goes.
        self.watchers.clear();
        let _ = fs::remove_dir_all(&self.configurations);
    }
}
