SELECT incarnation, name FROM {servers} WHERE lease_until > now()
