-- $1 id; whose it must be, if that matters: $2 user, $3 login epoch.
-- Answers 0: deleted, 1: missing, 2: superseded, 5: nothing was in the way any more.
WITH deleted AS (
    DELETE FROM {table}
    WHERE id = $1 AND expires_at > now()
        AND ($2 IS NULL OR user_id = $2) AND ($3 IS NULL OR login_epoch = $3)
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM deleted) THEN 0 ELSE coalesce((
    -- By now the row may be another: the lock shows it as it is, not as it was at the beginning.
    SELECT CASE
        WHEN expires_at <= now() THEN 1
        WHEN ($2 IS NULL OR user_id = $2) AND ($3 IS NULL OR login_epoch = $3) THEN 5
        ELSE 2
    END
    FROM {table} WHERE id = $1 FOR NO KEY UPDATE
), 1) END
