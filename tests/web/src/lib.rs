//! What the tests of the web layer share: a shop, and a browser that keeps cookies.

pub mod browser;
pub mod shop;

pub use crate::browser::{Answer, Browser};
pub use crate::shop::{Gate, Member, Prefs, Shop, World, ada, shop};
