//! Live connections across processes: the chat of the examples is the server, `A` and `B`, the
//! clients are real WebSockets, and what is between the servers breaks.

mod browser;
mod chat;
mod cluster;
mod place;
mod postgres;
mod redis;
mod web;
