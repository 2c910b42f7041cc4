SELECT id, header FROM {table} WHERE id = ANY ($1) AND expires_at > now()
