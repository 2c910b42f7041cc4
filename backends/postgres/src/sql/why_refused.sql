-- Why a change wrote nothing, as the row is by now. No row: the session is missing.
-- Answers 1: missing, 2: superseded, 3: conflict, 5: nothing is in the way any more.
SELECT CASE
    WHEN NOT ({live}) THEN 1
    WHEN login_epoch <> {login_epoch} THEN 2
    WHEN NOT (({revision} IS NULL OR revision = {revision}){compared}) THEN 3
    ELSE 5
END
FROM {table} WHERE id = {id}
