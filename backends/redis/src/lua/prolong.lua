-- Keeps a member in a user's index for longer.
--
-- KEYS[1]  the user's index
-- ARGV     the member, its session's new absolute deadline, keep for (ms)

local index, member, deadline, keep_for = KEYS[1], unpack(ARGV)
-- Who is sentenced stays so, and ends in a moment.
if tonumber(redis.call('ZSCORE', index, member) or 0) >= 0 then redis.call('ZADD', index, deadline, member) end
if redis.call('PTTL', index) < tonumber(keep_for) then redis.call('PEXPIRE', index, keep_for) end
return 0
