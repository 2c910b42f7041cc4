//! A hub's heart: it keeps the lease, and tells the bus who joined and who left.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::pause::Pause;
use super::registry::{Beat, Pulse, Server};
use super::shared::{Guard, Shared};
use crate::error::Result;
use crate::event;

/// Whether a hub's tasks go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    NotYet,
    Now,
}

/// Beats for as long as the hub lives, and says goodbye.
pub(crate) async fn beat(shared: Arc<Shared>, mut stop: watch::Receiver<Stop>) {
    let guard = Guard(Arc::clone(&shared));
    let lease = shared.settings.lease;
    let mut pause = Pause::first();
    while *stop.borrow_and_update() == Stop::NotYet && !shared.is_over() {
        let told = if shared.register.answers() {
            tell(&shared).await
        } else {
            begin_another_life(&shared).await
        };
        if let Err(error) = told {
            if pause.is_first() {
                event::hub_is_unlisted(&shared.server(), &error);
            }
            shared.register.is_down();
            tokio::select! {
                _ = stop.changed() => {}
                () = sleep(pause.next().min(lease / 3)) => {}
            }
        } else {
            pause = Pause::first();
            tokio::select! {
                _ = stop.changed() => {}
                () = shared.register.has_steps.notified() => {}
                () = sleep(lease / 3) => {}
            }
        }
    }
    let (server, goodbye) = (shared.server(), Beat::new(Duration::ZERO));
    drop(shared.bus.heartbeat(&server, &goodbye).await);
    shared.register.end();
    drop(guard);
}

async fn tell(shared: &Shared) -> Result<()> {
    let batch = shared.register.take();
    let beat = batch.beat(shared.settings.lease);
    let pulse = shared.bus.heartbeat(&shared.server(), &beat).await?;
    batch.taken();
    if pulse == Pulse::Unknown {
        shared.register_all();
    }
    Ok(())
}

/// The bus did not answer. What it was told then may still be carried out, at any time: so that it
/// does no harm, it concerns a life of this server that is over, and ends with its lease.
async fn begin_another_life(shared: &Shared) -> Result<()> {
    let server = Server::new(shared.server().name())?;
    shared.bus.heartbeat(&server, &Beat::new(shared.settings.lease)).await?;
    shared.server.send_replace(server);
    shared.register_all();
    Ok(())
}
