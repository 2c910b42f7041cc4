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
CREATE FUNCTION {login}(
    bytea, bigint, bigint, bigint, text, text[], text, bigint, bigint, bigint, bigint, bytea,
    interval, interval, text, text, text[], boolean, int, boolean,
    OUT verdict int, OUT evicted bytea[]
) LANGUAGE plpgsql AS {tag}
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
    PERFORM pg_advisory_xact_lock(hashtextextended({name} || encode($12, 'hex'), 0));
    others := ARRAY(
        SELECT id FROM {table} WHERE user_id = $12 AND id <> $1 AND {live} ORDER BY last_seen, id
    );
    surplus := cardinality(others) + 1 - $19;
    has_room := $20 OR surplus <= 0;
    IF has_room AND surplus > 0 THEN
        others := others[1:surplus];
        -- In one order, so that two logins never wait for each other in a ring.
        PERFORM FROM {table} WHERE id = $1 OR id = ANY (others) ORDER BY id FOR UPDATE;
    END IF;
    IF NOT $18 THEN
        {rewrite};
        IF FOUND THEN
            verdict := 0;
        ELSE
            verdict := coalesce((
                {why_refused}
            ), 1);
            IF verdict = 5 AND NOT has_room THEN
                verdict := 4;
            END IF;
        END IF;
    ELSIF EXISTS (SELECT FROM {table} WHERE id = $1 AND expires_at > now()) THEN
        verdict := 3;
    ELSIF NOT has_room THEN
        verdict := 4;
    ELSE
        {create};
        verdict := CASE WHEN FOUND THEN 0 ELSE 3 END;
    END IF;
    IF verdict = 0 AND surplus > 0 THEN
        WITH ended AS (
            DELETE FROM {table} WHERE id = ANY (others) AND user_id = $12 RETURNING id
        )
        SELECT array_agg(id) INTO evicted FROM ended;
    END IF;
END
{tag};
