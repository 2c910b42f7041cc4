-- The header changes, and fields with it where there are some to change.
UPDATE {table} SET
    header = {header},
    revision = {next_revision},
    login_epoch = {next_epoch},
    deadline = {deadline},
    last_seen = {last_seen},
    user_id = {user},
    expires_at = now() + {keep_for},
    -- Moved seldom, since it is indexed: a touch that leaves it alone is a HOT update.
    sweep_at = CASE
        WHEN sweep_at BETWEEN now() + {keep_for} AND now() + {keep_for} + {slack} THEN sweep_at
        ELSE date_trunc({unit}, now() + {keep_for} + {slack})
    END{with_fields}
WHERE id = {id} AND {live} AND login_epoch = {login_epoch} AND revision = {revision}{room}
