//! `SELECT` of the very bytes that our store keeps, over a pool of the same size; to save, an
//! `UPDATE` of the one field.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use typed_sessions::Token;
use typed_sessions::postgres::sqlx::postgres::{PgPoolOptions, PgRow};
use typed_sessions::postgres::sqlx::{self, PgPool, Row as _};

use crate::floors::decode;
use crate::participant::Participant;
use crate::shop::Shop;

/// Where the copies are.
pub(crate) struct Bare(PgPool);

impl Bare {
    /// Without the sign of life that sqlx asks of a connection before each use.
    pub(crate) async fn connect(url: &str, connections: u32) -> Arc<Self> {
        let options = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
        Arc::new(Self(options.connect(url).await.expect("connects")))
    }

    /// Copies of these sessions, so that nobody writes into what the other reads.
    pub(crate) async fn copies(&self, tokens: &[String]) -> Vec<[u8; 16]> {
        for sql in [
            "CREATE TABLE bare (LIKE typed_sessions INCLUDING ALL) WITH (fillfactor = 70)",
            "INSERT INTO bare SELECT * FROM typed_sessions",
        ] {
            sqlx::query(sql).execute(&self.0).await.expect("copies");
        }
        let id = |token: &String| *Token::parse(token).expect("a token").id().as_bytes();
        tokens.iter().map(id).collect()
    }

    async fn get(&self, id: &[u8; 16]) -> PgRow {
        let query = sqlx::query("SELECT header, fields::text FROM bare WHERE id = $1");
        query.bind(&id[..]).fetch_one(&self.0).await.expect("reads")
    }

    async fn set(&self, id: &[u8; 16], visits: u32) {
        let query = sqlx::query("UPDATE bare SET fields = fields || $2::jsonb WHERE id = $1");
        let query = query.bind(&id[..]).bind(format!(r#"{{"visits":"{visits}"}}"#));
        query.execute(&self.0).await.expect("writes");
    }
}

fn shop(row: &PgRow) -> Option<Shop> {
    let texts: HashMap<&str, String> =
        serde_json::from_str(row.get(1)).expect("an object of strings");
    decode(|key| texts.get(key).map(|text| text.as_bytes()))
}

/// The bare statements.
pub(crate) struct Statements(pub(crate) Arc<Bare>);

impl Participant for Statements {
    type Token = [u8; 16];

    fn name(&self) -> &'static str {
        "SELECT, SELECT + UPDATE"
    }

    async fn read(&self, id: &[u8; 16]) -> Option<Shop> {
        shop(&self.0.get(id).await)
    }

    async fn open(&self, id: &[u8; 16]) {
        black_box::<(&str, &str)>(columns(&self.0.get(id).await));
    }

    async fn save(&self, id: &[u8; 16]) {
        black_box::<(&str, &str)>(columns(&self.0.get(id).await));
        self.0.set(id, Shop::filled().visits + 1).await;
    }

    async fn login(&self, _: u64, _: bool) -> ([u8; 16], [u8; 16]) {
        unreachable!("how to log in is what the libraries differ in");
    }
}

fn columns(row: &PgRow) -> (&str, &str) {
    (row.get(0), row.get(1))
}

/// The same, with the struct decoded.
pub(crate) struct Decoded(pub(crate) Arc<Bare>);

impl Participant for Decoded {
    type Token = [u8; 16];

    fn name(&self) -> &'static str {
        "the same, decoded"
    }

    async fn read(&self, id: &[u8; 16]) -> Option<Shop> {
        shop(&self.0.get(id).await)
    }

    async fn save(&self, id: &[u8; 16]) {
        let shop = self.read(id).await.expect("the session lives");
        self.0.set(id, shop.visits + 1).await;
    }

    async fn login(&self, _: u64, _: bool) -> ([u8; 16], [u8; 16]) {
        unreachable!("how to log in is what the libraries differ in");
    }
}
