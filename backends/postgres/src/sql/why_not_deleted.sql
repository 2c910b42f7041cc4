-- Why a delete deleted nothing, as the row is by now. No row: the session is missing.
-- $1 to $3 as in delete.sql. Answers 1: missing, 2: superseded, 5: nothing is in the way any more.
SELECT CASE
    WHEN expires_at <= now() THEN 1
    WHEN ($2 IS NULL OR user_id = $2) AND ($3 IS NULL OR login_epoch = $3) THEN 5
    ELSE 2
END
FROM {table} WHERE id = $1
