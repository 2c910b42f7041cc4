//! On a Redis Cluster of three masters and their replicas.

use typed_sessions_test_servers::cluster::Cluster;
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::redis::Redis;

use crate::place::{self, Place};

/// The nodes to which somebody subscribes.
fn subscribed(cluster: &Cluster) -> Vec<usize> {
    let is_subscribed = |node: &Redis| {
        node.answers() && !node.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).trim().is_empty()
    };
    (0..cluster.nodes.len()).filter(|node| is_subscribed(&cluster.nodes[*node])).collect()
}

impl Place for Cluster {
    fn url(&self) -> String {
        Cluster::url(self)
    }

    fn end_silently(&self, session: &str) {
        let key = format!("session:id:{session}");
        eventually("the session has been deleted", || {
            let delete = |node: &Redis| node.answers() && node.cli(&["DEL", &key]).trim() == "1";
            self.nodes.iter().any(delete)
        });
    }

    fn cut_subscriptions(&self) {
        let nodes = subscribed(self);
        assert!(!nodes.is_empty(), "A and B subscribe");
        for node in nodes {
            self.nodes[node].cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_revoked_on_b_closes_on_a_and_other_rules() {
    let cluster = Cluster::start();
    place::l2_revoked_on_b_closes_on_a(&cluster).await;
    place::l2_cut_subscription_is_made_up_for(&cluster).await;
    place::l3_killed_server_leaves_nothing(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_killed_master_is_made_up_for() {
    let mut cluster = Cluster::start();
    let heir = std::cell::Cell::new(0);
    place::l2_revoked_during_an_outage_closes(
        &mut cluster,
        |cluster| {
            let subscribed = subscribed(cluster);
            let dies = subscribed.iter().copied().find(|node| cluster.is_master(*node));
            let dies = dies.expect("they subscribe at the master that has the bus's keys");
            heir.set(cluster.replica_of(dies));
            cluster.wait_until_replicated();
            cluster.nodes[dies].kill();
        },
        |cluster| eventually("its replica is the master", || cluster.is_master(heir.get())),
    )
    .await;
}
