//! Messages of a bus: who hears them, how often, in which order.

use typed_sessions::bus::{Channel, MAX_MESSAGE_BYTES};

use super::world::{BusWorld, SOON, hear, server};
use crate::world::race;

/// A message that is sent last, so that what would come before it has come.
const LAST: &[u8] = b"last";

pub(crate) async fn b1_a_subscription_hears_its_own_and_the_control_channel(world: BusWorld) {
    let (one, two) = (server("one"), server("two"));
    let mut first = world.subscribe(&one).await;
    let mut second = world.subscribe(&two).await;
    world.publish(Channel::Server(one.incarnation()), b"for one").await;
    world.publish(Channel::Server(two.incarnation()), b"for two").await;
    world.publish(Channel::Control, LAST).await;
    for (subscription, own) in [(&mut first, &b"for one"[..]), (&mut second, b"for two")] {
        assert_eq!(hear(subscription).await, own);
        assert_eq!(hear(subscription).await, LAST);
    }
}

pub(crate) async fn b1_a_subscription_is_in_force_when_it_returns(world: BusWorld) {
    for _ in 0..50 {
        let server = server("quick");
        let mut subscription = world.subscribe(&server).await;
        world.publish(Channel::Server(server.incarnation()), b"own").await;
        world.publish(Channel::Control, LAST).await;
        assert_eq!(hear(&mut subscription).await, b"own"[..]);
        assert_eq!(hear(&mut subscription).await, LAST);
    }
}

pub(crate) async fn b2_messages_come_once_and_byte_for_byte(world: BusWorld) {
    let server = server("exact");
    let mut subscription = world.subscribe(&server).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let sizes = [0, 1, 5_990, 6_000, 7_999, 8_000, 8_001, 65_536, MAX_MESSAGE_BYTES];
    let of_size = |size: usize| every_byte.iter().rev().copied().cycle().take(size).collect();
    let mut messages: Vec<Vec<u8>> = sizes.iter().copied().map(of_size).collect();
    messages.extend([every_byte.clone(), b"'; DROP TABLE sessions; --".to_vec()]);
    for message in &messages {
        world.publish(Channel::Server(server.incarnation()), message).await;
        world.publish(Channel::Control, message).await;
    }
    world.publish(Channel::Control, LAST).await;
    for message in &messages {
        for _ in 0..2 {
            let heard = hear(&mut subscription).await;
            assert!(heard == message[..], "{} bytes came as {}", message.len(), heard.len());
        }
    }
    assert_eq!(hear(&mut subscription).await, LAST, "nothing comes twice");
}

pub(crate) async fn b3_what_one_caller_publishes_comes_in_order(world: BusWorld) {
    const CALLERS: u8 = 8;
    const MESSAGES: u8 = 60;
    let server = server("ordered");
    let mut subscription = world.subscribe(&server).await;
    let callers = (0..CALLERS).map(|caller| {
        let (world, own) = (world.clone(), Channel::Server(server.incarnation()));
        async move {
            for number in 0..MESSAGES {
                let channel = if number % 3 == 0 { Channel::Control } else { own };
                // Some are so large that they may have to take another way.
                let size = if number % 7 == 0 { 20_000 } else { 2 };
                let mut message = vec![0; size];
                (message[0], message[1]) = (caller, number);
                world.publish(channel, message).await;
            }
        }
    });
    let publishing = tokio::spawn(race(callers.collect::<Vec<_>>()));
    let mut next = [0; CALLERS as usize];
    for _ in 0..u32::from(CALLERS) * u32::from(MESSAGES) {
        let heard = hear(&mut subscription).await;
        let caller = usize::from(heard[0]);
        assert_eq!(heard[1], next[caller], "of caller {caller}");
        next[caller] += 1;
    }
    publishing.await.expect("all is sent");
}

/// Far more than sockets and queues hold.
const FLOOD: usize = 1_200;

/// The slow one may lose the subscription, and must be told so.
pub(crate) async fn b5_nobody_waits_for_a_slow_subscriber(world: BusWorld) {
    let (slow, quick) = (server("slow"), server("quick"));
    let mut sleeping = world.subscribe(&slow).await;
    let mut subscription = world.subscribe(&quick).await;
    let message = vec![7; 64 << 10];
    let hearing = tokio::spawn(async move {
        let mut heard = 0;
        while hear(&mut subscription).await != LAST {
            heard += 1;
        }
        heard
    });
    for _ in 0..FLOOD {
        world.publish(Channel::Server(slow.incarnation()), &message).await;
    }
    for _ in 0..100 {
        world.publish(Channel::Server(quick.incarnation()), b"short").await;
    }
    world.publish(Channel::Server(quick.incarnation()), LAST).await;
    assert_eq!(hearing.await.expect("hears to the end"), 100);
    // What is left for the slow one is whole, or an end.
    let mut heard = 0;
    while heard < FLOOD {
        let next = tokio::time::timeout(SOON, sleeping.next()).await;
        match next.expect("what is lost is told") {
            Ok(next) => assert!(next == message[..], "a torn message"),
            Err(_) => return,
        }
        heard += 1;
    }
}

pub(crate) async fn b6_nobody_needs_to_listen(world: BusWorld) {
    let nobody = server("nobody");
    world.publish(Channel::Server(nobody.incarnation()), b"hello").await;
    world.publish(Channel::Control, vec![1; MAX_MESSAGE_BYTES]).await;
    let subscription = world.subscribe(&nobody).await;
    drop(subscription);
    world.publish(Channel::Server(nobody.incarnation()), b"hello").await;
}
