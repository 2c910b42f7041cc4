//! On a PostgreSQL.

use typed_sessions_test_servers::postgres::Postgres;

use crate::place::{self, HANGS, Place};

impl Place for Postgres {
    fn url(&self) -> String {
        Postgres::url(self)
    }

    fn end_silently(&self, session: &str) {
        let id = format!("decode(translate('{session}', '-_', '+/') || '==', 'base64')");
        let deleted = format!("DELETE FROM typed_sessions WHERE id = {id} RETURNING 1");
        assert_eq!(self.sql(&deleted), "1");
    }

    fn cut_subscriptions(&self) {
        // That was the last statement of a connection that listens.
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE query LIKE 'LISTEN %'";
        assert_eq!(self.sql(cut), "2", "A and B listen");
    }
}

fn server() -> Postgres {
    Postgres::start(&[])
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
async fn l2_terminated_listener_is_made_up_for() {
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
async fn l2_killed_postgres_is_made_up_for() {
    place::l2_outage_is_made_up_for(&mut server(), |postgres| {
        postgres.kill();
        postgres.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_stopped_postgres_is_made_up_for() {
    place::l2_outage_is_made_up_for(&mut server(), |postgres| {
        postgres.stop();
        std::thread::sleep(HANGS);
        postgres.resume();
    })
    .await;
}
