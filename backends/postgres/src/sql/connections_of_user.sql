SELECT incarnation, name, connection, session, user_id, since FROM {connected}
JOIN {servers} USING (incarnation) WHERE user_id = $1 AND lease_until > now()
