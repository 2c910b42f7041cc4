//! The store's own contract, without the core in between: guards, all or nothing, index, purge.

use typed_sessions::{
    Applied, Change, Clock, Expected, Header, Key, Record, SessionId, Text, UserId, minutes,
};

use crate::world::{ROUNDS, Shop, World, logged_in, race, racer, stored};

fn text(text: &str) -> Text {
    Text::from_stored(text)
}

fn set(mut change: Change, key: &str, value: &str) -> Change {
    change.set.push((Key::new(key), text(value)));
    change
}

impl World {
    fn update(&self, expected: Expected) -> Change {
        Change::update(self.clock.now(), expected)
    }

    async fn apply(&self, id: SessionId, change: &Change) -> Applied {
        self.store.apply(&id, change).await.expect("the store works")
    }

    /// A stored session, as the store has it.
    async fn some_record(&self) -> (SessionId, Record) {
        let (session, _) = stored(&self.sessions::<Shop>()).await;
        (session.id(), self.record(session.id()).await.expect("stored"))
    }

    async fn assert_unchanged(&self, id: SessionId, before: &Record) {
        let after = self.record(id).await.expect("still there");
        assert_eq!(after.fields, before.fields, "a refused change wrote fields");
        assert_eq!(
            after.header.to_text(),
            before.header.to_text(),
            "a refused change wrote the header"
        );
    }
}

fn revision(header: &Header, plus: u64) -> Expected {
    let mut expected = Expected::default();
    expected.revision = Some(header.revision() + plus);
    expected
}

fn epoch(header: &Header, plus: u64) -> Expected {
    let mut expected = Expected::default();
    expected.login_epoch = Some(header.login_epoch() + plus);
    expected
}

fn field(key: &str, value: Option<&str>) -> Expected {
    let mut expected = Expected::default();
    expected.fields.push((Key::new(key), value.map(text)));
    expected
}

pub(crate) async fn w1_guards_on_presence(world: World) {
    let (id, record) = world.some_record().await;
    let create = set(Change::create(world.clock.now(), record.header.clone()), "cart", "[1]");
    assert_eq!(world.apply(id, &create).await, Applied::Conflict, "a record was created twice");
    world.assert_unchanged(id, &record).await;

    let nobody = SessionId::from_bytes([7; 16]);
    let mut update = set(world.update(Expected::default()), "cart", "[1]");
    assert_eq!(world.apply(nobody, &update).await, Applied::Missing);
    update.header = Some(record.header.clone());
    assert_eq!(world.apply(nobody, &update).await, Applied::Missing);
    assert!(world.record(nobody).await.is_none(), "an update created a record");
    assert!(
        !world.store.delete(&nobody).await.expect("the store works"),
        "there was nothing to delete"
    );

    assert!(
        world.store.delete(&id).await.expect("the store works"),
        "there was something to delete"
    );
    assert_eq!(world.apply(id, &update).await, Applied::Missing);
    assert!(world.record(id).await.is_none(), "an update revived a record");
}

pub(crate) async fn w1_expired_record_counts_as_missing(world: World) {
    let (id, record) = world.some_record().await;
    world.clock.advance(minutes(30));
    let mut update = set(world.update(Expected::default()), "cart", "[1]");
    assert_eq!(world.apply(id, &update).await, Applied::Missing, "a write to an expired record");
    update.header = Some(record.header.clone());
    assert_eq!(world.apply(id, &update).await, Applied::Missing, "a touch of an expired record");
    if let Some(after) = world.record(id).await {
        assert_eq!(after.fields, record.fields);
    }
}

pub(crate) async fn w1_expired_record_is_not_replaced(world: World) {
    let (id, record) = world.some_record().await;
    world.clock.advance(minutes(30));
    let create = set(Change::create(world.clock.now(), record.header.clone()), "cart", "[1]");
    // A store may have forgotten it: then there is nothing to replace.
    if world.record(id).await.is_some() {
        assert_eq!(
            world.apply(id, &create).await,
            Applied::Conflict,
            "a record took the place of one that is there"
        );
        world.assert_unchanged(id, &record).await;
    }
}

