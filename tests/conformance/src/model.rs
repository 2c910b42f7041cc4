//! Random operations on two handles of one session, against a model so simple that it is plainly
//! right.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use typed_sessions::{Clock, ErrorKind, Session, Timestamp, minutes, seconds};

use crate::property::holds;
use crate::world::{Shop, World, kind, open, stored};

/// What a user may do through one of two handles.
#[derive(Clone, Copy, Debug)]
enum Op {
    Open,
    Reload,
    PushToCart(u8),
    Count(u8),
    Save,
    SetOtp(Option<u8>),
    TakeOtp,
    RemoveCart,
    UpdateVisits(u8),
    Transact(u8),
    GetCart,
    Touch,
    Renew,
    Wait(u16),
    Destroy,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Open),
        2 => Just(Op::Reload),
        4 => any::<u8>().prop_map(Op::PushToCart),
        4 => any::<u8>().prop_map(Op::Count),
        5 => Just(Op::Save),
        3 => proptest::option::of(any::<u8>()).prop_map(Op::SetOtp),
        3 => Just(Op::TakeOtp),
        1 => Just(Op::RemoveCart),
        4 => any::<u8>().prop_map(Op::UpdateVisits),
        4 => any::<u8>().prop_map(Op::Transact),
        2 => Just(Op::GetCart),
        2 => Just(Op::Touch),
        1 => Just(Op::Renew),
        4 => (0_u16..400).prop_map(Op::Wait),
        // Rare: most of a run should happen to a living session.
        1 => prop_oneof![9 => Just(Op::Touch), 1 => Just(Op::Destroy)],
    ]
}

/// The session as it should be.
#[derive(Clone, Debug)]
struct Model {
    cart: Vec<String>,
    visits: u32,
    otp: Option<(String, Timestamp)>,
    last_seen: Timestamp,
    destroyed: bool,
}

/// One handle: what its struct should show, and which fields differ from what is stored.
#[derive(Clone, Debug)]
struct Shown {
    cart: Vec<String>,
    visits: u32,
    otp: Option<String>,
    cart_before: Vec<String>,
    visits_before: u32,
}

struct Handle {
    session: Session<Shop>,
    shown: Shown,
}

impl Model {
    fn is_live(&self, now: Timestamp) -> bool {
        !self.destroyed && now.since(self.last_seen) < minutes(30)
    }

    fn otp(&self, now: Timestamp) -> Option<String> {
        self.otp.as_ref().filter(|(_, until)| now < *until).map(|(otp, _)| otp.clone())
    }

    fn show(&self, now: Timestamp) -> Shown {
        Shown {
            cart: self.cart.clone(),
            visits: self.visits,
            otp: self.otp(now),
            cart_before: self.cart.clone(),
            visits_before: self.visits,
        }
    }
}

impl Shown {
    /// What a save writes.
    fn save_into(&mut self, model: &mut Model) {
        if self.cart != self.cart_before {
            model.cart.clone_from(&self.cart);
        }
        if self.visits != self.visits_before {
            model.visits = self.visits;
        }
        self.cart_before.clone_from(&self.cart);
        self.visits_before = self.visits;
    }
}

pub(crate) async fn w_random_operations_follow_the_model(world: World) {
    let sequences = || proptest::collection::vec((0_usize..2, op()), 1..60);
    // The strategy is able to end a session: otherwise the model would never see it.
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    holds(48, sequences, async move |sequence: Vec<(usize, Op)>| {
        if sequence.iter().any(|(_, op)| matches!(op, Op::Destroy)) {
            seen.store(true, Ordering::SeqCst);
        }
        follow(world.clone(), &sequence).await;
    })
    .await;
    assert!(ended.load(Ordering::SeqCst), "no sequence ended its session");
}

