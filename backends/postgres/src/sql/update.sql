-- $1 id; the guard: $2 now, $3 login epoch, $4 revision if it matters, $5 fields that must be so,
-- $6 keys that must be absent;
-- the header if it changes: $7 text, $8 revision, $9 login epoch, $10 deadline, $11 last seen,
-- $12 user;
-- how long the row is kept: $13, and $14 longer until it is swept, in which unit $15;
-- $16 fields to set, $17 keys to remove.
-- Answers 0: applied, 1: missing, 2: superseded, 3: conflict, 4: full, 5: nothing was in the way
-- any more.
WITH written AS (
    UPDATE {table} SET
        header = coalesce($7, header),
        revision = coalesce($8, revision),
        login_epoch = coalesce($9, login_epoch),
        deadline = coalesce($10, deadline),
        last_seen = coalesce($11, last_seen),
        user_id = CASE WHEN $7 IS NULL THEN user_id ELSE $12 END,
        expires_at = coalesce(now() + $13, expires_at),
        -- Moved seldom, since it is indexed: a touch that leaves it alone is a HOT update.
        sweep_at = CASE
            WHEN $13 IS NULL OR sweep_at BETWEEN now() + $13 AND now() + $13 + $14 THEN sweep_at
            ELSE date_trunc($15, now() + $13 + $14)
        END,
        -- The very same value, unless a field changes: a large one is then not written again.
        fields = CASE
            WHEN $16 IS NULL AND $17 IS NULL THEN fields
            ELSE (fields - coalesce($17, '{}')) || coalesce($16, '{}')::jsonb
        END
    WHERE id = $1 AND {live} AND login_epoch = $3 AND {as_expected}{room}
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM written) THEN 0 ELSE coalesce((
    -- By now the row may be another: the lock shows it as it is, not as it was at the beginning.
    SELECT CASE
        WHEN NOT ({live}) THEN 1
        WHEN login_epoch <> $3 THEN 2
        WHEN NOT ({as_expected}) THEN 3{full}
        ELSE 5
    END
    FROM {table} WHERE id = $1 FOR NO KEY UPDATE
), 1) END
