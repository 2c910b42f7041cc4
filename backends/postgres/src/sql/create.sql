-- The parameters are those of update.sql. Only a row that has expired gives way.
INSERT INTO {table} AS present (
    id, header, revision, login_epoch, deadline, last_seen, user_id, expires_at, sweep_at, fields
)
VALUES (
    $1, $7, $8, $9, $10, $11, $12, now() + $13, date_trunc($15, now() + $13 + $14),
    coalesce($16, '{}')::jsonb
)
ON CONFLICT (id) DO UPDATE SET
    header = excluded.header,
    revision = excluded.revision,
    login_epoch = excluded.login_epoch,
    deadline = excluded.deadline,
    last_seen = excluded.last_seen,
    user_id = excluded.user_id,
    expires_at = excluded.expires_at,
    sweep_at = excluded.sweep_at,
    fields = excluded.fields
WHERE present.expires_at <= now()
