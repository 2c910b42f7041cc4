-- $1 id; the guard: $2 now, $3 login epoch, $4 revision, $5 fields that must be so, $6 keys that must be absent;
-- the header if it changes: $7 text, $8 revision, $9 login epoch, $10 deadline, $11 last seen, $12 user;
-- how long the row is kept: $13 at least, $14 and so much longer, $15 in which unit; $16 fields to set, $17 keys to remove.
-- Answers 0: applied, 1: missing, 2: conflict, 3: full.
WITH written AS (
    UPDATE {table} SET
        header = coalesce($7, header),
        revision = coalesce($8, revision),
        login_epoch = coalesce($9, login_epoch),
        deadline = coalesce($10, deadline),
        last_seen = coalesce($11, last_seen),
        user_id = CASE WHEN $7 IS NULL THEN user_id ELSE $12 END,
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
    WHERE {live} AND {guards}{room}
    RETURNING id
)
SELECT CASE
    WHEN EXISTS (SELECT FROM written) THEN 0
    -- By now somebody may have ended the session: the lock looks at the row as it is, not as it was when the statement began.
    WHEN NOT EXISTS (SELECT FROM {table} WHERE {live} FOR NO KEY UPDATE) THEN 1{full}
    ELSE 2
END
