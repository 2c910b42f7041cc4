CREATE {unlogged}TABLE {table} (
    id bytea PRIMARY KEY,
    -- The lifecycle, as JSON; of secrets only hashes.
    header text NOT NULL,
    -- What guards compare, from the header; instants in milliseconds since 1970.
    revision bigint NOT NULL,
    login_epoch bigint NOT NULL,
    deadline bigint NOT NULL,
    last_seen bigint NOT NULL,
    -- Who is logged in, in UTF-8.
    user_id bytea,
    -- When PostgreSQL's own clock is past this, the session has ended.
    sweep_at timestamptz NOT NULL,
    -- Key -> text.
    fields jsonb NOT NULL
)
-- Room for new versions of rows on their own page: a touch then writes no index, and neither does a renewal, which makes a row grow.
WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE INDEX {user_index} ON {table} (user_id) WHERE user_id IS NOT NULL;

-- `deadline` has none: each touch moves it.
CREATE INDEX {sweep_index} ON {table} (sweep_at);
