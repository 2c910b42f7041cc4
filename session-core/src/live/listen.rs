//! A hub's ear: it hears what other servers tell, and subscribes again when the subscription broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::bus::Subscription;
use super::message::{Message, Whom};
use super::pause::Pause;
use super::registry::Server;
use super::shared::{Guard, Shared};
use crate::error::Error;
use crate::event;

/// Listens for as long as the hub lives. What was missed between two subscriptions is made up for
/// by looking at everything.
pub(crate) async fn listen(shared: Arc<Shared>, mut subscription: Box<dyn Subscription>) {
    let _guard = Guard(Arc::clone(&shared));
    let mut lives = shared.server.subscribe();
    let mut pause = Pause::first();
    loop {
        let begin = Instant::now();
        let heard = tokio::select! {
            error = hear(&shared, &mut *subscription) => Err(error),
            // Another life of this server has another channel.
            _ = lives.changed() => Ok(()),
        };
        let mut hearing = Hearing::Well;
        if let Err(error) = &heard {
            hearing.fails(&shared, error);
            if begin.elapsed() > Pause::LONGEST {
                pause = Pause::first();
            }
            sleep(pause.next()).await;
        }
        subscription = subscribe(&shared, &mut lives, &mut pause, &mut hearing).await;
        if hearing == Hearing::Not {
            event::hub_hears_again(&shared.server());
        }
        shared.suspect(&Whom::Everybody);
    }
}

/// Whether other servers are heard; when not, that is told once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hearing {
    Well,
    Not,
}

impl Hearing {
    fn fails(&mut self, shared: &Shared, error: &Error) {
        if std::mem::replace(self, Self::Not) == Self::Well {
            event::hub_is_deaf(&shared.server(), error);
        }
    }
}

async fn subscribe(
    shared: &Shared,
    lives: &mut watch::Receiver<Server>,
    pause: &mut Pause,
    hearing: &mut Hearing,
) -> Box<dyn Subscription> {
    loop {
        let server = lives.borrow_and_update().clone();
        match shared.bus.subscribe(&server).await {
            Ok(subscription) => return subscription,
            Err(error) => {
                hearing.fails(shared, &error);
                sleep(pause.next()).await;
            }
        }
    }
}

async fn hear(shared: &Shared, subscription: &mut dyn Subscription) -> Error {
    let is_told = AtomicBool::new(false);
    loop {
        match subscription.next().await {
            Ok(bytes) => understand(shared, &bytes, &is_told),
            Err(error) => return error,
        }
    }
}

fn understand(shared: &Shared, bytes: &Bytes, is_told: &AtomicBool) {
    match Message::from_bytes(bytes) {
        Some(Message::LookAgain(whom)) => shared.suspect(&whom),
        Some(Message::Deliver(whom, payload)) => shared.deliver(&whom, &payload),
        // Once for each subscription: in a deployment of another version there may be many.
        None if is_told.swap(true, Ordering::Relaxed) => {}
        None => event::message_not_understood(&shared.server(), bytes.len()),
    }
}
