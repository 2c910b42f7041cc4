//! The rules of a bus, and of the connections that follow their sessions over it.

mod messages;
mod registry;
mod world;

use std::future::Future;
use std::pin::Pin;

use self::world::BusWorld;
use crate::runner::run_body;
use typed_sessions::Bus;

/// One rule of a bus, as a test.
pub(crate) struct BusCase {
    name: &'static str,
    body: fn(BusWorld) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The one list of cases: calls back with all of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_bus_case {
    ($callback:ident $context:tt) => {
        $crate::$callback! {
            $context
            messages {
                b1_a_subscription_hears_its_own_and_the_control_channel,
                b1_a_subscription_is_in_force_when_it_returns,
                b2_messages_come_once_and_byte_for_byte,
                b3_what_one_caller_publishes_comes_in_order,
                b5_nobody_waits_for_a_slow_subscriber,
                b6_nobody_needs_to_listen,
            }
            registry {
                b7_a_heartbeat_lists_who_joined_and_not_who_left,
                b7_a_step_carried_out_twice_is_as_if_once,
                b8_a_bus_says_whether_it_knew_the_server,
                b9_a_server_whose_lease_has_run_out_is_in_no_listing,
                b9_a_lease_of_zero_is_goodbye,
                b9_a_heartbeat_prolongs_the_lease,
                b10_a_restart_inherits_nothing_and_ends_nobody,
                b11_odd_user_ids_are_never_mixed_up,
                b11_listings_are_exact_among_many,
                b13_beats_and_listings_side_by_side,
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bus_list {
    ([] $($module:ident { $($name:ident),* $(,)? })*) => {
        &[$($(BusCase {
            name: stringify!($name),
            body: |world: BusWorld| Box::pin($module::$name(world)),
        }),*),*]
    };
}

const CASES: &[BusCase] = __for_each_bus_case! { __bus_list [] };

/// Runs the case of this name on a fresh bus.
///
/// # Panics
/// When the bus breaks the rule, when the case does not end within two minutes, or when there is no
/// such case.
pub fn run_on_bus<B: Bus>(name: &str, bus: impl AsyncFnOnce() -> B) {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case `{name}`"));
    run_body(case.name, async || (case.body)(BusWorld::new(bus().await)));
}

/// Makes one `#[test]` of each case about live connections, on the bus that the expression gives:
/// what a [`Bus`](typed_sessions::Bus) must do, and what connections may rely on with it. The
/// sessions themselves are in memory, since a bus knows of none.
///
/// ```
/// # mod bus {
/// use typed_sessions::MemoryStore;
///
/// typed_sessions_conformance::bus_suite!(MemoryStore::new());
/// # }
/// ```
#[macro_export]
macro_rules! bus_suite {
    ($bus:expr $(,)?) => {
        $crate::__for_each_bus_case! { __bus_tests [$bus] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bus_tests {
    ([$bus:expr] $($module:ident { $($name:ident),* $(,)? })*) => {$($(
        #[test]
        fn $name() {
            $crate::run_on_bus(stringify!($name), async || $bus);
        }
    )*)*};
}
