//! The PostgreSQL store of [typed-sessions](https://docs.rs/typed-sessions), on [sqlx].
//!
//! PostgreSQL 13 or later. One row per session, one prepared statement per write.

mod answers;
mod arguments;
mod builder;
mod bus;
mod connections;
mod error;
mod fields;
mod kept;
mod link;
mod logging;
mod migrate;
mod names;
mod parameters;
mod pooled;
mod retention;
mod runtimes;
mod schema;
mod shortage;
mod statements;
mod store;
mod sweeper;
mod template;
mod url;
mod verdict;

pub use crate::builder::PostgresStoreBuilder;
pub use crate::store::PostgresStore;
pub use crate::sweeper::Sweeper;
/// The driver, whose pool [`PostgresStoreBuilder::pool`] takes.
pub use sqlx;