#[allow(
    clippy::too_many_lines,
    reason = "one arm for each operation: what happens, and what the model says"
)]
async fn follow(world: World, sequence: &[(usize, Op)]) {
    let sessions =
        world.builder::<Shop>().never_renew().touch_every(minutes(1)).build().expect("consistent");
    let (first, mut token) = stored(&sessions).await;
    let now = world.clock.now();
    let mut model =
        Model { cart: Vec::new(), visits: 1, otp: None, last_seen: now, destroyed: false };
    let second = open(&sessions, &token).await;
    let mut handles = [first, second].map(|session| Handle { session, shown: model.show(now) });

    for (which, op) in sequence {
        let now = world.clock.now();
        let live = model.is_live(now);
        let handle = &mut handles[*which];
        let (session, shown) = (&mut handle.session, &mut handle.shown);
        // What the model says must happen; `Err` only ever `Gone`.
        let outcome: Option<Result<(), typed_sessions::Error>> = match *op {
            Op::Wait(by) => {
                world.clock.advance(seconds(u64::from(by)));
                None
            }
            Op::PushToCart(n) => {
                session.cart.push(n.to_string());
                shown.cart.push(n.to_string());
                None
            }
            Op::Count(n) => {
                session.visits = u32::from(n);
                shown.visits = u32::from(n);
                None
            }
            Op::Open => {
                let opened = sessions.open(&token).await.expect("the store works");
                assert_eq!(opened.is_some(), live, "open");
                if let Some(opened) = opened {
                    if now.since(model.last_seen) >= minutes(1) {
                        model.last_seen = now;
                    }
                    *session = opened;
                    *shown = model.show(now);
                }
                None
            }
            Op::Reload => {
                let result = session.reload().await;
                if live {
                    *shown = model.show(now);
                }
                Some(result)
            }
            Op::Save => {
                let nothing =
                    shown.cart == shown.cart_before && shown.visits == shown.visits_before;
                let result = session.save().await;
                if live {
                    shown.save_into(&mut model);
                }
                if nothing && result.is_ok() { None } else { Some(result) }
            }
            Op::SetOtp(n) => {
                let otp = n.map(|n| n.to_string());
                let result = session.set(Shop::OTP, otp.clone()).await;
                if live {
                    model.otp = otp.clone().map(|otp| (otp, now.after(minutes(5))));
                    shown.otp = otp;
                }
                Some(result)
            }
            Op::TakeOtp => {
                let result = session.take(Shop::OTP).await;
                if live {
                    assert_eq!(*result.as_ref().expect("takes"), model.otp(now), "take");
                    model.otp = None;
                    shown.otp = None;
                }
                Some(result.map(|_| ()))
            }
            Op::RemoveCart => {
                let result = session.remove(Shop::CART).await.map(|_| ());
                if live {
                    model.cart = Vec::new();
                    (shown.cart, shown.cart_before) = (Vec::new(), Vec::new());
                }
                Some(result)
            }
            Op::UpdateVisits(n) => {
                let result = session
                    .update(Shop::VISITS, |visits| *visits = visits.wrapping_add(u32::from(n)))
                    .await;
                if live {
                    model.visits = model.visits.wrapping_add(u32::from(n));
                    (shown.visits, shown.visits_before) = (model.visits, model.visits);
                }
                Some(result)
            }
            Op::Transact(n) => {
                let result = session
                    .transact(|shop| {
                        shop.visits = shop.visits.wrapping_add(u32::from(n));
                        shop.cart.truncate(3);
                    })
                    .await;
                if live {
                    shown.save_into(&mut model);
                    model.visits = model.visits.wrapping_add(u32::from(n));
                    model.cart.truncate(3);
                    *shown = model.show(now);
                }
                Some(result)
            }
            Op::GetCart => {
                let result = session.get(Shop::CART).await;
                if live {
                    assert_eq!(*result.as_ref().expect("reads"), model.cart, "get");
                    (shown.cart, shown.cart_before) = (model.cart.clone(), model.cart.clone());
                }
                Some(result.map(|_| ()))
            }
            Op::Touch => {
                let result = session.touch().await;
                if live {
                    model.last_seen = now;
                }
                Some(result)
            }
            Op::Renew => {
                let admitted = session.token().expose() == token;
                let result = session.renew().await;
                if live && admitted {
                    token = session.token().expose();
                    Some(result)
                } else {
                    // A token that is dead by now is not exchanged for a live one.
                    let refusal = if live { ErrorKind::Superseded } else { ErrorKind::Gone };
                    assert_eq!(kind(result), refusal, "{op:?}");
                    None
                }
            }
            Op::Destroy => {
                session.destroy().await.expect("ending is always possible");
                model.destroyed = true;
                None
            }
        };
        if let Some(outcome) = outcome {
            assert_eq!(outcome.is_ok(), live, "{op:?}: {outcome:?}");
            assert!(outcome.is_ok() || kind(outcome) == ErrorKind::Gone, "{op:?}");
        }
        assert_eq!((&session.cart, session.visits), (&shown.cart, shown.visits), "after {op:?}");
        assert_eq!(session.otp, shown.otp, "after {op:?}");
    }

    let now = world.clock.now();
    let last = sessions.open(&token).await.expect("the store works");
    assert_eq!(last.is_some(), model.is_live(now), "at the end");
    if let Some(last) = last {
        assert_eq!(
            (&last.cart, last.visits, &last.otp),
            (&model.cart, model.visits, &model.otp(now)),
            "at the end"
        );
    }
}
