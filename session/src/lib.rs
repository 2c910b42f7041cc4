//! Sessions as plain Rust structs: derive [`SessionData`](macro@SessionData) on a struct and each
//! field is stored under its own key; a request reads one record and writes back only the fields
//! that it changed. Redis, PostgreSQL and an in-memory store keep the same promises, and a test
//! suite that anyone can run proves it.
//!
//! ```
//! # #[cfg(all(feature = "derive", feature = "memory"))] mod example {
//! use serde::{Deserialize, Serialize};
//! use typed_sessions::{MemoryStore, Result, SessionData, SessionUser, Sessions};
//!
//! #[derive(SessionData)]
//! struct Shop {
//!     #[session(user)]
//!     member: Option<Member>,                  // written by login, cleared by logout
//!     cart: Vec<String>,                       // a new session starts with `Default`
//!     visits: u32,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Member {
//!     id: u64,
//! }
//!
//! impl SessionUser for Member {
//!     type Id = u64;
//!
//!     fn id(&self) -> u64 {
//!         self.id
//!     }
//! }
//!
//! #[tokio::main]
//! # pub
//! async fn main() -> Result<()> {
//!     let sessions = Sessions::<Shop>::new(MemoryStore::new());
//!
//!     // A visitor comes. Nothing is stored until the first save.
//!     let mut session = sessions.start();
//!     session.cart.push("tea".into());
//!     session.save().await?;
//!     let cookie = session.token().expose();
//!
//!     // The next request. `None`: the client is signed out. An error: the store cannot tell.
//!     let mut session = sessions.open(&cookie).await?.expect("it was stored");
//!     session.update(Shop::VISITS, |n| *n += 1).await?;
//!     session.login(Member { id: 7 }).await?;
//!
//!     // A login gives the client another token; what is in the session stays.
//!     let cookie = session.fresh_token().expect("a new one").expose();
//!     let session = sessions.open(&cookie).await?.expect("signed in");
//!     assert_eq!((session.user_id(), session.cart.len(), session.visits), (Some(7), 1, 1));
//!     Ok(())
//! }
//! # }
//! # #[cfg(all(feature = "derive", feature = "memory"))] example::main().unwrap();
//! ```
//!
//! # What do you want to do?
//!
//! The guide is in [`docs`]; [the API at a glance](docs::at_a_glance) shows all of it on one page.
//!
//! **Use it with axum.** The feature `axum` has a layer and extractors: from nothing to a signed-in
//! page in [sessions in axum][axum-guide], with the cookie, the order of layers, tests of handlers,
//! and the way from tower-sessions and axum-login.
//!
//! **Store something.** Declare a struct: [the struct and its keys](docs::struct_and_keys) has the
//! attributes of the [derive](macro@SessionData), what happens when the struct changes later, and
//! several structs on one session ([`Session::view`]). Then [`Sessions::open`], change it,
//! [`Session::save`]: [first steps](docs::first_steps), with the cookie and what each answer means.
//! For one field, at once and atomically: [`Session::get`], [`set`](Session::set),
//! [`update`](Session::update), [`remove`](Session::remove); for several [`Session::transact`].
//!
//! **Log a user in and out.** Mark a field `#[session(user)]`, implement [`SessionUser`], call
//! [`Session::login`] and [`Session::logout`]: [users and devices](docs::users_and_devices). A
//! proof for a sensitive operation: [`Session::authenticated_within`] and
//! [`reauthenticate`](Session::reauthenticate).
//!
//! **Show where somebody is signed in.** [`Sessions::user`] gives [`UserSessions`]:
//! [`list`](UserSessions::list), [`count`](UserSessions::count), [`sync`](UserSessions::sync). A
//! login names its [`Device`]; [`SessionsBuilder::max_sessions_per_user`] is the limit.
//!
//! **Revoke.** The user's own: [`UserSessions::revoke`], [`revoke_all`](UserSessions::revoke_all),
//! [`revoke_except`](UserSessions::revoke_except). As an administrator: [`Sessions::revoke`],
//! [`revoke_everybody`](Sessions::revoke_everybody). With the client's token and nothing else:
//! [`Sessions::revoke_token`]. After a password change: [`Sessions::open_checked`]. This one:
//! [`Session::destroy`].
//!
//! **Keep a WebSocket open.** [`SessionsBuilder::bus`], [`Sessions::hub`], [`Hub::connect`]: a live
//! connection follows its session and is closed with it, on every server.
//! [`UserSessions::connections`] tells where somebody is connected, [`UserSessions::send`] and
//! [`Sessions::broadcast`] reach them: [live connections](docs::live), with axum and for SSE.
//!
//! **Send a one-time code.** An `Option` field with `#[session(ttl = "5m")]`; of all who
//! [`take`](Session::take) it one gets it.
//!
//! **Remember me.** [`Login::remember`], and [`Session::max_age`] for the cookie.
//!
//! **Set timeouts, renew tokens.** [`SessionsBuilder`], [`Timeouts`], [`Session::renew`]:
//! [time and renewal](docs::time_and_renewal).
//!
//! **Test with a fake clock.** [`ManualClock`] and [`MemoryStore`], no server and no sleep:
//! [testing](docs::time_and_renewal#testing).
//!
//! **Choose a store.** [`connect`] takes a URL; or build a [`MemoryStore`], a [`RedisStore`], a
//! [`PostgresStore`]: [stores](docs::stores), [Redis](docs::redis), [Postgres](docs::postgres), and
//! [how their cost grows](docs::growth).
//!
//! **Write a store.** Six methods of [`SessionStore`], whose docs are the contract, and one line
//! that runs the suite `typed-sessions-conformance`: [your own](docs::stores#your-own).
//!
//! **Write a bus.** Five methods of [`Bus`], likewise: [buses](docs::live#buses).
//!
//! **Know what went wrong.** [`Error::kind`], and for each [`ErrorKind`]
//! [what to do](docs::first_steps#when-something-fails). What happens to sessions is told through
//! `tracing`, under the target `typed_sessions`.
//!
//! # What is where
//!
//! | module | what |
//! |---|---|
//! | the root | what applications need, the three stores included |
//! | [`docs`] | the guide, a page for each thing |
//! | [`store`] | the words of the contract, for authors of stores |
//! | [`bus`] | the same for authors of buses |
//! | [`memory`] | [`MemoryStore`] and its builder |
//! | [`redis`] | [`RedisStore`], its builder, and the driver |
//! | [`postgres`] | [`PostgresStore`], its builder, the sweeper, and the driver |
//! | [`axum`] | the layer and the extractors for axum |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `derive` | yes | the derive macro |
//! | `memory` | yes | [`MemoryStore`], on moka |
//! | `postgres` | no | [`PostgresStore`], on sqlx |
//! | `postgres-tls` | no | the same over TLS, on rustls |
//! | `redis` | no | [`RedisStore`]: one server, Cluster, Sentinel |
//! | `redis-tls` | no | the same with `rediss:` URLs, on rustls |
//! | `axum` | no | [`axum`]: sessions in axum |
//!
// Where a feature is off, so is what these names lead to.
#![cfg_attr(feature = "axum", doc = "[axum-guide]: docs::axum")]
#![cfg_attr(
    not(feature = "axum"),
    doc = "[axum-guide]: https://docs.rs/typed-sessions/latest/typed_sessions/docs/axum/
