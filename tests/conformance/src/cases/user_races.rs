//! U, W6, R5 under parallelism: no record without its index entry, no entry without its record,
//! nobody back from the dead.

use typed_sessions::{ErrorKind, Overflow, SessionId, SessionInfo, Sessions, minutes, seconds};

use crate::world::{
    Member, ROUNDS, Shop, World, is_refused, kind, logged_in, open, race, racer, stored,
};

impl World {
    /// Every live session of these is in the index of its user and in no other, and every entry has
    /// its record.
    async fn assert_index(
        &self,
        sessions: &Sessions<Shop>,
        users: &[u64],
        ids: &[SessionId],
        round: usize,
    ) {
        for user in users {
            let listed: Vec<_> = sessions
                .user(user)
                .list()
                .await
                .expect("lists")
                .iter()
                .map(SessionInfo::id)
                .collect();
            for id in ids {
                let record = self.record(*id).await;
                let belongs = record.is_some_and(|record| {
                    record.header.user().is_some_and(|u| *u.as_str() == user.to_string())
                });
                assert_eq!(
                    listed.contains(id),
                    belongs,
                    "round {round}: user {user} and the index disagree on {id}"
                );
            }
            for id in &listed {
                assert!(
                    self.record(*id).await.is_some(),
                    "round {round}: an entry without a session"
                );
            }
        }
    }
}

pub(crate) async fn u1_login_races_with_logout(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (first, token) = logged_in(&sessions, 1).await;
        let mut login = open(&sessions, &token).await;
        let mut logout = open(&sessions, &token).await;
        let outcomes = race([
            racer(
                async move { login.login(Member::new(2)).await.map(|()| login.token().expose()) },
            ),
            racer(async move { logout.logout().await.map(|()| logout.token().expose()) }),
        ])
        .await;
        assert!(outcomes.iter().any(Result::is_ok), "round {round}: one of them is first");
        let open_now: Vec<_> = outcomes.iter().flatten().collect();
        for outcome in &outcomes {
            assert!(
                outcome.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::Superseded),
                "round {round}"
            );
        }
        assert_eq!(open_now.len(), 1, "round {round}: the other is from before");
        open(&sessions, open_now[0]).await;
        assert!(is_refused(&sessions, &token).await, "round {round}");
        world.assert_index(&sessions, &[1, 2], &[first.id()], round).await;
        sessions.revoke(first.id()).await.expect("revokes");
    }
}

pub(crate) async fn u2_revoke_all_races_with_login(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (old, old_token) = logged_in(&sessions, 1).await;
        let (again, again_token) = logged_in(&sessions, 1).await;
        let mut again_handle = open(&sessions, &again_token).await;
        let mut new = sessions.start();
        let ids = [old.id(), again.id(), new.id()];
        let everywhere = sessions.clone();
        let outcomes = race([
            racer(async move { everywhere.user(&1).revoke_all().await.map(|_| None) }),
            racer(async move {
                again_handle
                    .login(Member::new(1))
                    .await
                    .map(|()| Some(again_handle.token().expose()))
            }),
            racer(
                async move { new.login(Member::new(1)).await.map(|()| Some(new.token().expose())) },
            ),
        ])
        .await;
        assert!(is_refused(&sessions, &old_token).await, "round {round}: a revoked session lives");
        assert!(is_refused(&sessions, &again_token).await, "round {round}");
        world.assert_index(&sessions, &[1], &ids, round).await;
        // Whatever came after the first revocation falls to the second.
        sessions.user(&1).revoke_all().await.expect("revokes");
        for outcome in outcomes {
            match outcome {
                Ok(Some(token)) => assert!(
                    is_refused(&sessions, &token).await,
                    "round {round}: revoke_all missed one"
                ),
                Ok(None) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::Gone, "round {round}"),
            }
        }
        assert_eq!(sessions.user(&1).count().await.expect("counts"), 0, "round {round}");
        world.assert_index(&sessions, &[1], &ids, round).await;
    }
}

pub(crate) async fn u3_limit_holds_under_parallel_logins(world: World) {
    const LOGINS: usize = 50;
    for (overflow, limit) in
        [(Overflow::EvictOldest, 5), (Overflow::Refuse, 5), (Overflow::EvictOldest, 1)]
    {
        let sessions = world
            .builder::<Shop>()
            .max_sessions_per_user(limit, overflow)
            .build()
            .expect("consistent");
        let outcomes = race((0..LOGINS).map(|n| {
            let sessions = sessions.clone();
            async move {
                // Half of them are new, half anonymous sessions that log in.
                let mut session =
                    if n % 2 == 0 { sessions.start() } else { stored(&sessions).await.0 };
                session
                    .login(Member::new(9))
                    .await
                    .map(|()| (session.id(), session.token().expose()))
            }
        }))
        .await;
        let entered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let error = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        let expected = if overflow == Overflow::Refuse { limit } else { LOGINS };
        assert_eq!(entered, expected, "{overflow:?}, one of the errors: {error:?}");
        let listed: Vec<_> =
            sessions.user(&9).list().await.expect("lists").iter().map(SessionInfo::id).collect();
        assert_eq!(listed.len(), limit, "{overflow:?}: the index");
        for (id, token) in outcomes.into_iter().flatten() {
            let refused = is_refused(&sessions, &token).await;
            assert_eq!(
                refused,
                !listed.contains(&id),
                "{overflow:?}: what is not listed has ended"
            );
        }
        sessions.user(&9).revoke_all().await.expect("revokes");
    }
}

