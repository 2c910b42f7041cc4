-- A login under a limit. $1 to $17 are those of update.sql; $18: whether the session is new, $19:
-- how many sessions the user may have with this one, $20: whether the least recently used make
-- room. The verdict is as in update.sql; whoever had to make room is in `evicted`.
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
        {update}
        INTO verdict;
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
