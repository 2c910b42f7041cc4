//! The rules of a bus, and of the connections that follow their sessions over it.

mod faulty_bus;
mod following;
mod listing;
mod messages;
mod outage;
mod registry;
mod sending;
mod slow_stores;
mod time;
mod trouble;
mod world;

use std::future::Future;
use std::pin::Pin;

use self::world::BusWorld;
use crate::runner::{Outcome, check_each, run_body};
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
            listing {
                l1_a_connection_is_listed_until_it_closes,
                l1_what_the_hub_closes_is_not_listed,
                l1_a_connect_that_is_given_up_leaves_nothing,
                l1_nobody_waits_for_ever,
                l3_a_crashed_server_is_gone_from_listings,
                l3_a_hub_whose_lease_ran_out_registers_anew,
                l3_who_left_when_the_bus_forgot_is_not_listed,
                l4_a_heartbeat_is_one_write_for_all_connections,
                l4_connecting_costs_one_headers,
                l4_plain_requests_publish_nothing,
            }
            following {
                l2_whatever_ends_a_session_closes_its_connections,
                l2_a_login_into_an_anonymous_session_closes_its_connections,
                l2_what_changes_no_login_closes_nothing,
                l2_what_has_ended_is_not_connected,
                l2_a_thousand_revocations_beside_a_thousand_connects,
                l2_a_wrong_clock_closes_nobody_elses,
                l2_a_connection_holds_no_credential,
                l2_a_dropped_hub_closes_its_connections,
                l2_nothing_comes_after_the_end,
            }
            trouble {
                l2_a_revocation_while_connecting_is_not_missed,
                l2_a_lost_message_is_made_up_for_by_verifying,
                l2_a_hub_that_subscribes_again_verifies_all,
                l2_a_request_that_is_given_up_still_tells,
                l2_a_lost_answer_is_told_as_well,
                l2_a_forged_message_ends_nothing,
                l2_a_flood_of_news_keeps_nobody_from_being_verified,
                l2_a_slow_store_keeps_nobody_from_being_verified,
                l2_one_that_cannot_be_asked_about_keeps_nobody_else,
                l2_many_that_cannot_be_asked_about_keep_nobody_else,
                l2_what_cannot_be_read_is_not_called_ended,
                l2_a_hub_whose_runtime_ends_closes_its_connections,
            }
            time {
                l5_deadlines_close_by_a_timer,
                l5_pushes_are_no_activity,
                l5_the_session_of_a_connection_is_activity,
                l5_requests_elsewhere_keep_a_connection_open,
                l5_what_is_missing_after_its_deadline_has_expired,
            }
            sending {
                l6_a_message_reaches_all_that_it_is_for,
                l6_messages_come_in_order,
                l6_who_lags_is_closed_and_nobody_waits,
                l6_sixty_four_kibibytes_on_every_bus,
                l6_a_connection_is_a_stream,
                l6_without_a_bus_there_are_no_connections,
            }
            outage {
                l2_an_outage_of_the_bus_fails_no_request,
                l2_news_that_was_late_is_told_later,
                l2_an_outage_of_the_store_closes_after_its_grace,
                l2_an_outage_of_the_store_closes_all_after_its_grace,
                l2_nothing_revoked_in_an_outage_is_left_after_it,
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

/// Runs the cases of a bus's contract on a fresh bus each, several at a time, and tells how it
/// went.
pub fn check_bus<B: Bus>(bus: impl AsyncFn() -> B + Sync) -> Vec<Outcome> {
    let is_contract = |case: &&BusCase| case.name.starts_with('b');
    let cases: Vec<_> = CASES.iter().filter(is_contract).collect();
    let run = |case: &&BusCase| {
        run_body(case.name, async || (case.body)(BusWorld::new(bus().await)));
    };
    check_each(&cases, |case| case.name, run)
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
