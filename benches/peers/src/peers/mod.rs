//! The libraries, each as its own documentation uses it.

pub(crate) mod dce;
pub(crate) mod ours;
pub(crate) mod pavex;
pub(crate) mod ruts;
pub(crate) mod tower;
