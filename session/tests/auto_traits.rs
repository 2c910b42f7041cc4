//! Handles and their futures can be moved between threads: handlers of any async framework may hold
//! them.

#![cfg(feature = "derive")]

use std::cell::Cell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use typed_sessions::{
    Result, Session, SessionData, SessionStore, SessionUser, Sessions, UserSessions,
};

#[derive(Serialize, Deserialize)]
struct Member {
    id: u64,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(SessionData)]
struct Shop {
    #[session(user)]
    member: Option<Member>,
    cart: Vec<String>,
}

fn send<T: Send>(value: T) -> T {
    value
}

fn send_and_sync<T: Send + Sync + 'static>() {}

#[test]
fn handles_are_send() {
    send_and_sync::<Sessions<Shop>>();
    send_and_sync::<UserSessions<Shop>>();
    send_and_sync::<Arc<dyn SessionStore>>();
    send_and_sync::<Session<Shop>>();
}

/// Compiled, never called.
#[allow(dead_code, reason = "that it compiles is the proof")]
async fn futures_are_send(sessions: Sessions<Shop>, token: String) -> Result<()> {
    let mut session = send(sessions.open_or_start(Some(&token))).await?;
    send(sessions.open(&token)).await?;
    send(sessions.open(token.clone())).await?;
    send(sessions.peek("text")).await?;
    let current = |_: u64| async { Ok::<_, typed_sessions::Error>("hash") };
    send(sessions.open_checked(&token, current)).await?;
    send(session.save()).await?;
    send(session.get(Shop::CART)).await?;
    send(session.set(Shop::CART, Vec::new())).await?;
    send(session.take(Shop::CART)).await?;
    send(session.remove(Shop::CART)).await?;
    send(session.update(Shop::CART, |cart| cart.push(token.clone()))).await?;
    send(session.transact(|shop| shop.cart.push(token.clone()))).await?;
    send(session.extend_raw([("key", "1")])).await?;
    send(session.login(Member { id: 1 })).await?;
    send(session.reauthenticate()).await?;
    send(session.set_auth_tag("hash")).await?;
    send(session.logout()).await?;
    send(session.touch()).await?;
    send(session.renew()).await?;
    send(session.reload()).await?;
    send(session.destroy()).await?;
    let user = sessions.user(&1);
    send(user.list()).await?;
    send(user.count()).await?;
    send(user.revoke(session.id())).await?;
    send(user.sync(&Member { id: 1 })).await?;
    send(user.revoke_except(session.id())).await?;
    send(user.revoke_all()).await?;
    send(sessions.revoke(session.id())).await?;
    send(sessions.revoke_token(&token)).await?;
    send(sessions.revoke_everybody()).await?;
    Ok(())
}

/// May be sent to another thread, but not shared with one.
#[derive(SessionData)]
struct Counter {
    #[session(user)]
    member: Option<Member>,
    hits: Cell<u32>,
}

/// Compiled, never called.
#[allow(dead_code, reason = "that it compiles is the proof")]
async fn data_need_not_be_shareable(sessions: Sessions<Counter>, token: String) -> Result<()> {
    let mut session = send(sessions.open_or_start(Some(&token))).await?;
    send(session.save()).await?;
    send(session.get(Counter::HITS)).await?;
    send(session.set(Counter::HITS, Cell::new(1))).await?;
    send(session.take(Counter::HITS)).await?;
    send(session.update(Counter::HITS, |hits| hits.set(2))).await?;
    send(session.transact(|counter| counter.hits.set(3))).await?;
    send(session.extend_raw([("key", "1")])).await?;
    send(session.login(Member { id: 1 })).await?;
    send(session.reauthenticate()).await?;
    send(session.set_auth_tag("hash")).await?;
    send(session.logout()).await?;
    send(session.touch()).await?;
    send(session.renew()).await?;
    send(session.reload()).await?;
    send(session.destroy()).await?;
    Ok(())
}
