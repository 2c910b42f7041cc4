//! The store's own contract, without the core in between: what is written, whole or not at all.

use typed_sessions::store::{
    Applied, Change, Create, Deleted, Edit, Header, Key, Owned, Record, Rewrite, Save, Text,
};
use typed_sessions::{SessionId, minutes};

use crate::world::{ROUNDS, Shop, World, race, racer, stored};

pub(super) fn text(text: &str) -> Text {
    Text::from_stored(text)
}

pub(super) fn set<const N: usize>(fields: [(&str, &str); N]) -> Edit {
    let set = fields.map(|(key, value)| (Key::new(key), text(value))).into();
    Edit { set, remove: Vec::new() }
}

impl World {
    /// A write of fields to a session that has this header, whatever they were.
    pub(super) fn save(&self, header: &Header, edit: Edit) -> Save {
        Save { edit, ..Save::of(header, self.now()) }
    }

    /// A write of the header as it is.
    fn rewrite(&self, header: &Header, edit: Edit) -> Rewrite {
        Rewrite { edit, ..Rewrite::new(header, header.clone(), None, self.now()) }
    }

    fn create(&self, header: &Header) -> Change {
        let fields = set([("cart", "[1]")]).set;
        Change::Create(Create { fields, ..Create::new(header.clone(), self.now()) })
    }

    pub(super) async fn apply(&self, id: SessionId, change: &Change) -> Applied {
        self.store.apply(&id, change).await.expect("the store works")
    }

    /// A stored session, as the store has it.
    pub(super) async fn some_record(&self) -> (SessionId, Record) {
        let (session, _) = stored(&self.sessions::<Shop>()).await;
        (session.id(), self.record(session.id()).await.expect("stored"))
    }

    pub(super) async fn assert_unchanged(&self, id: SessionId, before: &Record) {
        let after = self.record(id).await.expect("still there");
        assert_eq!(after.fields, before.fields, "a refused change wrote fields");
        assert_eq!(
            after.header.to_text(),
            before.header.to_text(),
            "a refused change wrote the header"
        );
    }
}

/// A condition on a field.
fn expecting(mut save: Save, key: &str, value: Option<&str>) -> Save {
    save.expected.push((Key::new(key), value.map(text)));
    save
}

pub(crate) async fn w1_guards_on_presence(world: World) {
    let (id, record) = world.some_record().await;
    let create = world.create(&record.header);
    assert_eq!(world.apply(id, &create).await, Applied::Conflict, "a record was created twice");
    world.assert_unchanged(id, &record).await;

    let nobody = SessionId::from_bytes([7; 16]);
    let save = Change::Save(world.save(&record.header, set([("cart", "[1]")])));
    let rewrite = Change::Rewrite(world.rewrite(&record.header, set([("cart", "[1]")])));
    for change in [&save, &rewrite] {
        assert_eq!(world.apply(nobody, change).await, Applied::Missing);
    }
    assert!(world.record(nobody).await.is_none(), "a change created a record");
    assert_eq!(world.delete(nobody, Owned::Anyones).await, Deleted::Missing);

    assert_eq!(world.delete(id, Owned::Anyones).await, Deleted::Yes);
    for change in [&save, &rewrite] {
        assert_eq!(world.apply(id, change).await, Applied::Missing);
    }
    assert!(world.record(id).await.is_none(), "a change revived a record");
}

pub(crate) async fn w1_expired_record_counts_as_missing(world: World) {
    let (id, record) = world.some_record().await;
    world.clock.advance(minutes(30));
    let save = Change::Save(world.save(&record.header, set([("cart", "[1]")])));
    assert_eq!(world.apply(id, &save).await, Applied::Missing, "a write to an expired record");
    let rewrite = Change::Rewrite(world.rewrite(&record.header, set([("cart", "[1]")])));
    assert_eq!(world.apply(id, &rewrite).await, Applied::Missing, "a touch of an expired record");
    if let Some(after) = world.record(id).await {
        assert_eq!(after.fields, record.fields);
    }
}

pub(crate) async fn w1_expired_record_is_not_replaced(world: World) {
    let (id, record) = world.some_record().await;
    world.clock.advance(minutes(30));
    // A store that had to let go of it has nothing to replace.
    if world.record(id).await.is_some() {
        assert_eq!(
            world.apply(id, &world.create(&record.header)).await,
            Applied::Conflict,
            "a record took the place of one that is there"
        );
        world.assert_unchanged(id, &record).await;
    }
}

