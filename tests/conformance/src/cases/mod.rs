//! The cases, by rule.

mod atomic;
mod calls;
mod contract;
mod creation;
mod devices;
mod endings;
mod failure;
mod handles;
mod keys;
mod late;
mod lossless;
mod pages;
mod random;
mod refusals;
mod renewal;
mod reuse;
mod systematic;
mod time;
mod tokens;
mod user_races;
mod users;
mod values;
mod views;
mod writes;

use crate::runner::Case;
use crate::world::World;
use crate::{agreement, model};

/// The one list of cases: calls back with all of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_case {
    ($callback:ident $context:tt) => {
        $crate::$callback! {
            $context
            tokens {
                t1_tokens_are_canonical_and_never_repeat,
                t1_malformed_tokens_never_reach_the_store,
                t2_what_is_stored_is_no_credential,
                t3_unknown_id_is_not_adopted,
                t3_loading_creates_and_writes_nothing,
                t4_wrong_secret_is_refused_and_changes_nothing,
                t5_nothing_secret_is_shown,
            }
            creation {
                w1_starting_a_session_stores_nothing,
                w1_only_the_first_save_creates,
                w1_a_lost_answer_to_the_first_save_does_no_harm,
                w1_a_second_lost_try_forgets_nothing,
                w1_a_retried_first_save_overwrites_nobody,
                w1_destroy_beside_a_cancelled_first_save,
                w3_handles_of_a_new_session_lose_nothing,
                w4_take_after_a_lost_first_save_gives_once,
                u3_a_refused_login_of_a_new_session_stores_nothing_and_goes_on,
            }
            writes {
                w1_destroyed_session_stays_gone,
                w1_revoked_session_stays_gone,
                w1_expired_session_stays_gone,
                w1_cleared_session_stays_gone,
                w1_write_in_flight_never_revives,
                w2_save_sends_only_what_changed,
                w2_concurrent_saves_of_different_fields_survive,
                w2_a_stale_handle_does_not_undo_others,
                w6_login_and_logout_shut_out_earlier_handles,
                w6_renewal_shuts_nobody_out,
                w6_saves_race_with_logout,
                w8_too_large_is_refused_before_any_call,
            }
            keys {
                w5_unknown_keys_stay,
                w5_raw_fields_are_written_at_once,
                w5_older_key_moves_with_the_next_write,
                w5_a_key_is_renamed_in_two_deployments,
                w5_views_leave_each_other_alone,
            }
            views {
                w1_views_share_the_end,
                w5_views_share_the_token,
                w5_superseded_views_go_on_after_reload,
            }
            contract {
                w1_guards_on_presence,
                w1_expired_record_counts_as_missing,
                w1_expired_record_is_not_replaced,
                w2_change_is_all_or_nothing,
                w2_change_without_fields_is_a_check,
                w2_what_is_set_wins_over_what_is_removed,
                w3_one_of_many_swaps_wins,
                w3_reads_are_whole,
                w6_refusals_have_an_order,
            }
            agreement {
                c_apply_is_what_evaluate_says,
            }
            atomic {
                w3_update_loses_nothing,
                w3_transact_loses_nothing,
                w3_transact_has_no_write_skew,
                w3_transact_keeps_unsaved_changes,
                w3_get_or_insert_gives_everybody_the_same,
                w3_endless_conflicts_end,
                w4_take_hands_a_value_out_once,
                w4_a_stale_handle_takes_what_is_there_now,
                w4_remove_is_exact,
            }
            values {
                w2_maps_in_another_order_are_no_change,
                w7_values_come_back_byte_for_byte,
                w7_keys_and_texts_are_taken_literally,
                w7_what_has_no_json_form_is_refused,
                w7_what_is_too_deep_to_read_is_refused,
            }
            model {
                w_random_operations_follow_the_model,
            }
            time {
                e1_idle_session_ends,
                e1_absolute_deadline_ends_a_busy_session,
                e1_throttled_touch_never_ends_late,
                e1_the_stores_own_expiry_follows_the_deadline,
                e1_what_the_store_let_expire_is_missing_everywhere,
                e2_absolute_deadline_survives_touch_and_renewal,
                e2_remember_is_per_session_and_persisted,
                e2_login_can_choose_shorter_timeouts,
                e3_touch_is_throttled,
                e3_silent_session_is_never_touched,
                e4_field_past_its_ttl_is_absent,
                e4_only_writing_the_field_restarts_its_ttl,
                e5_lowered_timeouts_hold_at_once,
                e5_who_has_ended_by_lowered_timeouts_takes_no_place,
                e6_a_clock_that_is_put_back_ends_nothing_in_use,
                e6_a_wrong_clock_hides_nobody,
            }
            renewal {
                r1_old_secret_is_renewed_at_open,
                r1_renewal_can_be_turned_off,
                r2_all_who_race_get_the_same_successor,
                r3_previous_secret_works_within_the_grace,
                r4_lost_answer_does_not_sign_out,
                r4_reuse_is_rejected,
                r4_reuse_can_end_the_session,
                r5_privilege_change_leaves_no_grace,
                r5_dead_token_cannot_be_exchanged,
                r5_silent_session_keeps_its_secret,
                r6_renewal_changes_nothing_else,
                r6_failing_upkeep_does_not_fail_the_request,
                r6_stale_touch_does_not_undo_a_renewal,
                r6_open_looks_again_when_others_were_quicker,
                r6_renewal_races_with_writes,
            }
            reuse {
                r4_an_older_secret_of_the_login_is_reused,
                r4_a_secret_from_before_a_login_is_a_wrong_one,
                r4_late_requests_after_a_renew_are_no_reuse,
                r5_login_and_logout_do_not_exchange_a_dead_token,
                r5_a_dead_token_has_no_recent_proof,
                r7_the_seed_goes_with_its_use,
            }
            users {
                u1_index_follows_login_and_logout,
                u1_list_shows_devices_and_times,
                u1_live_sessions_stay_listed_and_dead_ones_go,
                u1_longer_by_reauthentication_stays_listed,
                u1_odd_user_ids_are_never_mixed_up,
                u1_login_again_and_as_another,
                u1_only_login_decides_who_the_user_is,
                u1_header_decides_whose_data_is_believed,
            }
            devices {
                u2_revocation_is_final,
                u2_password_change_ends_the_other_sessions,
                u2_step_up_asks_for_a_recent_proof,
                u3_oldest_is_the_least_recently_used,
                u3_full_house_refuses,
                u4_sync_reaches_all_devices_and_nobody_else,
                u4_sync_skips_who_changed_hands_meanwhile,
                u4_one_that_cannot_take_it_does_not_keep_sync_from_the_others,
            }
            lossless {
                w9_what_would_not_come_back_is_refused,
                w9_a_user_that_would_not_come_back_is_refused,
                w9_a_refusal_says_what_is_wrong,
            }
            random {
                u1_random_operations_keep_the_index,
            }
            systematic {
                w_every_pair_of_operations_keeps_the_rules,
                w_every_operation_may_be_given_up_at_every_step,
                w_every_answer_may_be_lost,
            }
            late {
                w_every_write_may_be_carried_out_late,
            }
            endings {
                t4_revoke_token_checks_the_secret,
                w6_destroy_does_not_end_a_newer_login,
                w6_open_checked_does_not_end_a_newer_login,
                r4_reuse_does_not_end_a_newer_login,
                u2_delete_is_guarded,
                u2_clear_ends_everybody_in_steps,
                u2_revoke_everybody,
                u2_revoke_is_only_for_the_users_own,
                u2_revoke_all_ends_nobody_elses,
                u5_what_cannot_be_read_can_still_be_ended,
            }
            pages {
                u5_pages_lose_nobody,
                u5_headers_come_in_batches,
            }
            refusals {
                u1_a_refused_login_leaves_nobody,
                u3_a_refused_login_ends_nobody,
                u3_a_refused_login_takes_no_place,
                u3_a_full_house_matters_only_to_who_could_enter,
            }
            user_races {
                w6_two_logins_race_for_one_session,
                r5_login_races_with_renewal,
                u1_login_races_with_logout,
                u2_revoke_all_races_with_login,
                u3_limit_holds_under_parallel_logins,
                u3_two_logins_race_for_one_place,
                u3_eviction_races_with_a_proof_again,
                u4_sync_races_with_destroy,
                u4_sync_races_with_login_of_another_user,
            }
            failure {
                f1_unreachable_store_is_an_error,
                f1_lost_answer_to_destroy_still_ends_it,
                f2_unreadable_value_names_its_key,
                f2_unreadable_value_survives_other_writes,
                f2_or_default_reads_garbage_as_the_default,
                f2_the_advice_fits_the_field,
                f5_any_number_of_runtimes,
            }
            calls {
                c1_cost_of_opening,
                c2_cost_of_writing,
                c3_cost_of_users,
            }
            handles {
                c_what_handles_can_tell,
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ([] $($module:ident { $($name:ident),* $(,)? })*) => {
        &[$($(Case {
            name: stringify!($name),
            body: |world: World| Box::pin($module::$name(world)),
        }),*),*]
    };
}

/// Every case, in the order of the rules.
pub const CASES: &[Case] = __for_each_case! { __list [] };
