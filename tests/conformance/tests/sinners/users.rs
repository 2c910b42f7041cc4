//! What a store may do wrong with the sessions of a user, with their end, and with time.

use crate::stores::Sin;

sinners! {
    answers_for_a_hundred: AnswersForAHundred => [u5_headers_come_in_batches] or []
    clear_stops_early: ClearStopsEarly => [u2_clear_ends_everybody_in_steps] or []
    clears_users_only: ClearsUsersOnly => [
        u2_clear_ends_everybody_in_steps,
        u2_revoke_everybody,
        w1_cleared_session_stays_gone,
    ] or []
    counts_the_dead: CountsTheDead => [
        c_apply_is_what_evaluate_says,
        e6_a_wrong_clock_hides_nobody,
    ] or []
    counts_the_refused: CountsTheRefused => [
        c_apply_is_what_evaluate_says,
        u3_a_refused_login_takes_no_place,
    ] or []
    evicts_before_the_guard: EvictsBeforeTheGuard => [
        c_apply_is_what_evaluate_says,
        u3_a_refused_login_ends_nobody,
    ] or []
    evicts_the_newest: EvictsTheNewest => [
        c_apply_is_what_evaluate_says,
        u3_oldest_is_the_least_recently_used,
    ] or []
    forgets_the_index: ForgetsTheIndex => [
        c3_cost_of_users,
        c_apply_is_what_evaluate_says,
        e1_the_stores_own_expiry_follows_the_deadline,
        e1_what_the_store_let_expire_is_missing_everywhere,
        e5_lowered_timeouts_hold_at_once,
        e5_who_has_ended_by_lowered_timeouts_takes_no_place,
        e6_a_clock_that_is_put_back_ends_nothing_in_use,
        e6_a_wrong_clock_hides_nobody,
        f2_the_advice_fits_the_field,
        f5_any_number_of_runtimes,
        r6_renewal_changes_nothing_else,
        u1_a_refused_login_leaves_nobody,
        u1_index_follows_login_and_logout,
        u1_list_shows_devices_and_times,
        u1_live_sessions_stay_listed_and_dead_ones_go,
        u1_longer_by_reauthentication_stays_listed,
        u1_odd_user_ids_are_never_mixed_up,
        u1_random_operations_keep_the_index,
        u2_clear_ends_everybody_in_steps,
        u2_delete_is_guarded,
        u2_revocation_is_final,
        u2_revoke_all_ends_nobody_elses,
        u2_revoke_everybody,
        u2_revoke_is_only_for_the_users_own,
        u3_a_refused_login_ends_nobody,
        u3_eviction_races_with_a_proof_again,
        u3_oldest_is_the_least_recently_used,
        u4_one_that_cannot_take_it_does_not_keep_sync_from_the_others,
        u4_sync_reaches_all_devices_and_nobody_else,
        u4_sync_skips_who_changed_hands_meanwhile,
        u5_pages_lose_nobody,
        u5_what_cannot_be_read_can_still_be_ended,
        w5_a_key_is_renamed_in_two_deployments,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
    ] or [
        u1_login_races_with_logout,
        u2_revoke_all_races_with_login,
        u3_limit_holds_under_parallel_logins,
        u3_two_logins_race_for_one_place,
        u4_sync_races_with_login_of_another_user,
        w6_two_logins_race_for_one_session,
    ]
    forgets_the_other_pages: ForgetsTheOtherPages => [
        c_apply_is_what_evaluate_says,
        u5_pages_lose_nobody,
    ] or []
    full_before_the_guard: FullBeforeTheGuard => [
        c_apply_is_what_evaluate_says,
        u3_a_full_house_matters_only_to_who_could_enter,
    ] or []
    ignores_owned: IgnoresOwned => [
        c_apply_is_what_evaluate_says,
        r4_reuse_does_not_end_a_newer_login,
        t4_revoke_token_checks_the_secret,
        u2_delete_is_guarded,
        u2_revoke_all_ends_nobody_elses,
        u2_revoke_is_only_for_the_users_own,
        w5_superseded_views_go_on_after_reload,
        w6_destroy_does_not_end_a_newer_login,
        w6_open_checked_does_not_end_a_newer_login,
        w_every_pair_of_operations_keeps_the_rules,
    ] or []
    ignores_the_limit: IgnoresTheLimit => [
        c_apply_is_what_evaluate_says,
        e5_who_has_ended_by_lowered_timeouts_takes_no_place,
        u1_a_refused_login_leaves_nobody,
        u1_random_operations_keep_the_index,
        u3_a_refused_login_of_a_new_session_stores_nothing_and_goes_on,
        u3_eviction_races_with_a_proof_again,
        u3_full_house_refuses,
        u3_limit_holds_under_parallel_logins,
        u3_oldest_is_the_least_recently_used,
        u3_two_logins_race_for_one_place,
    ] or []
    ignores_the_pages_size: IgnoresThePagesSize => [u5_pages_lose_nobody] or []
    indexes_by_the_first_deadline: IndexesByTheFirstDeadline => [
        c_apply_is_what_evaluate_says,
        e6_a_wrong_clock_hides_nobody,
        u1_longer_by_reauthentication_stays_listed,
    ] or []
    invents_the_missing: InventsTheMissing => [
        c_apply_is_what_evaluate_says,
        e1_what_the_store_let_expire_is_missing_everywhere,
        t4_revoke_token_checks_the_secret,
        u5_headers_come_in_batches,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
    ] or []
    keeps_the_deleted_indexed: KeepsTheDeletedIndexed => [
        c3_cost_of_users,
        c_apply_is_what_evaluate_says,
        e6_a_wrong_clock_hides_nobody,
        u2_delete_is_guarded,
        u5_pages_lose_nobody,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
    ] or [
        u4_sync_races_with_destroy,
    ]
    keeps_who_logged_out: KeepsWhoLoggedOut => [
        c3_cost_of_users,
        c_apply_is_what_evaluate_says,
        e5_who_has_ended_by_lowered_timeouts_takes_no_place,
        u1_a_refused_login_leaves_nobody,
        u1_index_follows_login_and_logout,
        u1_odd_user_ids_are_never_mixed_up,
        u1_random_operations_keep_the_index,
        u2_clear_ends_everybody_in_steps,
        u2_revocation_is_final,
        u4_sync_reaches_all_devices_and_nobody_else,
        u4_sync_skips_who_changed_hands_meanwhile,
        u5_pages_lose_nobody,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
    ] or [
        u1_login_races_with_logout,
        u4_sync_races_with_login_of_another_user,
        w6_two_logins_race_for_one_session,
    ]
    leaves_when_refused: LeavesWhenRefused => [
        c_apply_is_what_evaluate_says,
        u1_a_refused_login_leaves_nobody,
        u1_random_operations_keep_the_index,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
    ] or [
        u1_login_races_with_logout,
    ]
    never_expires: NeverExpires => [e1_what_the_store_let_expire_is_missing_everywhere] or []
    pages_by_counting: PagesByCounting => [u5_pages_lose_nobody] or []
    pretends_to_delete: PretendsToDelete => [
        c3_cost_of_users,
        c_apply_is_what_evaluate_says,
        c_what_handles_can_tell,
        e6_a_wrong_clock_hides_nobody,
        f1_lost_answer_to_destroy_still_ends_it,
        f5_any_number_of_runtimes,
        r4_an_older_secret_of_the_login_is_reused,
        r4_late_requests_after_a_renew_are_no_reuse,
        r4_reuse_can_end_the_session,
        r6_open_looks_again_when_others_were_quicker,
        t4_revoke_token_checks_the_secret,
        u1_index_follows_login_and_logout,
        u1_odd_user_ids_are_never_mixed_up,
        u1_random_operations_keep_the_index,
        u2_delete_is_guarded,
        u2_password_change_ends_the_other_sessions,
        u2_revocation_is_final,
        u2_revoke_all_ends_nobody_elses,
        u2_revoke_is_only_for_the_users_own,
        u3_a_full_house_matters_only_to_who_could_enter,
        u3_a_refused_login_ends_nobody,
        u3_a_refused_login_takes_no_place,
        u4_sync_skips_who_changed_hands_meanwhile,
        u5_headers_come_in_batches,
        u5_pages_lose_nobody,
        u5_what_cannot_be_read_can_still_be_ended,
        w1_destroy_beside_a_cancelled_first_save,
        w1_destroyed_session_stays_gone,
        w1_guards_on_presence,
        w1_only_the_first_save_creates,
        w1_revoked_session_stays_gone,
        w1_views_share_the_end,
        w3_get_or_insert_gives_everybody_the_same,
        w6_destroy_does_not_end_a_newer_login,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
        w_random_operations_follow_the_model,
    ] or [
        u2_revoke_all_races_with_login,
        u3_limit_holds_under_parallel_logins,
        u3_two_logins_race_for_one_place,
        u4_sync_races_with_destroy,
        w1_write_in_flight_never_revives,
    ]
    reaps_by_the_callers_clock: ReapsByTheCallersClock => [
        c_apply_is_what_evaluate_says,
        e6_a_wrong_clock_hides_nobody,
        u5_headers_come_in_batches,
    ] or []
    says_missing_for_anothers: SaysMissingForAnothers => [
        c_apply_is_what_evaluate_says,
        u2_delete_is_guarded,
        w5_superseded_views_go_on_after_reload,
        w6_destroy_does_not_end_a_newer_login,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
    ] or []
    sets_its_expiry_once: SetsItsExpiryOnce => [e1_the_stores_own_expiry_follows_the_deadline] or []
}