pub(crate) async fn w2_change_is_all_or_nothing(world: World) {
    let (id, record) = world.some_record().await;
    let edit = || Edit { remove: vec![Key::new("lang")], ..set([("cart", "[\"written\"]")]) };
    let save = || world.save(&record.header, edit());
    let rewrite = || world.rewrite(&record.header, edit());
    let (epoch, revision) = (record.header.login_epoch(), record.header.revision());

    let refused = [
        (expecting(save(), "visits", Some("2")), Applied::Conflict, "another text"),
        (expecting(save(), "visits", Some("1 ")), Applied::Conflict, "the same value otherwise"),
        (expecting(save(), "visits", None), Applied::Conflict, "an absent key that is there"),
        (expecting(save(), "otp", Some("\"\"")), Applied::Conflict, "a key that is not there"),
        (Save { login_epoch: epoch + 1, ..save() }, Applied::Superseded, "another epoch"),
    ];
    for (save, outcome, expected) in refused {
        assert_eq!(world.apply(id, &Change::Save(save)).await, outcome, "expected {expected}");
        world.assert_unchanged(id, &record).await;
    }
    let refused = [
        (Rewrite { revision: revision + 1, ..rewrite() }, Applied::Conflict, "a later revision"),
        (Rewrite { login_epoch: epoch + 1, ..rewrite() }, Applied::Superseded, "another epoch"),
    ];
    for (rewrite, outcome, expected) in refused {
        assert_eq!(
            world.apply(id, &Change::Rewrite(rewrite)).await,
            outcome,
            "expected {expected}"
        );
        world.assert_unchanged(id, &record).await;
    }

    let right = expecting(expecting(save(), "visits", Some("1")), "otp", None);
    let edit = Edit {
        remove: vec![Key::new("lang"), Key::new("never.there")],
        ..set([("cart", "[\"written\"]"), ("new", "5")])
    };
    let change = Change::Save(Save { edit, ..right });
    assert_eq!(world.apply(id, &change).await, Applied::Applied);
    let after = world.record(id).await.expect("stored");
    let fields: Vec<(&str, &str)> =
        after.fields.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    assert_eq!(fields, [("cart", "[\"written\"]"), ("new", "5"), ("visits", "1")]);
    assert_eq!(after.header.to_text(), record.header.to_text(), "a save keeps the header");

    let rewrite = world.rewrite(&record.header, set([("visits", "2")]));
    assert_eq!(world.apply(id, &Change::Rewrite(rewrite)).await, Applied::Applied);
    let after = world.record(id).await.expect("stored").fields;
    assert_eq!((after.get("visits"), after.get("new")), (Some(&text("2")), Some(&text("5"))));
}

pub(crate) async fn w6_refusals_have_an_order(world: World) {
    let (id, record) = world.some_record().await;
    let (epoch, revision) = (record.header.login_epoch(), record.header.revision());
    let save = expecting(world.save(&record.header, Edit::default()), "visits", Some("2"));
    let save = Save { login_epoch: epoch + 1, ..save };
    let rewrite = world.rewrite(&record.header, Edit::default());
    let rewrite = Rewrite { login_epoch: epoch + 1, revision: revision + 1, ..rewrite };
    let changes = [Change::Save(save), Change::Rewrite(rewrite)];
    for change in &changes {
        let outcome = world.apply(id, change).await;
        assert_eq!(outcome, Applied::Superseded, "the epoch decides before the rest");
    }
    world.clock.advance(minutes(30));
    let after = |change: &Change| match change.clone() {
        Change::Create(create) => Change::Create(create),
        Change::Save(save) => Change::Save(Save { now: world.now(), ..save }),
        Change::Rewrite(rewrite) => Change::Rewrite(Rewrite { now: world.now(), ..rewrite }),
    };
    for change in changes.iter().map(after) {
        let outcome = world.apply(id, &change).await;
        assert_eq!(outcome, Applied::Missing, "what has ended has no epoch");
    }
}

pub(crate) async fn w2_change_without_fields_is_a_check(world: World) {
    let (id, record) = world.some_record().await;
    let check = |value| {
        let save = world.save(&record.header, Edit::default());
        Change::Save(expecting(save, "visits", Some(value)))
    };
    assert_eq!(world.apply(id, &check("1")).await, Applied::Applied);
    assert_eq!(world.apply(id, &check("2")).await, Applied::Conflict);
    world.assert_unchanged(id, &record).await;
}

pub(crate) async fn w2_what_is_set_wins_over_what_is_removed(world: World) {
    let (id, record) = world.some_record().await;
    let edit =
        Edit { remove: vec![Key::new("visits"), Key::new("lang")], ..set([("visits", "2")]) };
    let save = Change::Save(world.save(&record.header, edit.clone()));
    assert_eq!(world.apply(id, &save).await, Applied::Applied);
    let fields = world.record(id).await.expect("stored").fields;
    assert_eq!((fields.get("visits"), fields.get("lang")), (Some(&text("2")), None));

    let rewrite = Change::Rewrite(world.rewrite(&record.header, edit));
    assert_eq!(world.apply(id, &rewrite).await, Applied::Applied);
    let fields = world.record(id).await.expect("stored").fields;
    assert_eq!((fields.get("visits"), fields.get("lang")), (Some(&text("2")), None));
}

pub(crate) async fn w3_one_of_many_swaps_wins(world: World) {
    for round in 0..ROUNDS / 2 {
        let (id, record) = world.some_record().await;
        let outcomes = race((0..8).map(|n| {
            let (world, header) = (world.clone(), record.header.clone());
            async move {
                let edit = set([("visits", (100 + n).to_string().as_str())]);
                let save = expecting(world.save(&header, edit), "visits", Some("1"));
                world.apply(id, &Change::Save(save)).await
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
    let (id, record) = world.some_record().await;
    let write = {
        let world = world.clone();
        racer(async move {
            for n in 0..300 {
                let n = n.to_string();
                let save = world.save(&record.header, set([("a", n.as_str()), ("z", n.as_str())]));
                assert_eq!(world.apply(id, &Change::Save(save)).await, Applied::Applied);
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
