SELECT header, fields::text FROM {table} WHERE id = $1
