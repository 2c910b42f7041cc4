//! What became of a write.

/// What became of a [`Change`](super::Change). When several refusals hold, the first of this list
/// is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of it was written.
    Applied,
    /// Nothing was written: there is no live record.
    Missing,
    /// Nothing was written: the record lives, in another login epoch.
    Superseded,
    /// Nothing was written: a revision or a field is not as expected, or a record is there that
    /// should not be.
    Conflict,
    /// Nothing was written: the user has as many sessions as the limit allows.
    Full,
}
