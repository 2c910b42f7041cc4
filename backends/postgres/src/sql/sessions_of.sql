SELECT id, header, fields::text FROM {table} WHERE user_id = $1
