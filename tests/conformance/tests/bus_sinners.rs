//! The suite of a bus can fail: each broken bus fails exactly the cases that name its sin.

#[path = "judge/mod.rs"]
mod judge;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use typed_sessions::bus::{
    Beat, Channel, ConnectionEntry, Incarnation, Pulse, Server, Subscription, Whose,
};
use typed_sessions::{Bus, Error, MemoryStore, Result, UserId};
use typed_sessions_conformance::{Outcome, check_bus, run_on_bus};

/// What a bus does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sin {
    None,
    SubscribesLate,
    HearsOthers,
    Doubles,
    RefusesLarge,
    CutsLarge,
    LetsSmallOvertakeLarge,
    LosesSilently,
    ForgetsWhoLeft,
    ListsTwice,
    AlwaysKnown,
    NeverExpires,
    NeedsNoGoodbye,
    KeepsTheFirstLease,
    KnowsByName,
    TrimsUsers,
    ListsOneServer,
}

/// A bus in the process that commits one sin.
#[derive(Clone, Debug)]
struct Sinner {
    sin: Sin,
    inner: MemoryStore,
    first_leases: Arc<Mutex<HashMap<Incarnation, Duration>>>,
    by_name: Arc<Mutex<HashMap<String, Server>>>,
}

const LARGE: usize = 7_000;

impl Sinner {
    fn new(sin: Sin) -> Self {
        let (first_leases, by_name) = (Arc::default(), Arc::default());
        Self { sin, inner: MemoryStore::new(), first_leases, by_name }
    }

    fn server(&self, server: &Server) -> Server {
        if self.sin != Sin::KnowsByName {
            return server.clone();
        }
        let mut by_name = self.by_name.lock().expect("no panic under it");
        by_name.entry(server.name().to_owned()).or_insert_with(|| server.clone()).clone()
    }

    fn entry(&self, entry: &ConnectionEntry) -> ConnectionEntry {
        let mut entry = entry.clone();
        if self.sin == Sin::TrimsUsers {
            entry.user = entry.user.as_ref().map(trimmed);
        }
        entry
    }
}

fn trimmed(user: &UserId) -> UserId {
    let text = user.as_str().trim().trim_end_matches('\0');
    UserId::new(if text.is_empty() { "nobody" } else { text }).expect("not empty")
}

#[async_trait]
impl Bus for Sinner {
    async fn publish(&self, to: &Channel, message: Bytes) -> Result<()> {
        let is_large = message.len() > LARGE;
        match self.sin {
            Sin::HearsOthers => return self.inner.publish(&Channel::Control, message).await,
            Sin::Doubles if message.len() == 256 => {
                self.inner.publish(to, message.clone()).await?;
            }
            Sin::RefusesLarge if is_large => return Err(Error::store("too large for a payload")),
            Sin::CutsLarge if is_large => {
                return self.inner.publish(to, message.slice(..LARGE)).await;
            }
            Sin::LetsSmallOvertakeLarge if is_large => {
                let (inner, to) = (self.inner.clone(), *to);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    inner.publish(&to, message).await
                });
                return Ok(());
            }
            _ => {}
        }
        self.inner.publish(to, message).await
    }

    async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>> {
        let server = self.server(server);
        if self.sin == Sin::SubscribesLate {
            let inner = self.inner.clone();
            return Ok(Box::new(Late { inner, server, subscription: None }));
        }
        let subscription = self.inner.subscribe(&server).await?;
        if self.sin == Sin::LosesSilently {
            let (inner, subscription) = (self.inner.clone(), Some(subscription));
            return Ok(Box::new(Late { inner, server, subscription }));
        }
        Ok(subscription)
    }

    async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
        let server = self.server(server);
        let mut beat = beat.clone();
        beat.joined = beat.joined.iter().map(|entry| self.entry(entry)).collect();
        beat.left = beat.left.iter().map(|entry| self.entry(entry)).collect();
        match self.sin {
            Sin::ForgetsWhoLeft => beat.left.clear(),
            Sin::NeverExpires if !beat.lease.is_zero() => beat.lease = Duration::from_hours(1),
            Sin::NeedsNoGoodbye if beat.lease.is_zero() => return Ok(Pulse::Known),
            Sin::KeepsTheFirstLease if !beat.lease.is_zero() => {
                let mut first = self.first_leases.lock().expect("no panic under it");
                beat.lease = *first.entry(server.incarnation()).or_insert(beat.lease);
            }
            _ => {}
        }
        let pulse = self.inner.heartbeat(&server, &beat).await?;
        Ok(if self.sin == Sin::AlwaysKnown { Pulse::Known } else { pulse })
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.inner.servers().await
    }

    async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
        let of = match of {
            Whose::User(user) if self.sin == Sin::TrimsUsers => Whose::User(trimmed(user)),
            of => of.clone(),
        };
        let mut listed = self.inner.connections(&of).await?;
        match self.sin {
            Sin::ListsTwice => listed.extend(listed.clone()),
            Sin::ListsOneServer => {
                if let Some((first, _)) = listed.first().cloned() {
                    listed.retain(|(server, _)| *server == first);
                }
            }
            _ => {}
        }
        Ok(listed)
    }
}

