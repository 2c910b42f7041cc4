-- Up to $2 sessions that have ended by the instant $1 of the caller's clock. What the sweeper would take comes first.
DELETE FROM {table} WHERE id = ANY (ARRAY(
    SELECT id FROM {table} WHERE deadline <= $1 ORDER BY sweep_at LIMIT $2 FOR UPDATE SKIP LOCKED
))
