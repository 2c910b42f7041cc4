-- Only a row that has expired gives way.
INSERT INTO {table} AS present (
    id, header, revision, login_epoch, deadline, last_seen, user_id, expires_at, sweep_at, fields
)
VALUES (
    {id}, {header}, {next_revision}, {next_epoch}, {deadline}, {last_seen}, {user},
    now() + {keep_for}, date_trunc({unit}, now() + {keep_for} + {slack}),
    coalesce({set}, '{}')::jsonb
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
