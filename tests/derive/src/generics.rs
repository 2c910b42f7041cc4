//! Structs with type and const parameters.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use typed_sessions::{Result, SessionData, SessionUser, Sessions};

/// A page of anything.
#[derive(Debug, SessionData)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How much fits.
    pub size: u32,
}

/// Bounds, defaults, a `where` clause, a const parameter, and fields of every kind.
#[derive(Debug, SessionData)]
#[session(namespace = "many")]
pub struct Many<K: Eq + Hash, V, U = crate::shapes::Member, const N: usize = 2>
where
    V: Debug + Clone,
    Vec<V>: Clone,
{
    map: HashMap<K, Vec<V>>,
    #[session(ttl = "1d")]
    last: Option<(K, V)>,
    #[session(default = Some(Vec::new()))]
    both: Option<Vec<V>>,
    same: Vec<V>,
    more: Vec<V>,
    #[session(user)]
    user: Option<U>,
    #[session(skip, default = [0; N])]
    /// Kept for a while.
    pub cache: [u8; N],
    #[session(skip)]
    marker: PhantomData<(K, V)>,
}

/// Nothing is asked of a parameter's `Default` where a field does not need it.
#[derive(Debug, SessionData)]
pub struct NoDefault<T: Start> {
    #[session(default = T::start())]
    value: T,
    other: Option<T>,
}

/// Where to start without a `Default`.
pub trait Start {
    /// The first value.
    fn start() -> Self;
}

/// Generic and recursive, and stored under a condition that only its serde implementation knows.
#[derive(Debug, Default, Serialize, Deserialize, SessionData)]
#[serde(bound = "T: Serialize + serde::de::DeserializeOwned + Clone")]
pub struct Tree<T> {
    value: Option<T>,
    children: Vec<Self>,
    next: Option<Box<Self>>,
}

/// Code over any page.
///
/// # Errors
///
/// When the store fails.
pub async fn first<T>(sessions: &Sessions<Page<T>>, token: &str) -> Result<Option<T>>
where
    T: Serialize + for<'de> Deserialize<'de> + Clone + Send + 'static,
{
    let Some(mut session) = sessions.open(token).await? else { return Ok(None) };
    let items = session.get(Page::ITEMS).await?;
    Ok(items.first().cloned())
}

/// Code over any user.
#[must_use]
pub const fn has_user<U: SessionUser>(many: &Many<u8, u8, U>) -> bool {
    many.user.is_some()
}