[`axum`]: https://docs.rs/typed-sessions/latest/typed_sessions/axum/"
)]
#![cfg_attr(
    not(feature = "postgres"),
    doc = "[`postgres`]: https://docs.rs/typed-sessions/latest/typed_sessions/postgres/
[`PostgresStore`]: https://docs.rs/typed-sessions/latest/typed_sessions/struct.PostgresStore.html"
)]
#![cfg_attr(
    not(feature = "redis"),
    doc = "[`redis`]: https://docs.rs/typed-sessions/latest/typed_sessions/redis/
[`RedisStore`]: https://docs.rs/typed-sessions/latest/typed_sessions/struct.RedisStore.html"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "derive", feature = "memory"))]
pub mod docs;

mod connect;

pub use crate::connect::connect;
#[cfg(feature = "axum")]
#[doc(inline)]
pub use typed_sessions_axum as axum;
#[doc(hidden)]
pub use typed_sessions_core::__private;
/// What a bus fulfils, and the words in which the core speaks to it: for authors of buses.
pub use typed_sessions_core::bus;
/// The contract that a store fulfils, and the words in which the core speaks to it: for authors of
/// stores.
pub use typed_sessions_core::store;
pub use typed_sessions_core::{
    Backend, Bus, Clock, Connection, ConnectionInfo, Device, Error, ErrorKind, Field, Hub,
    HubBuilder, Login, ManualClock, NoUser, Overflow, Push, Reason, Result, Reuse, Session,
    SessionData, SessionId, SessionInfo, SessionStore, SessionUser, Sessions, SessionsBuilder,
    SystemClock, Timeouts, Timestamp, Token, UserId, UserSessions, days, hours, minutes, seconds,
};
#[cfg(feature = "derive")]
pub use typed_sessions_derive::SessionData;
#[cfg(feature = "memory")]
#[doc(no_inline)]
pub use typed_sessions_memory as memory;
#[cfg(feature = "memory")]
pub use typed_sessions_memory::MemoryStore;
#[cfg(feature = "postgres")]
#[doc(no_inline)]
pub use typed_sessions_postgres as postgres;
#[cfg(feature = "postgres")]
pub use typed_sessions_postgres::PostgresStore;
#[cfg(feature = "redis")]
#[doc(no_inline)]
pub use typed_sessions_redis as redis;
#[cfg(feature = "redis")]
pub use typed_sessions_redis::RedisStore;
