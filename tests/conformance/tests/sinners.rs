//! The suite can fail: each broken store fails exactly the cases that name its sin.

mod stores;

use std::collections::BTreeSet;
use std::sync::Once;

use stores::{Naive, Sin};

fn failing(sin: Sin) -> BTreeSet<&'static str> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        // Hundreds of cases fail as they should, on workers without a test's name.
        std::panic::set_hook(Box::new(move |panic| {
            let worker = std::thread::current().name().is_none_or(|name| name.starts_with("tokio"));
            if !worker {
                loud(panic);
            }
        }));
    });
    let outcomes = typed_sessions_conformance::check(async || Naive::new(sin));
    outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| outcome.name).collect()
}

macro_rules! sinners {
    ($($test:ident: $sin:ident => [$($case:ident),* $(,)?] in races [$($race:ident),* $(,)?])*) => {$(
        #[test]
        fn $test() {
            check(Sin::$sin, &[$(stringify!($case)),*], &[$(stringify!($race)),*]);
        }
    )*};
}

/// Exactly the named cases fail. Those that race may win it for once and pass.
fn check(sin: Sin, cases: &[&'static str], races: &[&'static str]) {
    let failing = failing(sin);
    let always: BTreeSet<&str> = cases.iter().copied().collect();
    let ever: BTreeSet<&str> = cases.iter().chain(races).copied().collect();
    let missed: Vec<_> = always.difference(&failing).collect();
    let surplus: Vec<_> = failing.difference(&ever).collect();
    assert!(missed.is_empty() && surplus.is_empty(), "did not notice: {missed:?}; should not care: {surplus:?}");
}

sinners! {
    a_store_without_sin_passes: None => [] in races []
    adopts_unknown_ids: AdoptsUnknownIds => [
        t3_unknown_id_is_not_adopted,
        w1_guards_on_presence,
        w1_purged_session_stays_gone,
    ] in races [u2_revocation_is_final]
    checks_and_writes_in_two_steps: ChecksAndWritesInTwoSteps => [
        w3_one_of_many_swaps_wins,
        w3_update_loses_nothing,
        w4_take_hands_a_value_out_once,
    ] in races [
        r6_renewal_races_with_writes,
        w1_write_in_flight_never_revives,
        w2_concurrent_saves_of_different_fields_survive,
        w3_transact_loses_nothing,
        w4_remove_is_exact,
        w6_saves_race_with_logout,
    ]
    creates_over_existing: CreatesOverExisting => [
        w1_guards_on_presence,
    ] in races []
    drops_unknown_keys: DropsUnknownKeys => [
        c2_cost_of_writing,
        e4_field_past_its_ttl_is_absent,
        f2_or_default_reads_garbage_as_the_default,
        f2_unreadable_value_survives_other_writes,
        r6_renewal_changes_nothing_else,
        t5_nothing_secret_is_shown,
        w1_only_the_first_save_creates,
        w2_a_stale_handle_does_not_undo_others,
        w2_change_is_all_or_nothing,
        w2_change_without_fields_is_a_check,
        w5_unknown_keys_stay,
        w5_views_leave_each_other_alone,
        w_random_operations_follow_the_model,
    ] in races [
        r6_renewal_races_with_writes,
        w2_concurrent_saves_of_different_fields_survive,
        w3_transact_has_no_write_skew,
    ]
    forgets_the_deadline: ForgetsTheDeadline => [
        w1_expired_record_counts_as_missing,
        w1_expired_session_stays_gone,
    ] in races []
    forgets_the_index: ForgetsTheIndex => [
        c3_cost_of_users,
        e1_purge_takes_what_has_ended_and_no_more,
        r6_renewal_changes_nothing_else,
        u1_index_follows_login_and_logout,
        u2_revocation_is_final,
    ] in races []
    ignores_field_guards: IgnoresFieldGuards => [
        c2_cost_of_writing,
        f2_unreadable_value_survives_other_writes,
        w2_change_is_all_or_nothing,
        w2_change_without_fields_is_a_check,
        w3_one_of_many_swaps_wins,
        w3_transact_keeps_unsaved_changes,
        w3_update_loses_nothing,
        w4_a_stale_handle_takes_what_is_there_now,
        w4_take_hands_a_value_out_once,
        w_random_operations_follow_the_model,
    ] in races [
        w4_remove_is_exact,
        r6_renewal_races_with_writes,
        w3_transact_loses_nothing,
    ]
    ignores_login_epoch: IgnoresLoginEpoch => [
        w2_change_is_all_or_nothing,
        w6_login_and_logout_shut_out_earlier_handles,
    ] in races [
        w6_saves_race_with_logout,
    ]
    ignores_removals: IgnoresRemovals => [
        c2_cost_of_writing,
        w2_change_is_all_or_nothing,
        w4_a_stale_handle_takes_what_is_there_now,
        w_random_operations_follow_the_model,
    ] in races [
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
        w6_saves_race_with_logout,
    ]
    ignores_revision: IgnoresRevision => [
        r6_stale_touch_does_not_undo_a_renewal,
        w2_change_is_all_or_nothing,
        w_random_operations_follow_the_model,
    ] in races []
    keeps_who_logged_out: KeepsWhoLoggedOut => [
        c3_cost_of_users,
        e1_purge_takes_what_has_ended_and_no_more,
        u1_index_follows_login_and_logout,
        u2_revocation_is_final,
    ] in races []
    normalizes_json: NormalizesJson => [
        w5_unknown_keys_stay,
        w7_keys_and_texts_are_taken_literally,
        w7_values_come_back_byte_for_byte,
    ] in races []
    pretends_to_delete: PretendsToDelete => [
        f1_lost_answer_to_destroy_still_ends_it,
        r4_reuse_can_end_the_session,
        u2_revocation_is_final,
        w1_destroyed_session_stays_gone,
        w1_guards_on_presence,
        w1_only_the_first_save_creates,
        w1_revoked_session_stays_gone,
        w_random_operations_follow_the_model,
    ] in races [
        w1_write_in_flight_never_revives,
    ]
    purges_the_living: PurgesTheLiving => [
        e1_purge_takes_what_has_ended_and_no_more,
        w1_purged_session_stays_gone,
    ] in races []
    stops_at_nul: StopsAtNul => [
        w7_keys_and_texts_are_taken_literally,
        w7_values_come_back_byte_for_byte,
    ] in races []
    upserts_on_write: UpsertsOnWrite => [
        w1_destroyed_session_stays_gone,
        w1_guards_on_presence,
        w1_purged_session_stays_gone,
        w1_revoked_session_stays_gone,
        w_random_operations_follow_the_model,
    ] in races [
        w1_write_in_flight_never_revives,
    ]
    writes_half: WritesHalf => [
        c2_cost_of_writing,
        e3_silent_session_is_never_touched,
        e4_only_writing_the_field_restarts_its_ttl,
        f2_unreadable_value_survives_other_writes,
        w1_expired_record_counts_as_missing,
        w1_guards_on_presence,
        w2_change_is_all_or_nothing,
        w3_transact_keeps_unsaved_changes,
        w4_a_stale_handle_takes_what_is_there_now,
        w5_unknown_keys_stay,
        w_random_operations_follow_the_model,
    ] in races [
        r6_renewal_races_with_writes,
        w3_one_of_many_swaps_wins,
        w3_transact_loses_nothing,
        w3_update_loses_nothing,
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
        w6_saves_race_with_logout,
    ]
}
