//! What a store may do wrong, one thing at a time.

use std::sync::OnceLock;

use tokio::runtime::Handle;
use typed_sessions::{Error, Result};

/// A deliberate breach of one line of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each test binary uses its part")]
pub(crate) enum Sin {
    None,
    /// Creates the record that a rewrite does not find.
    UpsertsOnWrite,
    /// Writes whatever the fields are.
    IgnoresFieldGuards,
    /// Writes whatever the revision is.
    IgnoresRevision,
    /// Writes whatever the login epoch is.
    IgnoresLoginEpoch,
    /// Writes to records past their deadline.
    ForgetsTheDeadline,
    /// Keeps only the fields that the last change named.
    DropsUnknownKeys,
    /// Reads, lets others in, writes.
    ChecksAndWritesInTwoSteps,
    /// Writes the fields before it checks the conditions.
    WritesHalf,
    /// Keeps text as C strings.
    StopsAtNul,
    /// Forgets to index who logs in.
    ForgetsTheIndex,
    /// Keeps who logged out in the index.
    KeepsWhoLoggedOut,
    /// Does not remove keys.
    IgnoresRemovals,
    /// Rewrites JSON as it likes it.
    NormalizesJson,
    /// Creates over a record that is there.
    CreatesOverExisting,
    /// Creates a record when it is read.
    AdoptsUnknownIds,
    /// Says that it deleted, and does not.
    PretendsToDelete,
    /// Lets everybody in.
    IgnoresTheLimit,
    /// Creates over a record that is there but past its deadline.
    CreatesOverExpired,
    /// Removes after it has set.
    RemovesWhatItSets,
    /// Makes room for a login before it knows whether the login may be written.
    EvictsBeforeTheGuard,
    /// Says that the house is full before it knows whether the login may be written.
    FullBeforeTheGuard,
    /// Takes a session from its user's index although the change is refused.
    LeavesWhenRefused,
    /// Counts logins that were refused.
    CountsTheRefused,
    /// Forgets a record when its first deadline has passed, in real time.
    SetsItsExpiryOnce,
    /// Keeps a session in the index until the absolute deadline of its login.
    IndexesByTheFirstDeadline,
    /// Deletes whatever it finds.
    IgnoresOwned,
    /// Keeps in the index whom it deleted.
    KeepsTheDeletedIndexed,
    /// Says that a session of another login is missing.
    SaysMissingForSuperseded,
    /// Says that a session which it must not delete is missing.
    SaysMissingForAnothers,
    /// Looks at the revision and the fields before it looks at the login epoch.
    RefusesInAnotherOrder,
    /// Never says that there is another page.
    ForgetsTheOtherPages,
    /// Counts how many sessions it has handed out, whoever has ended since.
    PagesByCounting,
    /// Has all sessions in one page, however few are asked for.
    IgnoresThePagesSize,
    /// Answers for the first hundred of a batch.
    AnswersForAHundred,
    /// Says of ids that are not there that they cannot be read.
    InventsTheMissing,
    /// Says that everybody has ended after the first step.
    ClearStopsEarly,
    /// Clears sessions with a user only.
    ClearsUsersOnly,
    /// Lets those go who were used last.
    EvictsTheNewest,
    /// Counts sessions that have ended.
    CountsTheDead,
    /// Lets go of what has ended by the clock of whoever writes.
    ReapsByTheCallersClock,
    /// Has no expiry of its own.
    NeverExpires,
    /// Works only as long as the runtime that used it first.
    BelongsToOneRuntime,
}

/// The runtime that used the store first.
#[derive(Debug, Default)]
pub(crate) struct Home(OnceLock<Handle>);

impl Home {
    /// The way to the data of a store that belongs to one runtime leads through it.
    pub(crate) async fn reach(&self, sin: Sin) -> Result<()> {
        if sin == Sin::BelongsToOneRuntime {
            let home = self.0.get_or_init(Handle::current);
            home.spawn(async {}).await.map_err(Error::unavailable)?;
        }
        Ok(())
    }
}
