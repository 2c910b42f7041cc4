-- Fields change, if their texts are as expected where that matters.
UPDATE {table} SET fields = {new_fields}
WHERE id = {id} AND {live} AND login_epoch = {login_epoch}{compared}
