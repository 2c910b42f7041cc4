SELECT incarnation, name, connection, session, user_id, since FROM {connected}
JOIN {servers} USING (incarnation) WHERE session = $1 AND lease_until > now()