pub(crate) async fn u3_two_logins_race_for_one_place(world: World) {
    let evicting = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::EvictOldest)
        .build()
        .expect("consistent");
    let refusing = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::Refuse)
        .build()
        .expect("consistent");
    for round in 0..ROUNDS {
        for sessions in [&evicting, &refusing] {
            let logins = race((0..2).map(|_| {
                let mut session = sessions.start();
                async move {
                    session
                        .login(Member::new(1))
                        .await
                        .map(|()| (session.id(), session.token().expose()))
                }
            }))
            .await;
            let mut alive = 0;
            for (_, token) in logins.iter().flatten() {
                alive += usize::from(!is_refused(sessions, token).await);
            }
            assert_eq!(alive, 1, "round {round}: one place, one session");
            let ids: Vec<SessionId> = logins.iter().flatten().map(|(id, _)| *id).collect();
            world.assert_index(sessions, &[1], &ids, round).await;
            sessions.user(&1).revoke_all().await.expect("revokes");
        }
    }
}

pub(crate) async fn u3_eviction_races_with_a_proof_again(world: World) {
    let sessions = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::EvictOldest)
        .build()
        .expect("consistent");
    for round in 0..ROUNDS {
        let (mut old, _) = logged_in(&sessions, 1).await;
        let mut new = sessions.start();
        let ids = [old.id(), new.id()];
        let clock = world.clock.clone();
        let tokens = race([
            racer(async move {
                for _ in 0..10 {
                    // It lasts longer now: the index is told.
                    clock.advance(seconds(1));
                    if let Err(error) = old.reauthenticate().await {
                        assert_eq!(error.kind(), ErrorKind::Gone, "round {round}: {error:?}");
                        break;
                    }
                }
                old.token().expose()
            }),
            racer(async move {
                new.login(Member::new(1)).await.expect("others make room");
                new.token().expose()
            }),
        ])
        .await;
        assert!(is_refused(&sessions, &tokens[0]).await, "round {round}: one place, one session");
        open(&sessions, &tokens[1]).await;
        world.assert_index(&sessions, &[1], &ids, round).await;
        sessions.user(&1).revoke_all().await.expect("revokes");
    }
}

pub(crate) async fn u4_sync_races_with_destroy(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (mut session, token) = logged_in(&sessions, 1).await;
        let id = session.id();
        let everywhere = sessions.clone();
        let renamed = Member { id: 1, name: "new name".into() };
        let outcomes = race([
            racer(async move { session.destroy().await }),
            racer(async move { everywhere.user(&1).sync(&renamed).await.map(|_| ()) }),
        ])
        .await;
        assert!(outcomes.iter().all(Result::is_ok), "round {round}: {outcomes:?}");
        assert!(is_refused(&sessions, &token).await, "round {round}: a sync revived a session");
        assert!(world.record(id).await.is_none(), "round {round}");
    }
}

pub(crate) async fn u4_sync_races_with_login_of_another_user(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (mut session, _) = logged_in(&sessions, 1).await;
        let id = session.id();
        let everywhere = sessions.clone();
        let renamed = Member { id: 1, name: "new name".into() };
        let tokens = race([
            racer(async move {
                session.login(Member::new(2)).await.expect("logs in");
                session.token().expose()
            }),
            racer(async move {
                everywhere.user(&1).sync(&renamed).await.expect("syncs");
                String::new()
            }),
        ])
        .await;
        let opened = open(&sessions, &tokens[0]).await;
        assert_eq!(
            opened.member,
            Some(Member::new(2)),
            "round {round}: one user's data in another's session"
        );
        world.assert_index(&sessions, &[1, 2], &[id], round).await;
        sessions.revoke(id).await.expect("revokes");
    }
}

pub(crate) async fn r5_login_races_with_renewal(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (_, old) = stored(&sessions).await;
        let mut login = open(&sessions, &old).await;
        world.clock.advance(minutes(10));
        let opening = sessions.clone();
        let old_token = old.clone();
        let tokens = race([
            racer(async move {
                login.login(Member::new(1)).await.expect("logs in");
                Some(login.token().expose())
            }),
            racer(async move {
                let opened = opening.open(&old_token).await.expect("the store works");
                opened.map(|session| session.token().expose())
            }),
        ])
        .await;
        let new = tokens[0].as_ref().expect("a token");
        assert_eq!(
            open(&sessions, new).await.member,
            Some(Member::new(1)),
            "round {round}: the renewal undid the login"
        );
        assert!(
            is_refused(&sessions, &old).await,
            "round {round}: the old token outlived the login"
        );
        if let Some(renewed) = &tokens[1] {
            assert!(
                is_refused(&sessions, renewed).await,
                "round {round}: a renewed anonymous token opens the login"
            );
        }
    }
}

pub(crate) async fn w6_two_logins_race_for_one_session(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (session, token) = stored(&sessions).await;
        let id = session.id();
        let logins = race((1..=2).map(|user| {
            let (sessions, token) = (sessions.clone(), token.clone());
            async move {
                let mut session = sessions.open(&token).await.expect("the store works")?;
                let result = session.login(Member::new(user)).await;
                if result.is_ok() {
                    return Some((user, session.token().expose()));
                }
                assert_eq!(kind(result), ErrorKind::Superseded);
                None
            }
        }))
        .await;
        let winners: Vec<_> = logins.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}: one login per state of the session");
        let (user, token) = &winners[0];
        assert_eq!(open(&sessions, token).await.user_id(), Some(*user));
        world.assert_index(&sessions, &[1, 2], &[id], round).await;
        sessions.revoke(id).await.expect("revokes");
    }
}
