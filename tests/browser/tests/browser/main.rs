//! The shop in a real browser.

mod cookies;
mod devices;
mod leftovers;
mod races;
mod use_of_it;
