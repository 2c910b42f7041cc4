SELECT header, fields FROM {table} WHERE id = $1 AND expires_at > now()
