-- Forgets members of a user's index whose seat no session has.
--
-- KEYS[1]  the user's index
-- ARGV     an age in microseconds, then members
-- Returns  how many are gone. A younger seat stays: it may be that of a login whose session is
--          about to be written.

local time = redis.call('TIME')
local oldest = time[1] * 1000000 + time[2] - ARGV[1]
local gone = 0
for i = 2, #ARGV do
    local seat = tonumber(string.match(ARGV[i], '%.(%d+)$'))
    if seat and seat < oldest then gone = gone + redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return gone
