//! Everything that can be done to a session, as values: what it did, and what must hold after it.

use typed_sessions::{ErrorKind, Result, Session, SessionId, SessionInfo, Sessions};

use crate::world::{Member, Shop, World};

/// Everything that changes a session or its user's others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Open,
    Save,
    Set,
    Update,
    Insert,
    Take,
    Transact,
    Reload,
    Touch,
    Renew,
    LoginAgain,
    LoginAsAnother,
    Logout,
    Prove,
    Retag,
    Destroy,
    Revoke,
    RevokeOfUser,
    RevokeAll,
    RevokeToken,
    Sync,
}

impl Operation {
    pub(crate) const ALL: [Self; 21] = [
        Self::Open,
        Self::Save,
        Self::Set,
        Self::Update,
        Self::Insert,
        Self::Take,
        Self::Transact,
        Self::Reload,
        Self::Touch,
        Self::Renew,
        Self::LoginAgain,
        Self::LoginAsAnother,
        Self::Logout,
        Self::Prove,
        Self::Retag,
        Self::Destroy,
        Self::Revoke,
        Self::RevokeOfUser,
        Self::RevokeAll,
        Self::RevokeToken,
        Self::Sync,
    ];

    /// Whether it ends sessions, when it succeeds.
    pub(crate) fn ends_sessions(self) -> bool {
        matches!(
            self,
            Self::Destroy | Self::Revoke | Self::RevokeOfUser | Self::RevokeAll | Self::RevokeToken
        )
    }

    /// Whether the login epoch changes, when it succeeds.
    fn begins_a_login(self) -> bool {
        matches!(self, Self::LoginAgain | Self::LoginAsAnother | Self::Logout)
    }

    /// Whether it replaces the secret without grace, when it succeeds.
    pub(crate) fn replaces_the_secret(self) -> bool {
        matches!(
            self,
            Self::Renew
                | Self::LoginAgain
                | Self::LoginAsAnother
                | Self::Logout
                | Self::Prove
                | Self::Retag
        )
    }
}

/// A handle of somebody who does things.
pub(crate) struct Actor {
    pub(crate) sessions: Sessions<Shop>,
    pub(crate) handle: Session<Shop>,
}

/// What an operation said of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub(crate) operation: Option<Operation>,
    pub(crate) error: Option<ErrorKind>,
    /// The session has ended by it.
    pub(crate) has_ended: bool,
    /// The secret was replaced without grace.
    pub(crate) has_replaced: bool,
    /// By how much `visits` grew.
    pub(crate) added: u32,
    pub(crate) has_taken: bool,
    /// What the client would hold afterwards.
    pub(crate) token: String,
}

impl Actor {
    /// Does it, once.
    pub(crate) async fn perform(&mut self, operation: Operation) -> Done {
        let mut done = Done { operation: Some(operation), ..Done::default() };
        let before = self.handle.token();
        let result = self.try_to(operation, &mut done).await;
        done.error = result.err().map(|error| error.kind());
        if done.token.is_empty() {
            done.token = self.handle.token().expose();
        }
        let is_ok = done.error.is_none();
        done.has_replaced =
            is_ok && operation.replaces_the_secret() && before != self.handle.token();
        done
    }

    async fn try_to(&mut self, operation: Operation, done: &mut Done) -> Result<()> {
        let (handle, sessions) = (&mut self.handle, &self.sessions);
        let (id, token) = (handle.id(), handle.token().expose());
        match operation {
            Operation::Open => {
                if let Some(opened) = sessions.open(&token).await? {
                    done.token = opened.token().expose();
                }
            }
            Operation::Save => {
                handle.cart.push("tea".into());
                handle.save().await?;
            }
            Operation::Set => handle.set(Shop::LANGUAGE, "de".into()).await?,
            Operation::Update => {
                handle.update(Shop::VISITS, |visits| *visits += 1).await?;
                done.added = 1;
            }
            Operation::Insert => {
                handle.get_or_insert_with(Shop::ADDRESS, || "here".into()).await?;
            }
            Operation::Transact => {
                handle.transact(|shop| shop.visits += 1).await?;
                done.added = 1;
            }
            Operation::Take => done.has_taken = handle.take(Shop::OTP).await?.is_some(),
            Operation::Reload => handle.reload().await?,
            Operation::Touch => handle.touch().await?,
            Operation::Renew => handle.renew().await?,
            Operation::LoginAgain => handle.login(Member::new(1)).await?,
            Operation::LoginAsAnother => handle.login(Member::new(2)).await?,
            Operation::Logout => handle.logout().await?,
            Operation::Prove => handle.reauthenticate().await?,
            Operation::Retag => handle.set_auth_tag("hash").await?,
            Operation::Destroy => {
                handle.destroy().await?;
                done.has_ended = true;
            }
            Operation::Revoke => done.has_ended = sessions.revoke(id).await?,
            Operation::RevokeOfUser => done.has_ended = sessions.user(&1).revoke(id).await?,
            Operation::RevokeAll => done.has_ended = sessions.user(&1).revoke_all().await? > 0,
            Operation::RevokeToken => done.has_ended = sessions.revoke_token(&token).await?,
            Operation::Sync => drop(sessions.user(&1).sync(&Member::new(1)).await?),
        }
        Ok(())
    }
}

