-- The parameters are those of update.sql.
INSERT INTO {table} (id, header, revision, login_epoch, deadline, last_seen, user_id, sweep_at, fields)
VALUES ($1, $7, $8, $9, $10, $11, $12, date_trunc($15, now() + $13 + $14), coalesce($16, '{}')::jsonb)
ON CONFLICT (id) DO NOTHING