/// Subscribes when it is asked first, and again, without a word, when it lost messages.
#[derive(Debug)]
struct Late {
    inner: MemoryStore,
    server: Server,
    subscription: Option<Box<dyn Subscription>>,
}

#[async_trait]
impl Subscription for Late {
    async fn next(&mut self) -> Result<Bytes> {
        loop {
            if self.subscription.is_none() {
                self.subscription = Some(self.inner.subscribe(&self.server).await?);
            }
            let subscription = self.subscription.as_mut().expect("just made");
            match subscription.next().await {
                Ok(message) => return Ok(message),
                Err(_) => self.subscription = None,
            }
        }
    }
}

fn outcomes(sin: Sin) -> Vec<Outcome> {
    judge::hush_workers();
    check_bus(async || Sinner::new(sin))
}

macro_rules! sinners {
    ($($test:ident: $sin:ident => [$($case:ident),* $(,)?])*) => {$(
        #[test]
        fn $test() {
            let (sin, always) = (Sin::$sin, &[$(stringify!($case)),*]);
            let run = |case: &str| run_on_bus(case, async || Sinner::new(sin));
            judge::judge(&outcomes(sin), always, &[], run);
        }
    )*};
}

#[test]
fn a_bus_without_sin_passes() {
    assert_eq!(judge::failing(&outcomes(Sin::None)), [].into());
}

sinners! {
    always_known: AlwaysKnown => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b8_a_bus_says_whether_it_knew_the_server,
        b9_a_server_whose_lease_has_run_out_is_in_no_listing,
    ]
    cuts_large: CutsLarge => [
        b2_messages_come_once_and_byte_for_byte,
        b5_nobody_waits_for_a_slow_subscriber,
    ]
    doubles: Doubles => [b2_messages_come_once_and_byte_for_byte]
    forgets_who_left: ForgetsWhoLeft => [
        b11_odd_user_ids_are_never_mixed_up,
        b13_beats_and_listings_side_by_side,
        b7_a_heartbeat_lists_who_joined_and_not_who_left,
        b7_a_step_carried_out_twice_is_as_if_once,
    ]
    hears_others: HearsOthers => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b1_a_subscription_hears_its_own_and_the_control_channel,
        b5_nobody_waits_for_a_slow_subscriber,
    ]
    keeps_the_first_lease: KeepsTheFirstLease => [b9_a_heartbeat_prolongs_the_lease]
    knows_by_name: KnowsByName => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b1_a_subscription_is_in_force_when_it_returns,
        b8_a_bus_says_whether_it_knew_the_server,
    ]
    lets_small_overtake_large: LetsSmallOvertakeLarge => [
        b2_messages_come_once_and_byte_for_byte,
        b3_what_one_caller_publishes_comes_in_order,
    ]
    lists_one_server: ListsOneServer => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b11_listings_are_exact_among_many,
        b13_beats_and_listings_side_by_side,
        b9_a_lease_of_zero_is_goodbye,
    ]
    lists_twice: ListsTwice => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b11_listings_are_exact_among_many,
        b11_odd_user_ids_are_never_mixed_up,
        b13_beats_and_listings_side_by_side,
        b7_a_heartbeat_lists_who_joined_and_not_who_left,
        b7_a_step_carried_out_twice_is_as_if_once,
        b9_a_heartbeat_prolongs_the_lease,
        b9_a_lease_of_zero_is_goodbye,
        b9_a_server_whose_lease_has_run_out_is_in_no_listing,
    ]
    loses_silently: LosesSilently => [b5_nobody_waits_for_a_slow_subscriber]
    needs_no_goodbye: NeedsNoGoodbye => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b8_a_bus_says_whether_it_knew_the_server,
        b9_a_lease_of_zero_is_goodbye,
    ]
    never_expires: NeverExpires => [b9_a_server_whose_lease_has_run_out_is_in_no_listing]
    refuses_large: RefusesLarge => [
        b2_messages_come_once_and_byte_for_byte,
        b3_what_one_caller_publishes_comes_in_order,
        b5_nobody_waits_for_a_slow_subscriber,
        b6_nobody_needs_to_listen,
    ]
    subscribes_late: SubscribesLate => [
        b10_a_restart_inherits_nothing_and_ends_nobody,
        b1_a_subscription_hears_its_own_and_the_control_channel,
        b1_a_subscription_is_in_force_when_it_returns,
        b2_messages_come_once_and_byte_for_byte,
        b5_nobody_waits_for_a_slow_subscriber,
    ]
    trims_users: TrimsUsers => [b11_odd_user_ids_are_never_mixed_up]
}
