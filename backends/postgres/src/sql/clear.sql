-- Up to $1 sessions, whosever they are. It waits for rows that somebody has locked: they end, too.
-- In the order of ids, as logins lock them, so that the two never wait for each other in a ring.
DELETE FROM {table} WHERE id = ANY (ARRAY(
    SELECT id FROM {table} ORDER BY id LIMIT $1 FOR UPDATE
))
