-- A message that is too large for a notification on the channel $1: the row of $2 and what tells of
-- it are there at the same time. A few old ones go.
WITH old AS (
    DELETE FROM {messages} WHERE id = ANY (ARRAY(
        SELECT id FROM {messages} WHERE sent < now() - interval '2 minutes'
        ORDER BY sent LIMIT 10 FOR UPDATE SKIP LOCKED
    ))
), new_row AS (
    INSERT INTO {messages} (message) VALUES ($2) RETURNING id
)
SELECT pg_notify($1, 'r' || id) FROM new_row
