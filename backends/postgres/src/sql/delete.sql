-- $1 id; whose it must be, if that matters: $2 user, $3 login epoch.
DELETE FROM {table}
WHERE id = $1 AND expires_at > now()
    AND ($2 IS NULL OR user_id = $2) AND ($3 IS NULL OR login_epoch = $3)
