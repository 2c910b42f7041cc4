-- Up to $1 sessions that PostgreSQL's own clock has seen end. Several purges take different ones.
DELETE FROM {table} WHERE id = ANY (ARRAY(
    SELECT id FROM {table} WHERE sweep_at <= now()
    ORDER BY sweep_at LIMIT $1 FOR UPDATE SKIP LOCKED
))
