//! ruts: a hash (or a row) for each field, with a ttl of its own. Its `Session` is made only inside
//! its tower layer, so its store is called as that calls it.

use ::ruts::Id;
use ::ruts::store::{SessionStore, Ttl};
use serde::Serialize;

use crate::participant::Participant;
use crate::shop::{Shop, member};

fn ttl() -> Ttl {
    Ttl::new(1800).expect("half an hour")
}

/// As its README does it: a value for each field, each set by itself.
pub(crate) struct Ruts<S>(pub(crate) S);

impl<S: SessionStore> Ruts<S> {
    async fn set<T: Serialize + Send + Sync>(&self, id: &Id, field: &str, value: &T) {
        self.0.set(id, field, value, ttl(), None).await.expect("sets");
    }
}

impl<S: SessionStore> Participant for Ruts<S> {
    type Token = String;

    fn name(&self) -> &'static str {
        "ruts"
    }

    async fn read(&self, token: &String) -> Option<Shop> {
        let id: Id = token.parse().expect("an id");
        let map = self.0.get_all(&id).await.expect("reads")?;
        Some(Shop {
            member: map.get("member").expect("decodes")?,
            cart: map.get("cart").expect("decodes")?,
            language: map.get("language").expect("decodes")?,
            visits: map.get("visits").expect("decodes")?,
            preferences: map.get("preferences").expect("decodes")?,
            note: map.get("note").expect("decodes")?,
        })
    }

    async fn save(&self, token: &String) {
        let shop = self.read(token).await.expect("the session lives");
        let id: Id = token.parse().expect("an id");
        self.set(&id, "visits", &(shop.visits + 1)).await;
    }

    async fn login(&self, user: u64, end: bool) -> (String, String) {
        let id = Id::default();
        let shop = Shop::filled();
        self.set(&id, "cart", &shop.cart).await;
        self.set(&id, "language", &shop.language).await;
        self.set(&id, "visits", &shop.visits).await;
        self.set(&id, "preferences", &shop.preferences).await;
        self.set(&id, "note", &shop.note).await;
        let new = Id::default();
        let member = Some(member(user));
        let renamed = self.0.set_and_rename(&id, &new, "member", &member, ttl(), None).await;
        renamed.expect("renames");
        if end {
            assert!(self.0.delete(&new).await.expect("ends"));
        }
        (id.to_string(), new.to_string())
    }
}

/// As its examples do it: one struct in one field, of which two requests overwrite each other's
/// changes.
pub(crate) struct RutsInOne<S>(pub(crate) S);

impl<S: SessionStore> Participant for RutsInOne<S> {
    type Token = String;

    fn name(&self) -> &'static str {
        "ruts, all in one value"
    }

    async fn read(&self, token: &String) -> Option<Shop> {
        let id: Id = token.parse().expect("an id");
        self.0.get(&id, "app").await.expect("reads")
    }

    async fn save(&self, token: &String) {
        let mut shop = self.read(token).await.expect("the session lives");
        shop.visits += 1;
        let id: Id = token.parse().expect("an id");
        self.0.set(&id, "app", &shop, ttl(), None).await.expect("sets");
    }

    async fn login(&self, user: u64, end: bool) -> (String, String) {
        let id = Id::default();
        let mut shop = Shop::filled();
        self.0.set(&id, "app", &shop, ttl(), None).await.expect("sets");
        let new = Id::default();
        shop.member = Some(member(user));
        self.0.set_and_rename(&id, &new, "app", &shop, ttl(), None).await.expect("renames");
        if end {
            assert!(self.0.delete(&new).await.expect("ends"));
        }
        (id.to_string(), new.to_string())
    }
}
