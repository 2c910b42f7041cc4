BEGIN;

CREATE SCHEMA IF NOT EXISTS "public";

CREATE TABLE "public"."typed_sessions_migrations" (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now());

-- Version 1
CREATE TABLE "public"."typed_sessions" (
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

CREATE INDEX "typed_sessions_user" ON "public"."typed_sessions" (user_id) WHERE user_id IS NOT NULL;

-- `deadline` has none: each touch moves it.
CREATE INDEX "typed_sessions_sweep" ON "public"."typed_sessions" (sweep_at);

-- A login under a limit. $1 to $17 are those of update.sql; $18: whether the session is new, $19: how many sessions the user may
-- have with this one, $20: whether the least recently used make room.
--
-- A function since each of its statements sees what others committed before it, other than the parts of one statement do; and so
-- no client holds the lock while it is away.
CREATE FUNCTION "public"."typed_sessions_login"(
    bytea, bigint, bigint, bigint, text, text[], text, bigint, bigint, bigint, bigint, bytea, interval, interval, text, text, text[],
    boolean, int, boolean
) RETURNS int LANGUAGE plpgsql AS $body$
DECLARE
    others bytea[];
    surplus int;
    has_room boolean;
    verdict int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a limit on sessions needs default_transaction_isolation = ''read committed''' USING ERRCODE = '0A000';
    END IF;
    -- One login of the user at a time.
    PERFORM pg_advisory_xact_lock(hashtextextended(E'"public"."typed_sessions"' || encode($12, 'hex'), 0));
    others := ARRAY(SELECT id FROM "public"."typed_sessions" WHERE user_id = $12 AND id <> $1 AND deadline > $2 ORDER BY last_seen, id);
    surplus := cardinality(others) + 1 - $19;
    has_room := $20 OR surplus <= 0;
    IF has_room AND surplus > 0 THEN
        others := others[1:surplus];
        -- In one order, so that two logins never wait for each other in a ring.
        PERFORM FROM "public"."typed_sessions" WHERE id = $1 OR id = ANY (others) ORDER BY id FOR UPDATE;
    END IF;
    IF NOT $18 THEN
        -- $1 id; the guard: $2 now, $3 login epoch, $4 revision, $5 fields that must be so, $6 keys that must be absent;
-- the header if it changes: $7 text, $8 revision, $9 login epoch, $10 deadline, $11 last seen, $12 user;
-- how long the row is kept: $13 at least, $14 and so much longer, $15 in which unit; $16 fields to set, $17 keys to remove.
-- Answers 0: applied, 1: missing, 2: conflict, 3: full.
WITH written AS (
    UPDATE "public"."typed_sessions" SET
        header = coalesce($7, header),
        revision = coalesce($8, revision),
        login_epoch = coalesce($9, login_epoch),
        deadline = coalesce($10, deadline),
        last_seen = coalesce($11, last_seen),
        user_id = CASE WHEN $7 IS NULL THEN user_id ELSE $12 END,
        -- Moved seldom, since it is indexed: a touch that leaves it alone is a HOT update.
        sweep_at = CASE
            WHEN $13 IS NULL OR sweep_at BETWEEN now() + $13 AND now() + $13 + $14 THEN sweep_at
            ELSE date_trunc($15, now() + $13 + $14)
        END,
        -- The very same value, unless a field changes: a large one is then not written again.
        fields = CASE
            WHEN $16 IS NULL AND $17 IS NULL THEN fields
            ELSE (fields - coalesce($17, '{}')) || coalesce($16, '{}')::jsonb
        END
    WHERE id = $1 AND deadline > $2 AND ($3 IS NULL OR login_epoch = $3) AND ($4 IS NULL OR revision = $4) AND ($5 IS NULL OR fields @> $5::jsonb) AND ($6 IS NULL OR NOT fields ?| $6) AND has_room
    RETURNING id
)
SELECT CASE
    WHEN EXISTS (SELECT FROM written) THEN 0
    -- By now somebody may have ended the session: the lock looks at the row as it is, not as it was when the statement began.
    WHEN NOT EXISTS (SELECT FROM "public"."typed_sessions" WHERE id = $1 AND deadline > $2 AND ($3 IS NULL OR login_epoch = $3) FOR NO KEY UPDATE) THEN 1
    WHEN NOT has_room AND EXISTS (SELECT FROM "public"."typed_sessions" WHERE id = $1 AND deadline > $2 AND ($3 IS NULL OR login_epoch = $3) AND ($4 IS NULL OR revision = $4) AND ($5 IS NULL OR fields @> $5::jsonb) AND ($6 IS NULL OR NOT fields ?| $6)) THEN 3
    ELSE 2
END
        INTO verdict;
    ELSIF EXISTS (SELECT FROM "public"."typed_sessions" WHERE id = $1) THEN
        verdict := 2;
    ELSIF NOT has_room THEN
        verdict := 3;
    ELSE
        -- The parameters are those of update.sql.
INSERT INTO "public"."typed_sessions" (id, header, revision, login_epoch, deadline, last_seen, user_id, sweep_at, fields)
VALUES ($1, $7, $8, $9, $10, $11, $12, date_trunc($15, now() + $13 + $14), coalesce($16, '{}')::jsonb)
ON CONFLICT (id) DO NOTHING;
        verdict := CASE WHEN FOUND THEN 0 ELSE 2 END;
    END IF;
    IF verdict = 0 AND surplus > 0 THEN
        DELETE FROM "public"."typed_sessions" WHERE id = ANY (others) AND user_id = $12;
    END IF;
    RETURN verdict;
END
$body$;

INSERT INTO "public"."typed_sessions_migrations" (version) VALUES (1);

-- Version 2
-- Another one takes its place, see below.
DROP INDEX "public"."typed_sessions_user";

-- When the session has ended by PostgreSQL's own clock; no index, since each touch moves it.
ALTER TABLE "public"."typed_sessions" ADD COLUMN expires_at timestamptz;
-- What is there ends when it would have been swept. This writes the table anew.
ALTER TABLE "public"."typed_sessions"
    ALTER COLUMN expires_at TYPE timestamptz USING sweep_at,
    ALTER COLUMN expires_at SET NOT NULL;

-- A user's sessions in the order of their ids, for pages.
CREATE INDEX "typed_sessions_user" ON "public"."typed_sessions" (user_id, id) WHERE user_id IS NOT NULL;

DROP FUNCTION "public"."typed_sessions_login";

-- A login under a limit. $1 id; what the session must be: $2 now, $3 login epoch, $4 revision,
-- $5 fields that must be so, $6 keys that must be absent; the header: $7 text, $8 revision,
-- $9 login epoch, $10 deadline, $11 last seen, $12 user; how long the row is kept: $13, and $14
-- longer until it is swept, in which unit $15; $16 fields to set, $17 keys to remove; $18: whether
-- the session is new, $19: how many sessions the user may have with this one, $20: whether the
-- least recently used make room.
-- Its verdict is 0: applied, 1: missing, 2: superseded, 3: conflict, 4: full, 5: nothing was in the
-- way any more; whoever had to make room is in `evicted`.
--
-- A function since each of its statements sees what others committed before it, other than the
-- parts of one statement do; and so no client holds the lock while it is away.
CREATE FUNCTION "public"."typed_sessions_login"(
    bytea, bigint, bigint, bigint, text, text[], text, bigint, bigint, bigint, bigint, bytea,
    interval, interval, text, text, text[], boolean, int, boolean,
    OUT verdict int, OUT evicted bytea[]
) LANGUAGE plpgsql AS $body$
DECLARE
    others bytea[];
    surplus int;
    has_room boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION
            'a limit on sessions needs default_transaction_isolation = ''read committed'''
            USING ERRCODE = '0A000';
    END IF;
    -- One login of the user at a time.
    PERFORM pg_advisory_xact_lock(hashtextextended(E'"public"."typed_sessions"' || encode($12, 'hex'), 0));
    others := ARRAY(
        SELECT id FROM "public"."typed_sessions" WHERE user_id = $12 AND id <> $1 AND deadline > $2 AND expires_at > now() ORDER BY last_seen, id
    );
    surplus := cardinality(others) + 1 - $19;
    has_room := $20 OR surplus <= 0;
    IF has_room AND surplus > 0 THEN
        others := others[1:surplus];
        -- In one order, so that two logins never wait for each other in a ring.
        PERFORM FROM "public"."typed_sessions" WHERE id = $1 OR id = ANY (others) ORDER BY id FOR UPDATE;
    END IF;
    IF NOT $18 THEN
        -- The header changes, and fields with it where there are some to change.
UPDATE "public"."typed_sessions" SET
    header = $7,
    revision = $8,
    login_epoch = $9,
    deadline = $10,
    last_seen = $11,
    user_id = $12,
    expires_at = now() + $13,
    -- Moved seldom, since it is indexed: a touch that leaves it alone is a HOT update.
    sweep_at = CASE
        WHEN sweep_at BETWEEN now() + $13 AND now() + $13 + $14 THEN sweep_at
        ELSE date_trunc($15, now() + $13 + $14)
    END, fields = CASE WHEN $17 IS NULL THEN fields ELSE fields - $17 END || coalesce($16, '{}')::jsonb
WHERE id = $1 AND deadline > $2 AND expires_at > now() AND login_epoch = $3 AND revision = $4 AND has_room;
        IF FOUND THEN
            verdict := 0;
        ELSE
            verdict := coalesce((
                -- Why a change wrote nothing, as the row is by now. No row: the session is missing.
-- Answers 1: missing, 2: superseded, 3: conflict, 5: nothing is in the way any more.
SELECT CASE
    WHEN NOT (deadline > $2 AND expires_at > now()) THEN 1
    WHEN login_epoch <> $3 THEN 2
    WHEN NOT (($4 IS NULL OR revision = $4) AND ($5 IS NULL OR fields @> $5::jsonb) AND ($6 IS NULL OR NOT fields ?| $6)) THEN 3
    ELSE 5
END
FROM "public"."typed_sessions" WHERE id = $1
            ), 1);
            IF verdict = 5 AND NOT has_room THEN
                verdict := 4;
            END IF;
        END IF;
    ELSIF EXISTS (SELECT FROM "public"."typed_sessions" WHERE id = $1 AND expires_at > now()) THEN
        verdict := 3;
    ELSIF NOT has_room THEN
        verdict := 4;
    ELSE
        -- Only a row that has expired gives way.
INSERT INTO "public"."typed_sessions" AS present (
    id, header, revision, login_epoch, deadline, last_seen, user_id, expires_at, sweep_at, fields
)
VALUES (
    $1, $7, $8, $9, $10, $11, $12,
    now() + $13, date_trunc($15, now() + $13 + $14),
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
WHERE present.expires_at <= now();
        verdict := CASE WHEN FOUND THEN 0 ELSE 3 END;
    END IF;
    IF verdict = 0 AND surplus > 0 THEN
        WITH ended AS (
            DELETE FROM "public"."typed_sessions" WHERE id = ANY (others) AND user_id = $12 RETURNING id
        )
        SELECT array_agg(id) INTO evicted FROM ended;
    END IF;
END
$body$;

INSERT INTO "public"."typed_sessions_migrations" (version) VALUES (2);

COMMIT;
