//! What the tests of the web layer share: a shop, and a browser that keeps cookies.

pub mod browser;
pub mod log;
pub mod shop;

pub use crate::browser::{Answer, Browser};
pub use crate::shop::{Member, Prefs, Shop, ada, shop};
