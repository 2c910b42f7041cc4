//! What a store may do wrong with one record.

use crate::stores::Sin;

sinners! {
    adopts_unknown_ids: AdoptsUnknownIds => [
        c_apply_is_what_evaluate_says,
        t3_unknown_id_is_not_adopted,
        u3_a_refused_login_of_a_new_session_stores_nothing_and_goes_on,
        u3_full_house_refuses,
        w1_guards_on_presence,
    ] or []
    checks_and_writes_in_two_steps: ChecksAndWritesInTwoSteps => [
        w3_one_of_many_swaps_wins,
        w3_update_loses_nothing,
        w4_take_hands_a_value_out_once,
    ] or [
        f5_any_number_of_runtimes,
        r5_login_races_with_renewal,
        r6_renewal_races_with_writes,
        u1_login_races_with_logout,
        u3_eviction_races_with_a_proof_again,
        u4_sync_races_with_destroy,
        u4_sync_races_with_login_of_another_user,
        w1_write_in_flight_never_revives,
        w2_concurrent_saves_of_different_fields_survive,
        w3_get_or_insert_gives_everybody_the_same,
        w3_transact_loses_nothing,
        w4_remove_is_exact,
        w6_saves_race_with_logout,
        w6_two_logins_race_for_one_session,
    ]
    creates_over_existing: CreatesOverExisting => [
        c_apply_is_what_evaluate_says,
        w1_expired_record_is_not_replaced,
        w1_guards_on_presence,
        w4_take_after_a_lost_first_save_gives_once,
        w_every_write_may_be_carried_out_late,
    ] or []
    creates_over_expired: CreatesOverExpired => [
        c_apply_is_what_evaluate_says,
        w1_expired_record_is_not_replaced,
    ] or []
    drops_unknown_keys: DropsUnknownKeys => [
        c2_cost_of_writing,
        c_apply_is_what_evaluate_says,
        e4_field_past_its_ttl_is_absent,
        f2_or_default_reads_garbage_as_the_default,
        f2_unreadable_value_survives_other_writes,
        r5_login_and_logout_do_not_exchange_a_dead_token,
        r6_renewal_changes_nothing_else,
        t5_nothing_secret_is_shown,
        u1_login_again_and_as_another,
        u3_a_refused_login_of_a_new_session_stores_nothing_and_goes_on,
        u4_sync_reaches_all_devices_and_nobody_else,
        w1_a_lost_answer_to_the_first_save_does_no_harm,
        w1_a_retried_first_save_overwrites_nobody,
        w1_only_the_first_save_creates,
        w2_a_stale_handle_does_not_undo_others,
        w2_change_is_all_or_nothing,
        w2_change_without_fields_is_a_check,
        w3_handles_of_a_new_session_lose_nothing,
        w5_a_key_is_renamed_in_two_deployments,
        w5_older_key_moves_with_the_next_write,
        w5_superseded_views_go_on_after_reload,
        w5_unknown_keys_stay,
        w5_views_leave_each_other_alone,
        w6_open_checked_does_not_end_a_newer_login,
        w9_what_would_not_come_back_is_refused,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
        w_random_operations_follow_the_model,
    ] or [
        r6_renewal_races_with_writes,
        w2_concurrent_saves_of_different_fields_survive,
        w3_transact_has_no_write_skew,
    ]
    forgets_the_deadline: ForgetsTheDeadline => [
        c_apply_is_what_evaluate_says,
        e6_a_wrong_clock_hides_nobody,
        w1_expired_record_counts_as_missing,
        w6_refusals_have_an_order,
    ] or []
    ignores_field_guards: IgnoresFieldGuards => [
        c2_cost_of_writing,
        c_apply_is_what_evaluate_says,
        f2_unreadable_value_survives_other_writes,
        w2_change_is_all_or_nothing,
        w2_change_without_fields_is_a_check,
        w3_get_or_insert_gives_everybody_the_same,
        w3_one_of_many_swaps_wins,
        w3_transact_keeps_unsaved_changes,
        w3_update_loses_nothing,
        w4_a_stale_handle_takes_what_is_there_now,
        w5_a_key_is_renamed_in_two_deployments,
        w_every_pair_of_operations_keeps_the_rules,
        w_random_operations_follow_the_model,
    ] or [
        f5_any_number_of_runtimes,
        r6_renewal_races_with_writes,
        w3_transact_has_no_write_skew,
        w3_transact_loses_nothing,
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
    ]
    ignores_login_epoch: IgnoresLoginEpoch => [
        c_apply_is_what_evaluate_says,
        u4_sync_skips_who_changed_hands_meanwhile,
        w2_change_is_all_or_nothing,
        w5_superseded_views_go_on_after_reload,
        w6_login_and_logout_shut_out_earlier_handles,
        w6_refusals_have_an_order,
    ] or [
        w6_saves_race_with_logout,
    ]
    ignores_removals: IgnoresRemovals => [
        c2_cost_of_writing,
        c_apply_is_what_evaluate_says,
        u1_login_again_and_as_another,
        w2_change_is_all_or_nothing,
        w2_what_is_set_wins_over_what_is_removed,
        w3_get_or_insert_gives_everybody_the_same,
        w4_a_stale_handle_takes_what_is_there_now,
        w4_take_after_a_lost_first_save_gives_once,
        w5_a_key_is_renamed_in_two_deployments,
        w5_older_key_moves_with_the_next_write,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
        w_random_operations_follow_the_model,
    ] or [
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
        w6_saves_race_with_logout,
    ]
    ignores_revision: IgnoresRevision => [
        c_apply_is_what_evaluate_says,
        r5_dead_token_cannot_be_exchanged,
        r5_login_and_logout_do_not_exchange_a_dead_token,
        r6_stale_touch_does_not_undo_a_renewal,
        w2_change_is_all_or_nothing,
        w5_views_share_the_token,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
        w_random_operations_follow_the_model,
    ] or []
    normalizes_json: NormalizesJson => [
        c_apply_is_what_evaluate_says,
        w5_unknown_keys_stay,
        w7_keys_and_texts_are_taken_literally,
        w7_values_come_back_byte_for_byte,
    ] or []
    refuses_in_another_order: RefusesInAnotherOrder => [
        c_apply_is_what_evaluate_says,
        w6_refusals_have_an_order,
    ] or []
    removes_what_it_sets: RemovesWhatItSets => [
        c_apply_is_what_evaluate_says,
        w2_what_is_set_wins_over_what_is_removed,
    ] or []
    says_missing_for_superseded: SaysMissingForSuperseded => [
        c_apply_is_what_evaluate_says,
        u1_a_refused_login_leaves_nobody,
        u3_a_refused_login_ends_nobody,
        u3_a_refused_login_of_a_new_session_stores_nothing_and_goes_on,
        u4_sync_skips_who_changed_hands_meanwhile,
        w2_change_is_all_or_nothing,
        w5_superseded_views_go_on_after_reload,
        w6_login_and_logout_shut_out_earlier_handles,
        w6_refusals_have_an_order,
    ] or [
        u1_login_races_with_logout,
        w6_saves_race_with_logout,
    ]
    stops_at_nul: StopsAtNul => [
        c_apply_is_what_evaluate_says,
        u1_odd_user_ids_are_never_mixed_up,
        w7_keys_and_texts_are_taken_literally,
        w7_values_come_back_byte_for_byte,
    ] or []
    upserts_on_write: UpsertsOnWrite => [
        c_apply_is_what_evaluate_says,
        e1_what_the_store_let_expire_is_missing_everywhere,
        r6_open_looks_again_when_others_were_quicker,
        u1_random_operations_keep_the_index,
        u2_revocation_is_final,
        u2_revoke_everybody,
        u3_a_full_house_matters_only_to_who_could_enter,
        u3_a_refused_login_ends_nobody,
        u3_a_refused_login_takes_no_place,
        w1_cleared_session_stays_gone,
        w1_destroyed_session_stays_gone,
        w1_guards_on_presence,
        w1_revoked_session_stays_gone,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
        w_random_operations_follow_the_model,
    ] or [
        u3_eviction_races_with_a_proof_again,
        w1_write_in_flight_never_revives,
    ]
    writes_half: WritesHalf => [
        c2_cost_of_writing,
        c_apply_is_what_evaluate_says,
        e3_silent_session_is_never_touched,
        e4_only_writing_the_field_restarts_its_ttl,
        f2_the_advice_fits_the_field,
        f2_unreadable_value_survives_other_writes,
        r5_a_dead_token_has_no_recent_proof,
        u4_sync_skips_who_changed_hands_meanwhile,
        w1_expired_record_counts_as_missing,
        w1_expired_record_is_not_replaced,
        w1_guards_on_presence,
        w2_change_is_all_or_nothing,
        w3_get_or_insert_gives_everybody_the_same,
        w3_handles_of_a_new_session_lose_nothing,
        w3_transact_keeps_unsaved_changes,
        w4_a_stale_handle_takes_what_is_there_now,
        w4_take_after_a_lost_first_save_gives_once,
        w5_a_key_is_renamed_in_two_deployments,
        w5_older_key_moves_with_the_next_write,
        w5_superseded_views_go_on_after_reload,
        w5_unknown_keys_stay,
        w_every_answer_may_be_lost,
        w_every_operation_may_be_given_up_at_every_step,
        w_every_pair_of_operations_keeps_the_rules,
        w_every_write_may_be_carried_out_late,
        w_random_operations_follow_the_model,
    ] or [
        f5_any_number_of_runtimes,
        r6_renewal_races_with_writes,
        u1_random_operations_keep_the_index,
        w3_one_of_many_swaps_wins,
        w3_transact_has_no_write_skew,
        w3_transact_loses_nothing,
        w3_update_loses_nothing,
        w4_remove_is_exact,
        w4_take_hands_a_value_out_once,
        w6_saves_race_with_logout,
    ]
    belongs_to_one_runtime: BelongsToOneRuntime => [
        f5_any_number_of_runtimes,
    ] or []
}
