//! A bus that fails on demand, and counts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use typed_sessions::bus::{Beat, Channel, ConnectionEntry, Pulse, Server, Subscription, Whose};
use typed_sessions::{Bus, Error, Result};

/// What the bus does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BusFault {
    #[default]
    None,
    /// Every call fails, and subscriptions break.
    Down,
    /// What is published gets lost; everything else works.
    Mute,
    /// Publishing never ends.
    Stuck,
    /// Heartbeats take their time.
    Slow,
    /// Heartbeats never end.
    StuckBeats,
    /// Heartbeats fail; messages come.
    NoRegistry,
    /// Heartbeats are carried out, and their answers get lost.
    BeatAnswersLost,
    /// Heartbeats that tell of somebody new are carried out, and answered when this is over, as if
    /// the server were new.
    Forgetful,
}

/// Clones share the fault and the counts.
#[derive(Clone, Debug)]
pub(crate) struct FaultyBus {
    inner: Arc<dyn Bus>,
    fault: Arc<Mutex<BusFault>>,
    /// How often it went down.
    downs: watch::Sender<usize>,
    published: Arc<AtomicUsize>,
    beats: Arc<Mutex<Vec<Beat>>>,
}

impl FaultyBus {
    pub(crate) fn new(inner: Arc<dyn Bus>) -> Self {
        let (fault, published, beats) = (Arc::default(), Arc::default(), Arc::default());
        Self { inner, fault, downs: watch::Sender::default(), published, beats }
    }

    pub(crate) fn set(&self, fault: BusFault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        if fault == BusFault::Down {
            self.downs.send_modify(|downs| *downs += 1);
        }
    }

    /// How many messages were published since this was asked last.
    pub(crate) fn take_published(&self) -> usize {
        self.published.swap(0, Ordering::SeqCst)
    }

    /// The heartbeats since this was asked last.
    pub(crate) fn take_beats(&self) -> Vec<Beat> {
        std::mem::take(&mut self.beats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fault(&self) -> BusFault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, failing: &[BusFault]) -> Result<()> {
        if failing.contains(&self.fault()) {
            return Err(Error::unavailable("the bus is down, as it was told"));
        }
        Ok(())
    }
}

#[async_trait]
impl Bus for FaultyBus {
    async fn publish(&self, to: &Channel, message: Bytes) -> Result<()> {
        self.published.fetch_add(1, Ordering::SeqCst);
        self.check(&[BusFault::Down])?;
        match self.fault() {
            BusFault::Mute => Ok(()),
            BusFault::Stuck => std::future::pending().await,
            _ => self.inner.publish(to, message).await,
        }
    }

    async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>> {
        self.check(&[BusFault::Down])?;
        let downs = self.downs.subscribe();
        let inner = self.inner.subscribe(server).await?;
        Ok(Box::new(Breakable { inner, downs }))
    }

    async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
        self.check(&[BusFault::Down, BusFault::NoRegistry])?;
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).push(beat.clone());
        match self.fault() {
            BusFault::Slow => tokio::time::sleep(Duration::from_millis(20)).await,
            BusFault::StuckBeats => std::future::pending().await,
            _ => {}
        }
        let pulse = self.inner.heartbeat(server, beat).await?;
        self.check(&[BusFault::BeatAnswersLost])?;
        if self.fault() == BusFault::Forgetful && !beat.joined.is_empty() {
            while self.fault() == BusFault::Forgetful {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            return Ok(Pulse::Unknown);
        }
        Ok(pulse)
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.check(&[BusFault::Down])?;
        self.inner.servers().await
    }

    async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
        self.check(&[BusFault::Down])?;
        self.inner.connections(of).await
    }
}

/// A subscription that breaks when the bus goes down, for however short.
#[derive(Debug)]
struct Breakable {
    inner: Box<dyn Subscription>,
    downs: watch::Receiver<usize>,
}

#[async_trait]
impl Subscription for Breakable {
    async fn next(&mut self) -> Result<Bytes> {
        tokio::select! {
            biased;
            _ = self.downs.changed() => {
                Err(Error::unavailable("the subscription broke, as it was told"))
            }
            message = self.inner.next() => message,
        }
    }
}
