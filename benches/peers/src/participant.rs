//! What each of them does, and that it does it.

use std::fmt::Debug;
use std::hint::black_box;

use crate::shop::Shop;

/// The three things that are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scenario {
    Open,
    Save,
    Login,
}

impl Scenario {
    pub(crate) const ALL: [Self; 3] = [Self::Open, Self::Save, Self::Login];
}

/// A session library on a store, or a floor. Its methods panic when something fails: a benchmark of
/// errors is worth nothing.
pub(crate) trait Participant: Send + Sync + 'static {
    /// What a cookie would carry; of a floor, what it finds a session by.
    type Token: Clone + Debug + Send + Sync + 'static;

    fn name(&self) -> &'static str;

    /// The session of a token with all of its fields, typed; `None` when there is none.
    fn read(&self, token: &Self::Token) -> impl Future<Output = Option<Shop>> + Send;

    /// What is measured as "open": the same without a copy, where it can be had without.
    fn open(&self, token: &Self::Token) -> impl Future<Output = ()> + Send {
        async { drop(black_box(self.read(token).await.expect("the session lives"))) }
    }

    /// Opens it, reads all fields, adds one to the visits and saves that.
    fn save(&self, token: &Self::Token) -> impl Future<Output = ()> + Send;

    /// A new session is saved; its visitor logs in, by which it gets a new token; and if it is to
    /// end, it is destroyed. Gives the token from before the login and the one from after it.
    fn login(
        &self,
        user: u64,
        end: bool,
    ) -> impl Future<Output = (Self::Token, Self::Token)> + Send;
}

/// So many sessions of users who have logged in.
pub(crate) async fn fill<P: Participant>(peer: &P, count: u64) -> Vec<P::Token> {
    let mut tokens = Vec::new();
    for user in 0..count {
        tokens.push(peer.login(user, false).await.1);
    }
    tokens
}

/// What is read back is what was written, and what has ended is gone.
pub(crate) async fn check<P: Participant>(peer: &P) {
    let name = peer.name();
    let (before, after) = peer.login(7, false).await;
    assert_eq!(peer.read(&before).await, None, "{name}: the token from before the login opens");
    check_save(peer, &after, Shop::of(7)).await;
    let (before, after) = peer.login(8, true).await;
    assert_eq!(peer.read(&before).await, None, "{name}: the token from before the login opens");
    assert_eq!(peer.read(&after).await, None, "{name}: a destroyed session opens");
}

/// The same of what is there already.
pub(crate) async fn check_save<P: Participant>(peer: &P, token: &P::Token, expected: Shop) {
    let name = peer.name();
    assert_eq!(peer.read(token).await.as_ref(), Some(&expected), "{name}: not what was written");
    peer.save(token).await;
    let expected = Shop { visits: expected.visits + 1, ..expected };
    assert_eq!(peer.read(token).await, Some(expected), "{name}: not what was saved");
}
