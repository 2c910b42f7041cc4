-- Who is connected where, and messages. Unlogged: after a crash of PostgreSQL all servers register
-- anew and look at each of their sessions.
CREATE UNLOGGED TABLE {servers} (
    incarnation bytea PRIMARY KEY,
    -- In UTF-8.
    name bytea NOT NULL,
    -- From then on, by PostgreSQL's own clock, it is in no listing. No index: there are few, and
    -- each heartbeat moves it.
    lease_until timestamptz NOT NULL
)
WITH (fillfactor = 50);

CREATE UNLOGGED TABLE {connected} (
    incarnation bytea,
    connection bytea,
    session bytea NOT NULL,
    -- In UTF-8.
    user_id bytea,
    -- In milliseconds since 1970.
    since bigint NOT NULL,
    PRIMARY KEY (incarnation, connection)
);

CREATE INDEX ON {connected} (session);
CREATE INDEX ON {connected} (user_id) WHERE user_id IS NOT NULL;

-- Messages that are too large for NOTIFY, for a few minutes.
CREATE UNLOGGED TABLE {messages} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message bytea NOT NULL,
    sent timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ON {messages} (sent);

-- A heartbeat of the server $1 named $2, whose lease is $3 from now on, or that goes: then $3 is
-- zero. $4 are connections that have left; $5 those that have joined, their sessions in $6, users
-- in $7, and since when in $8. True when its lease was holding.
--
-- A function since each of its statements sees what others committed before it: the server's row is
-- locked first, and all else is decided under that lock.
CREATE FUNCTION {beat}(
    bytea, bytea, interval, bytea[], bytea[], bytea[], bytea[], bigint[]
) RETURNS boolean LANGUAGE plpgsql AS {tag}
DECLARE
    lease_end timestamptz;
    moment timestamptz;
    dead bytea[];
BEGIN
    -- Makes the row or locks it, and tells what was there.
    INSERT INTO {servers} AS known (incarnation, name, lease_until) VALUES ($1, $2, '-infinity')
        ON CONFLICT (incarnation) DO UPDATE SET name = $2
        RETURNING known.lease_until INTO lease_end;
    moment := clock_timestamp();
    IF $3 <= '0' THEN
        DELETE FROM {connected} WHERE incarnation = $1;
        DELETE FROM {servers} WHERE incarnation = $1;
        RETURN lease_end > moment;
    END IF;
    IF lease_end <= moment THEN
        DELETE FROM {connected} WHERE incarnation = $1;
    ELSE
        DELETE FROM {connected} WHERE incarnation = $1 AND connection = ANY ($4);
    END IF;
    INSERT INTO {connected} (incarnation, connection, session, user_id, since)
        SELECT $1, joined.* FROM unnest($5, $6, $7, $8) joined
        ON CONFLICT (incarnation, connection) DO NOTHING;
    UPDATE {servers} SET lease_until = moment + $3 WHERE incarnation = $1;

    -- Others whose lease has run out: some of their connections, and who has none any more.
    dead := ARRAY(
        SELECT incarnation FROM {servers} WHERE lease_until <= moment LIMIT 20
        FOR UPDATE SKIP LOCKED
    );
    IF cardinality(dead) > 0 THEN
        DELETE FROM {connected} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {connected} WHERE incarnation = ANY (dead) LIMIT 1000
        ));
        DELETE FROM {servers} WHERE incarnation = ANY (dead) AND NOT EXISTS (
            SELECT FROM {connected} left_over WHERE left_over.incarnation = {servers}.incarnation
        );
    END IF;
    DELETE FROM {messages} WHERE id = ANY (ARRAY(
        SELECT id FROM {messages} WHERE sent < moment - interval '2 minutes'
        ORDER BY sent LIMIT 100 FOR UPDATE SKIP LOCKED
    ));
    RETURN lease_end > moment;
END
{tag};