/// What must hold of a session after some operations on it, whatever came between them.
pub(crate) struct Aftermath<'a> {
    pub(crate) world: &'a World,
    pub(crate) id: SessionId,
    /// The token that the client held before.
    pub(crate) token: &'a str,
    pub(crate) done: &'a [Done],
    /// How `visits` was before, and what may have been added without anybody knowing.
    pub(crate) visits: u32,
    pub(crate) unknown: u32,
    /// Which run this was.
    pub(crate) run: &'a str,
}

impl Aftermath<'_> {
    /// All of them began with the same token, in the same login: what one has replaced or begun
    /// anew, another neither exchanges nor ends.
    fn check_that_one_of_both_was_late(&self) {
        let run = self.run;
        let replaced: Vec<_> = self.done.iter().filter(|done| done.has_replaced).collect();
        assert!(replaced.len() <= 1, "R5, {run}: a dead token became a live one");
        let Some(replaced) = replaced.first().and_then(|done| done.operation) else { return };
        for ended in self.done.iter().filter(|done| done.has_ended) {
            let is_late = match ended.operation {
                Some(Operation::Destroy | Operation::RevokeToken) => replaced.begins_a_login(),
                Some(Operation::RevokeOfUser | Operation::RevokeAll) => {
                    matches!(replaced, Operation::LoginAsAnother | Operation::Logout)
                }
                _ => false,
            };
            assert!(!is_late, "W6, {run}: what was decided about one login ended another");
        }
    }

    pub(crate) async fn check(&self) {
        let Self { world, id, done, run, .. } = self;
        let sessions = world.sessions::<Shop>();
        for kind in done.iter().filter_map(|done| done.error) {
            let may_be = [ErrorKind::Gone, ErrorKind::Superseded, ErrorKind::Invalid];
            assert!(may_be.contains(&kind), "{run}: {kind:?}");
        }
        let taken = done.iter().filter(|done| done.has_taken).count();
        assert!(taken <= 1, "W4, {run}: a value was handed out twice");
        self.check_that_one_of_both_was_late();
        let record = world.record(*id).await;
        if done.iter().any(|done| done.has_ended) {
            assert!(record.is_none(), "W1, {run}: what has ended is there");
        }
        for user in [1_u64, 2] {
            let listed = sessions.user(&user).list().await.expect("lists");
            let is_listed = listed.iter().map(SessionInfo::id).any(|listed| listed == *id);
            let owner = record.as_ref().and_then(|record| record.header.user());
            let is_theirs = owner.is_some_and(|owner| owner.as_str() == user.to_string());
            assert_eq!(is_listed, is_theirs, "U1, {run}: user {user} and the index disagree");
        }
        let mut tokens: Vec<&str> = done.iter().map(|done| &*done.token).collect();
        tokens.push(self.token);
        let mut opening = Vec::new();
        for token in &tokens {
            if let Some(opened) = sessions.peek(token).await.expect("the store works") {
                opening.push((*token, opened));
            }
        }
        if record.is_none() {
            assert!(opening.is_empty(), "W1, {run}: a token opens what is not there");
            let known = done.iter().any(|done| done.has_ended);
            assert!(known || self.unknown > 0, "{run}: a session was lost");
            return;
        }
        let Some((_, opened)) = opening.first() else {
            panic!("R5, {run}: the session is there and nobody's token opens it");
        };
        if done.iter().any(|done| done.has_replaced) {
            let is_alive = opening.iter().any(|(token, _)| *token == self.token);
            assert!(!is_alive, "R5, {run}: the old token outlived its replacement");
        }
        let added: u32 = done.iter().map(|done| done.added).sum();
        let (least, most) = (self.visits + added, self.visits + added + self.unknown);
        let visits = opened.visits;
        assert!(
            (least..=most).contains(&visits),
            "W3, {run}: {visits} visits of {least} to {most}"
        );
        if taken > 0 {
            assert_eq!(opened.otp, None, "W4, {run}: what was taken is there");
        }
    }
}
