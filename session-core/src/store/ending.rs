//! How sessions end: whose they must be, and what became of that.

use super::record::Header;
use super::user_id::UserId;

/// Whose session it must be for a `delete` to end it. What was decided about one login never ends
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    /// Anybody's or nobody's, whatever state it is in: for administrators.
    Anyones,
    /// This user's.
    OfUser(UserId),
    /// Of this login epoch.
    OfLogin(u64),
}

/// What became of a `delete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The session has ended.
    Yes,
    /// There was none.
    Missing,
    /// It is there, and another user's or of another login: it goes on.
    Superseded,
}

/// Whether a [`clear`](crate::SessionStore::clear) has to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There may be sessions left.
    Yes,
    /// Everything has ended that was stored when the first call began.
    No,
}

impl Owned {
    /// Whether a session with this header may be ended: the guard as code.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # use typed_sessions::SessionStore;
    /// use typed_sessions::store::Owned;
    ///
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// let header = store.load(&session.id()).await?.expect("it was saved").header;
    /// assert!(Owned::OfUser(UserId::new(7)?).permits(&header));
    /// assert!(!Owned::OfUser(UserId::new(8)?).permits(&header));
    /// # Ok(()) });
    /// ```
    pub fn permits(&self, header: &Header) -> bool {
        match self {
            Self::Anyones => true,
            Self::OfUser(user) => header.user() == Some(user),
            Self::OfLogin(epoch) => header.login_epoch() == *epoch,
        }
    }
}