pub(crate) async fn w2_change_is_all_or_nothing(world: World) {
    let (id, record) = world.some_record().await;
    let refused = [
        (revision(&record.header, 1), Applied::Conflict, "a later revision"),
        (epoch(&record.header, 1), Applied::Missing, "another login epoch"),
        (field("visits", Some("2")), Applied::Conflict, "another text"),
        (field("visits", Some("1 ")), Applied::Conflict, "the same value as other text"),
        (field("visits", None), Applied::Conflict, "an absent key that is there"),
        (field("otp", Some("\"\"")), Applied::Conflict, "a key that is not there"),
    ];
    for (expected, outcome, what) in refused {
        let mut change = set(world.update(expected), "cart", "[\"written\"]");
        change.remove.push(Key::new("lang"));
        change.header = Some(record.header.clone());
        assert_eq!(world.apply(id, &change).await, outcome, "expected {what}");
        world.assert_unchanged(id, &record).await;
    }
    // The epoch decides before the rest: for that writer the session is gone.
    let mut both = epoch(&record.header, 1);
    both.revision = Some(record.header.revision() + 1);
    assert_eq!(world.apply(id, &world.update(both)).await, Applied::Missing);

    let mut all = epoch(&record.header, 0);
    all.revision = Some(record.header.revision());
    all.fields = vec![(Key::new("visits"), Some(text("1"))), (Key::new("otp"), None)];
    let mut change = set(set(world.update(all), "cart", "[\"written\"]"), "new", "5");
    change.remove = vec![Key::new("lang"), Key::new("never.there")];
    assert_eq!(world.apply(id, &change).await, Applied::Applied);
    let after = world.record(id).await.expect("stored");
    let fields: Vec<(&str, &str)> =
        after.fields.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    assert_eq!(fields, [("cart", "[\"written\"]"), ("new", "5"), ("visits", "1")]);
    assert_eq!(
        after.header.to_text(),
        record.header.to_text(),
        "a change without a header keeps it"
    );
}

pub(crate) async fn w2_change_without_fields_is_a_check(world: World) {
    let (id, record) = world.some_record().await;
    assert_eq!(world.apply(id, &world.update(field("visits", Some("1")))).await, Applied::Applied);
    assert_eq!(world.apply(id, &world.update(field("visits", Some("2")))).await, Applied::Conflict);
    world.assert_unchanged(id, &record).await;
}

pub(crate) async fn w2_what_is_set_wins_over_what_is_removed(world: World) {
    let (id, _) = world.some_record().await;
    let mut change = set(world.update(Expected::default()), "visits", "2");
    change.remove = vec![Key::new("visits"), Key::new("lang")];
    assert_eq!(world.apply(id, &change).await, Applied::Applied);
    let fields = world.record(id).await.expect("stored").fields;
    assert_eq!((fields.get("visits"), fields.get("lang")), (Some(&text("2")), None));
}

pub(crate) async fn w3_one_of_many_swaps_wins(world: World) {
    for round in 0..ROUNDS / 2 {
        let (id, _) = world.some_record().await;
        let outcomes = race((0..8).map(|n| {
            let world = world.clone();
            async move {
                let change = set(
                    world.update(field("visits", Some("1"))),
                    "visits",
                    &format!("{}", 100 + n),
                );
                world.apply(id, &change).await
            }
        }))
        .await;
        let winners: Vec<usize> = (0..8).filter(|n| outcomes[*n] == Applied::Applied).collect();
        assert_eq!(winners.len(), 1, "round {round}: {outcomes:?}");
        let record = world.record(id).await.expect("stored");
        assert_eq!(record.fields.get("visits"), Some(&text(&format!("{}", 100 + winners[0]))));
    }
}

pub(crate) async fn w3_reads_are_whole(world: World) {
    let (id, _) = world.some_record().await;
    let write = {
        let world = world.clone();
        racer(async move {
            for n in 0..300 {
                let n = n.to_string();
                let change = set(set(world.update(Expected::default()), "a", &n), "z", &n);
                assert_eq!(world.apply(id, &change).await, Applied::Applied);
            }
        })
    };
    let read = racer(async move {
        for _ in 0..300 {
            let record = world.record(id).await.expect("stored");
            assert_eq!(record.fields.get("a"), record.fields.get("z"), "half a change was read");
            tokio::task::yield_now().await;
        }
    });
    race([write, read]).await;
}

pub(crate) async fn e1_purge_takes_what_has_ended_and_no_more(world: World) {
    let sessions = world.sessions::<Shop>();
    for n in 0..10 {
        if n % 2 == 0 {
            stored(&sessions).await
        } else {
            logged_in(&sessions, n).await
        };
    }
    world.clock.advance(minutes(29));
    let (alive, _) = logged_in(&sessions, 1).await;
    assert_eq!(
        sessions.purge_expired(100).await.expect("the store works"),
        0,
        "nothing has ended yet"
    );
    world.clock.advance(minutes(1));
    assert_eq!(sessions.purge_expired(4).await.expect("the store works"), 4, "no more than asked");
    assert_eq!(sessions.purge_expired(100).await.expect("the store works"), 6);
    assert_eq!(sessions.purge_expired(100).await.expect("the store works"), 0);
    assert!(world.record(alive.id()).await.is_some(), "a live session was purged");
    for n in (1..10).step_by(2) {
        let user = UserId::new(n).expect("an id");
        let left = world.store.sessions_of(&user).await.expect("the store works");
        assert_eq!(left.len(), usize::from(n == 1), "user {n}");
    }
}
