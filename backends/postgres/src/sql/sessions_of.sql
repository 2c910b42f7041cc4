-- Up to $3 sessions of the user $1 that follow the id $2.
SELECT id, header FROM {table} WHERE user_id = $1 AND id > $2 AND expires_at > now()
ORDER BY id LIMIT $3
