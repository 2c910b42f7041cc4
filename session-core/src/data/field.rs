//! A typed name for one field of a struct, for the per-field operations.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::json::{self, Purpose, Writer, Written};
use super::session_data::SessionData;
use super::spec::FieldSpec;
use crate::error::Result;
use crate::store::SharedStr;

/// One field of the struct `D`, of type `T`: `Shop::CART` is a `Field<Shop, Vec<String>>`.
///
/// The derive makes one constant per stored field. `V` is what the key holds when it is present:
/// the same as `T`, or `T`'s inside where the field is an `Option` (whose `None` is an absent key).
/// It is what `Session::take` returns.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |sessions| {
/// use typed_sessions::{Field, MemoryStore, Result, Session, SessionData, Sessions};
///
/// #[derive(SessionData)]
/// struct Shop {
///     cart: Vec<String>,
///     visits: u32,
/// }
///
/// async fn reset<T: Default>(session: &mut Session<Shop>, field: Field<Shop, T>) -> Result<()> {
///     session.set(field, T::default()).await
/// }
///
/// let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
/// session.visits = 5;
/// reset(&mut session, Shop::VISITS).await?;
/// assert_eq!(session.visits, 0);
/// # Ok(()) });
/// ```
pub struct Field<D, T, V = T> {
    index: usize,
    slot: fn(&mut D) -> &mut T,
    absent: fn() -> T,
    present: fn(V) -> T,
    decode: fn(&str) -> Result<V, Failure>,
    write: fn(&T, &mut Writer) -> Result<Written, Failure>,
}

impl<D, T> Field<D, T>
where
    T: Serialize + DeserializeOwned,
{
    /// A field whose key always has a value once the session is stored.
    #[doc(hidden)]
    pub const fn plain(index: usize, slot: fn(&mut D) -> &mut T, absent: fn() -> T) -> Self {
        Self {
            index,
            slot,
            absent,
            present: |value| value,
            decode: json::decode,
            write: json::write_present,
        }
    }
}

impl<D, V> Field<D, Option<V>, V>
where
    V: Serialize + DeserializeOwned,
{
    /// A field whose `None` is an absent key.
    #[doc(hidden)]
    pub const fn optional(index: usize, slot: fn(&mut D) -> &mut Option<V>) -> Self {
        Self {
            index,
            slot,
            absent: || None,
            present: Some,
            decode: json::decode,
            write: json::write_optional,
        }
    }
}

impl<D: SessionData, T, V> Field<D, T, V> {
    /// The key under which the field is stored.
    ///
    /// ```
    /// # use typed_sessions::SessionData;
    /// #[derive(SessionData)]
    /// struct Shop {
    ///     cart: Vec<String>,
    ///     #[session(key = "lang")]
    ///     language: String,
    /// }
    ///
    /// assert_eq!((Shop::CART.key(), Shop::LANGUAGE.key()), ("cart", "lang"));
    /// ```
    pub fn key(&self) -> &'static str {
        self.spec().key
    }

    pub(crate) fn spec(&self) -> &'static FieldSpec {
        &D::__FIELDS[self.index]
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn slot<'a>(&self, data: &'a mut D) -> &'a mut T {
        (self.slot)(data)
    }

    pub(crate) fn absent(&self) -> T {
        (self.absent)()
    }

    pub(crate) fn decode_value(&self, text: &str) -> Result<V> {
        (self.decode)(text).map_err(|failure| failure.decoding(self.spec()))
    }

    pub(crate) fn decode(&self, text: Option<&str>) -> Result<T> {
        match text {
            None => Ok(self.absent()),
            Some(text) => match self.decode_value(text) {
                Ok(value) => Ok((self.present)(value)),
                Err(error) => self.spec().recover(error, self.absent),
            },
        }
    }

    pub(crate) fn write(&self, value: &T, writer: &mut Writer) -> Result<Written> {
        (self.write)(value, writer).map_err(|failure| failure.encoding(self.key()))
    }

    /// The text of a value that is to be stored; `None` when its key is to be absent.
    pub(crate) fn encode(&self, value: &T) -> Result<Option<SharedStr>> {
        let mut writer = Writer::new(Purpose::Store);
        let written = self.write(value, &mut writer)?;
        Ok(writer.text(written))
    }
}

impl<D, T, V> Copy for Field<D, T, V> {}

impl<D, T, V> Clone for Field<D, T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D, T, V> fmt::Debug for Field<D, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("index", &self.index).finish_non_exhaustive()
    }
}
