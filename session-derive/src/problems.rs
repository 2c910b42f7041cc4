//! The mistakes found so far.

use std::fmt::Display;

use quote::ToTokens;
use syn::{Error, Result};

/// Collects mistakes, so that all of them are reported together.
#[derive(Default)]
pub(crate) struct Problems(Option<Error>);

impl Problems {
    /// Adds a mistake that is underlined at `place`.
    pub(crate) fn report(&mut self, place: impl ToTokens, message: impl Display) {
        self.add(Error::new_spanned(place, message));
    }

    /// The value, or `None` when there was a mistake, which is added.
    pub(crate) fn value<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// All mistakes as one error; `None` when there were none.
    pub(crate) fn into_error(self) -> Option<Error> {
        self.0
    }

    fn add(&mut self, error: Error) {
        match &mut self.0 {
            None => self.0 = Some(error),
            Some(all) => all.combine(error),
        }
    }
}
