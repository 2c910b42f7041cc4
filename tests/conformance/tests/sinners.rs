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
    ($($test:ident: $sin:ident => [$($case:ident),* $(,)?] or [$($race:ident),* $(,)?])*) => {$(
        #[test]
        fn $test() {
            check(Sin::$sin, &[$(stringify!($case)),*], &[$(stringify!($race)),*]);
        }
    )*};
}

/// Exactly the named cases fail; those after `or` depend on who wins a race.
fn check(sin: Sin, cases: &[&'static str], races: &[&'static str]) {
    let failing = failing(sin);
    let always: BTreeSet<&str> = cases.iter().copied().collect();
    let ever: BTreeSet<&str> = cases.iter().chain(races).copied().collect();
    let missed: Vec<_> = always.difference(&failing).collect();
    let surplus: Vec<_> = failing.difference(&ever).collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "did not notice: {missed:?}; should not care: {surplus:?}"
    );
}

sinners! {
    a_store_without_sin_passes: None => [] or []
    adopts_unknown_ids: AdoptsUnknownIds => [t3_unknown_id_is_not_adopted, u3_full_house_refuses, w1_guards_on_presence] or []
    checks_and_writes_in_two_steps: ChecksAndWritesInTwoSteps => [
        w3_one_of_many_swaps_wins,
        w3_update_loses_nothing,
        w4_take_hands_a_value_out_once,
    ] or [
        r5_login_races_with_renewal,
        r6_renewal_races_with_writes,
        u1_login_races_with_logout,
        u3_eviction_races_with_a_proof_again,
        u4_sync_races_with_destroy,
        u4_sync_races_with_login_of_another_user,
        w1_write_in_flight_never_revives,
        w2_concurrent_saves_of_different_fields_survive,
        w3_transact_loses_nothing,
        w4_remove_is_exact,
        w6_saves_race_with_logout,
        w6_two_logins_race_for_one_session,
    ]
    creates_over_existing: CreatesOverExisting => [
        w1_a_second_lost_try_forgets_nothing,
        w1_expired_record_is_not_replaced,
        w1_guards_on_presence,
    ] or []
    creates_over_expired: CreatesOverExpired => [w1_expired_record_is_not_replaced] or []
    removes_what_it_sets: RemovesWhatItSets => [w2_what_is_set_wins_over_what_is_removed] or []
    evicts_before_the_guard: EvictsBeforeTheGuard => [u3_a_refused_login_ends_nobody] or []
    full_before_the_guard: FullBeforeTheGuard => [u3_a_full_house_matters_only_to_who_could_enter] or []
    leaves_when_refused: LeavesWhenRefused => [u1_a_refused_login_leaves_nobody] or [
        u1_login_races_with_logout,
    ]
    counts_the_refused: CountsTheRefused => [u3_a_refused_login_takes_no_place] or []
    sets_its_expiry_once: SetsItsExpiryOnce => [e1_the_stores_own_expiry_follows_the_deadline] or []
    indexes_by_the_first_deadline: IndexesByTheFirstDeadline => [u1_longer_by_reauthentication_stays_listed] or []
    drops_unknown_keys: DropsUnknownKeys => [
        c2_cost_of_writing,
        e4_field_past_its_ttl_is_absent,
        f2_or_default_reads_garbage_as_the_default,
        f2_unreadable_value_survives_other_writes,
        r6_renewal_changes_nothing_else,
        t5_nothing_secret_is_shown,
        u1_login_again_and_as_another,
        u4_sync_reaches_all_devices_and_nobody_else,
        w1_only_the_first_save_creates,
        w2_a_stale_handle_does_not_undo_others,
        w2_change_is_all_or_nothing,
        w2_change_without_fields_is_a_check,
        w3_handles_of_a_new_session_lose_nothing,
        w5_older_key_moves_with_the_next_write,
        w5_unknown_keys_stay,
        w5_views_leave_each_other_alone,
        w_random_operations_follow_the_model,
    ] or [
        r6_renewal_races_with_writes,
        w2_concurrent_saves_of_different_fields_survive,
        w3_transact_has_no_write_skew,
    ]
    forgets_the_deadline: ForgetsTheDeadline => [
        w1_expired_record_counts_as_missing,
        w1_expired_session_stays_gone,
    ] or []
    forgets_the_index: ForgetsTheIndex => [
        c3_cost_of_users,
        e1_purge_takes_what_has_ended_and_no_more,
        e1_the_stores_own_expiry_follows_the_deadline,
        r6_renewal_changes_nothing_else,
        u1_a_refused_login_leaves_nobody,
        u1_index_follows_login_and_logout,
        u1_list_shows_devices_and_times,
        u1_live_sessions_stay_listed_and_dead_ones_go,
        u1_longer_by_reauthentication_stays_listed,
        u1_odd_user_ids_are_never_mixed_up,
        u2_revocation_is_final,
        u3_a_refused_login_ends_nobody,
        u3_eviction_races_with_a_proof_again,
        u3_oldest_is_the_least_recently_used,
        u4_sync_reaches_all_devices_and_nobody_else,
        u4_sync_skips_who_changed_hands_meanwhile,
    ] or [
        u1_login_races_with_logout,
        u2_revoke_all_races_with_login,
        u3_limit_holds_under_parallel_logins,
        u3_two_logins_race_for_one_place,
        u4_sync_races_with_login_of_another_user,
        w6_two_logins_race_for_one_session,
    ]
    ignores_field_guards: IgnoresFieldGuards => [
        c2_cost_of_writing,
        f2_unreadable_value_survives_other_writes,
        w2_change_is_all_or_nothing,
        w2_change_without_fields_is_a_check,
        w3_one_of_many_swaps_wins,
        w3_transact_keeps_unsaved_changes,
        w3_update_loses_nothing,
        w4_a_stale_handle_takes_what_is_there_now,
        w_random_operations_follow_the_model,
    ] or [
        r6_renewal_races_with_writes,
        w3_transact_has_no_write_skew,
        w3_transact_loses_nothing,
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
    ]
    ignores_login_epoch: IgnoresLoginEpoch => [
        u4_sync_skips_who_changed_hands_meanwhile,
        w2_change_is_all_or_nothing,
        w6_login_and_logout_shut_out_earlier_handles,
    ] or [
        w6_saves_race_with_logout,
    ]
    ignores_removals: IgnoresRemovals => [
        c2_cost_of_writing,
        u1_login_again_and_as_another,
        w2_change_is_all_or_nothing,
        w2_what_is_set_wins_over_what_is_removed,
        w4_a_stale_handle_takes_what_is_there_now,
        w5_older_key_moves_with_the_next_write,
        w_random_operations_follow_the_model,
    ] or [
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
        w6_saves_race_with_logout,
    ]
    ignores_revision: IgnoresRevision => [
        r5_dead_token_cannot_be_exchanged,
        r6_open_looks_again_when_others_were_quicker,
        r6_stale_touch_does_not_undo_a_renewal,
        w2_change_is_all_or_nothing,
        w_random_operations_follow_the_model,
    ] or []
    ignores_the_limit: IgnoresTheLimit => [
        u1_a_refused_login_leaves_nobody,
        u3_eviction_races_with_a_proof_again,
        u3_full_house_refuses,
        u3_limit_holds_under_parallel_logins,
        u3_oldest_is_the_least_recently_used,
        u3_two_logins_race_for_one_place,
    ] or []
    keeps_who_logged_out: KeepsWhoLoggedOut => [
        c3_cost_of_users,
        e1_purge_takes_what_has_ended_and_no_more,
        u1_a_refused_login_leaves_nobody,
        u1_index_follows_login_and_logout,
        u1_odd_user_ids_are_never_mixed_up,
        u2_revocation_is_final,
        u4_sync_reaches_all_devices_and_nobody_else,
        u4_sync_skips_who_changed_hands_meanwhile,
    ] or [
        u1_login_races_with_logout,
        u4_sync_races_with_login_of_another_user,
        w6_two_logins_race_for_one_session,
    ]
    normalizes_json: NormalizesJson => [
        w5_unknown_keys_stay,
        w7_keys_and_texts_are_taken_literally,
        w7_values_come_back_byte_for_byte,
    ] or []
    pretends_to_delete: PretendsToDelete => [
        f1_lost_answer_to_destroy_still_ends_it,
        r4_reuse_can_end_the_session,
        r6_open_looks_again_when_others_were_quicker,
        u1_index_follows_login_and_logout,
        u1_odd_user_ids_are_never_mixed_up,
        u2_password_change_ends_the_other_sessions,
        u2_revocation_is_final,
        u3_a_full_house_matters_only_to_who_could_enter,
        u3_a_refused_login_ends_nobody,
        u3_a_refused_login_takes_no_place,
        u4_sync_skips_who_changed_hands_meanwhile,
        w1_destroyed_session_stays_gone,
        w1_guards_on_presence,
        w1_only_the_first_save_creates,
        w1_revoked_session_stays_gone,
        w_random_operations_follow_the_model,
    ] or [
        u2_revoke_all_races_with_login,
        u3_limit_holds_under_parallel_logins,
        u3_two_logins_race_for_one_place,
        u4_sync_races_with_destroy,
        w1_write_in_flight_never_revives,
    ]
    purges_the_living: PurgesTheLiving => [
        e1_purge_takes_what_has_ended_and_no_more,
        w1_purged_session_stays_gone,
    ] or []
    stops_at_nul: StopsAtNul => [
        u1_odd_user_ids_are_never_mixed_up,
        w7_keys_and_texts_are_taken_literally,
        w7_values_come_back_byte_for_byte,
    ] or []
    upserts_on_write: UpsertsOnWrite => [
        r6_open_looks_again_when_others_were_quicker,
        u2_revocation_is_final,
        u3_a_full_house_matters_only_to_who_could_enter,
        u3_a_refused_login_ends_nobody,
        u3_a_refused_login_takes_no_place,
        w1_destroyed_session_stays_gone,
        w1_guards_on_presence,
        w1_purged_session_stays_gone,
        w1_revoked_session_stays_gone,
        w_random_operations_follow_the_model,
    ] or [
        u3_eviction_races_with_a_proof_again,
        w1_write_in_flight_never_revives,
    ]
    writes_half: WritesHalf => [
        c2_cost_of_writing,
        e3_silent_session_is_never_touched,
        e4_only_writing_the_field_restarts_its_ttl,
        f2_unreadable_value_survives_other_writes,
        u4_sync_skips_who_changed_hands_meanwhile,
        w1_expired_record_counts_as_missing,
        w1_expired_record_is_not_replaced,
        w1_guards_on_presence,
        w2_change_is_all_or_nothing,
        w3_handles_of_a_new_session_lose_nothing,
        w3_transact_keeps_unsaved_changes,
        w4_a_stale_handle_takes_what_is_there_now,
        w5_older_key_moves_with_the_next_write,
        w5_unknown_keys_stay,
        w_random_operations_follow_the_model,
    ] or [
        r6_renewal_races_with_writes,
        w3_one_of_many_swaps_wins,
        w3_transact_has_no_write_skew,
        w3_transact_loses_nothing,
        w3_update_loses_nothing,
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
        w6_saves_race_with_logout,
    ]
}
