//! This library.

use std::hint::black_box;

use typed_sessions::{SessionStore, Sessions};

use crate::participant::Participant;
use crate::shop::{Shop, member};

pub(crate) struct Ours(Sessions<Shop>);

impl Ours {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self(Sessions::new(store))
    }
}

impl Participant for Ours {
    type Token = String;

    fn name(&self) -> &'static str {
        "typed-sessions"
    }

    async fn read(&self, token: &String) -> Option<Shop> {
        self.0.open(token).await.expect("opens").map(|session| Shop::clone(&session))
    }

    async fn open(&self, token: &String) {
        let session = self.0.open(token).await.expect("opens").expect("the session lives");
        black_box::<&Shop>(&session);
    }

    async fn save(&self, token: &String) {
        let mut session = self.0.open(token).await.expect("opens").expect("the session lives");
        session.visits += 1;
        session.save().await.expect("saves");
    }

    async fn login(&self, user: u64, end: bool) -> (String, String) {
        let mut session = self.0.start();
        *session = Shop::filled();
        session.save().await.expect("saves");
        let before = session.token().expose();
        session.login(member(user)).await.expect("logs in");
        let after = session.token().expose();
        if end {
            session.destroy().await.expect("ends");
        }
        (before, after)
    }
}
