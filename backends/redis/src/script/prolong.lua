-- Keeps a user's index for longer, and a seat in it.
--
-- KEYS[1]  the user's index
-- ARGV     a member, its seat, keep the index for (ms)

local index, member, seat, keep_for = KEYS[1], unpack(ARGV)
-- It is there, unless the index was damaged. Who is sentenced stays so, and ends in a moment.
redis.call('ZADD', index, 'NX', seat, member)
if redis.call('PTTL', index) < tonumber(keep_for) then redis.call('PEXPIRE', index, keep_for) end
return 0
