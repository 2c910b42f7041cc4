//! A Redis Cluster: three masters, each with a replica.

use std::process::Command;

use crate::redis::Redis;
use crate::{eventually, free_port};

/// Six nodes on private ports.
#[derive(Debug)]
pub struct Cluster {
    /// The first three were masters in the beginning.
    pub nodes: Vec<Redis>,
}

/// After so long without an answer a node counts as failed: not because the machine is busy.
const NODE_TIMEOUT_MILLIS: &str = "3000";

impl Cluster {
    /// Starts six nodes and makes them a Cluster, with `redis-cli --cluster create`.
    ///
    /// # Panics
    /// When Redis is not installed or the Cluster does not come up.
    pub fn start() -> Self {
        let nodes: Vec<Redis> = (0..6).map(|_| start_node(&[])).collect();
        let addresses: Vec<String> = nodes.iter().map(Redis::address).collect();
        Self::of(nodes, &addresses, &[])
    }

    /// The same, and all that nodes and clients say to each other is encrypted, with this
    /// certificate and its key. Also returns the addresses at which it is; `nodes` has others, for
    /// these tests' own eyes.
    ///
    /// # Panics
    /// When Redis is not installed or the Cluster does not come up.
    pub fn start_encrypted(certificate: &str, key: &str) -> (Self, Vec<String>) {
        let files = [
            "--tls-cert-file",
            certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            certificate,
        ];
        let rest = ["--tls-cluster", "yes", "--tls-replication", "yes", "--tls-auth-clients", "no"];
        let ports: Vec<String> = (0..6).map(|_| free_port().to_string()).collect();
        let start =
            |port: &String| start_node(&[&["--tls-port", port], &files[..], &rest].concat());
        let nodes = ports.iter().map(start).collect();
        let addresses: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let client = ["--tls", "--cacert", certificate];
        (Self::of(nodes, &addresses, &client), addresses)
    }

    fn of(nodes: Vec<Redis>, addresses: &[String], client: &[&str]) -> Self {
        let cluster = Self { nodes };
        let mut create = client.to_vec();
        create.extend(["--cluster", "create"]);
        create.extend(addresses.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        command(&create);
        cluster.wait_until_whole();
        cluster
    }

    /// Every node knows that all slots are served, and every master has its replica.
    ///
    /// # Panics
    /// When that does not come about.
    pub fn wait_until_whole(&self) {
        eventually("all nodes see a whole Cluster", || {
            self.running().all(|node| {
                let info = node.try_cli(&["CLUSTER", "INFO"]).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            })
        });
        eventually("replicas are in touch with their masters", || {
            self.running().all(|node| match node.info("replication", "role").as_str() {
                "slave" => node.info("replication", "master_link_status") == "up",
                role => role == "master",
            })
        });
    }

    fn running(&self) -> impl Iterator<Item = &Redis> {
        self.nodes.iter().filter(|node| node.answers())
    }

    /// The URL for the store: three nodes, the others are found.
    pub fn url(&self) -> String {
        let addresses: Vec<String> = self.nodes.iter().take(3).map(Redis::address).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }

    /// The node's name in the Cluster.
    pub fn id(&self, node: usize) -> String {
        self.nodes[node].cli(&["CLUSTER", "MYID"]).trim().to_owned()
    }

    /// Whether a node is a master now.
    pub fn is_master(&self, node: usize) -> bool {
        self.nodes[node].info("replication", "role") == "master"
    }

    /// The replica of a master.
    ///
    /// # Panics
    /// When it has none.
    pub fn replica_of(&self, master: usize) -> usize {
        let id = self.id(master);
        let mut replica = None;
        // Masters hear of their replicas by gossip.
        eventually("the master knows its replica", || {
            let text = self.nodes[master].cli(&["CLUSTER", "REPLICAS", &id]);
            replica =
                self.nodes.iter().position(|node| text.contains(&format!("{}@", node.address())));
            replica.is_some()
        });
        replica.expect("it was waited for")
    }

    /// Leaves the slot of a key half moved: the key is on the next master already, the slot is
    /// still its old one's.
    ///
    /// # Panics
    /// When no master has the key.
    pub fn half_move(&self, key: &str) {
        let slot = self.nodes[0].cli(&["CLUSTER", "KEYSLOT", key]).trim().to_owned();
        let has_key = |node: &Redis| node.cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot]).trim() != "0";
        let from = (0..3).find(|node| has_key(&self.nodes[*node])).expect("a master has the key");
        let to = (from + 1) % 3;
        self.nodes[to].cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &self.id(from)]);
        self.nodes[from].cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &self.id(to)]);
        let port = self.nodes[to].port().to_string();
        let moved = self.nodes[from].cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        assert_eq!(moved.trim(), "OK");
    }

    /// Which of the first three nodes has a key's slot.
    ///
    /// # Panics
    /// When none of them has.
    pub fn owner_of(&self, key: &str) -> usize {
        let has_slot =
            |node: &usize| self.nodes[*node].cli(&["EXISTS", key]).trim().parse::<u64>().is_ok();
        (0..3).find(has_slot).expect("a master has the slot")
    }

    /// Moves the slot of a key, which has no keys, to the next master, and tells which that is.
    ///
    /// # Panics
    /// When it does not move.
    pub fn move_slot(&self, key: &str) -> usize {
        let slot = self.nodes[0].cli(&["CLUSTER", "KEYSLOT", key]).trim().to_owned();
        let from = self.owner_of(key);
        let to = (from + 1) % 3;
        self.nodes[to].cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &self.id(from)]);
        self.nodes[from].cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &self.id(to)]);
        for node in [to, from, (to + 1) % 3] {
            let done = self.nodes[node].cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &self.id(to)]);
            assert_eq!(done.trim(), "OK");
        }
        to
    }

    /// Moves slots from one master to another, keys and all, while clients go on.
    ///
    /// # Panics
    /// When `redis-cli` fails.
    pub fn move_slots(&self, from: usize, to: usize, slots: usize) {
        let (from, to, slots) = (self.id(from), self.id(to), slots.to_string());
        let address = self.nodes[0].address();
        eventually("the nodes agree on who has what", || {
            try_command(&["--cluster", "check", &address]).0
        });
        command(&[
            "--cluster",
            "reshard",
            &address,
            "--cluster-from",
            &from,
            "--cluster-to",
            &to,
            "--cluster-slots",
            &slots,
            "--cluster-yes",
        ]);
    }

    /// All that a master has acknowledged, its replica has as well. Nobody may write meanwhile.
    ///
    /// # Panics
    /// When that does not come about.
    pub fn wait_until_replicated(&self) {
        eventually("replicas have what their masters have", || {
            self.running().filter(|node| node.info("replication", "role") == "master").all(
                |master| {
                    let offset = master.info("replication", "master_repl_offset");
                    master.info("replication", "slave0").contains(&format!("offset={offset},"))
                },
            )
        });
    }
}

fn start_node(more: &[&str]) -> Redis {
    let options = [
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        NODE_TIMEOUT_MILLIS,
        "--cluster-config-file",
        "nodes.conf",
        "--repl-diskless-sync-delay",
        "0",
    ];
    Redis::start(&[&options[..], more].concat())
}

fn command(args: &[&str]) {
    let (succeeded, text) = try_command(args);
    assert!(succeeded, "redis-cli {args:?} failed:\n{text}");
}

fn try_command(args: &[&str]) -> (bool, String) {
    let output = Command::new("redis-cli").args(args).output().expect("redis-cli runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}
