-- Another one takes its place, see below.
DROP INDEX {qualified_user_index};

-- When the session has ended by PostgreSQL's own clock; no index, since each touch moves it.
ALTER TABLE {table} ADD COLUMN expires_at timestamptz;
-- What is there ends when it would have been swept. This writes the table anew.
ALTER TABLE {table}
    ALTER COLUMN expires_at TYPE timestamptz USING sweep_at,
    ALTER COLUMN expires_at SET NOT NULL;

-- A user's sessions in the order of their ids, for pages.
CREATE INDEX {user_index} ON {table} (user_id, id) WHERE user_id IS NOT NULL;

DROP FUNCTION {login};

{login_function}
