//! On one redis-server.

use typed_sessions_test_servers::redis::Redis;

use crate::place::{self, HANGS, Place};

/// What was acknowledged survives a crash.
fn server() -> Redis {
    Redis::start(&["--appendonly", "yes", "--appendfsync", "always"])
}

impl Place for Redis {
    fn url(&self) -> String {
        Redis::url(self)
    }

    fn end_silently(&self, session: &str) {
        assert_eq!(self.cli(&["DEL", &format!("session:id:{session}")]).trim(), "1");
    }

    fn cut_subscriptions(&self) {
        let cut = self.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        assert_eq!(cut.trim(), "2", "A and B subscribe");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_revoked_on_b_closes_on_a() {
    place::l2_revoked_on_b_closes_on_a(&server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_lost_message_is_made_up_for() {
    place::l2_lost_message_is_made_up_for(&server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_cut_subscription_is_made_up_for() {
    place::l2_cut_subscription_is_made_up_for(&server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_stopped_server_makes_up_for_it() {
    place::l2_stopped_server_makes_up_for_it(&server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_killed_server_leaves_nothing() {
    place::l3_killed_server_leaves_nothing(&server()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_killed_redis_is_made_up_for() {
    place::l2_outage_is_made_up_for(&mut server(), |redis| {
        redis.kill();
        redis.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_stopped_redis_is_made_up_for() {
    place::l2_outage_is_made_up_for(&mut server(), |redis| {
        redis.stop();
        std::thread::sleep(HANGS);
        redis.resume();
    })
    .await;
}
