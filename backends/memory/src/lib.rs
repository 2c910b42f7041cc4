//! The in-memory store of [typed-sessions](https://docs.rs/typed-sessions), on [moka].
//!
//! For tests, for applications on a single node, and as an example of a store. Nothing survives the
//! process.

mod bounds;
mod builder;
mod bus;
mod entry;
mod index;
mod locks;
mod registry;
mod store;

pub use crate::builder::MemoryStoreBuilder;
pub use crate::store::MemoryStore;
