-- Registers a server or prolongs its lease, with what has changed among its connections.
--
-- KEYS[1]  the servers: members '<incarnation><name>', the score being when the lease ends, in ms
--          of Redis's clock
-- KEYS[2]  the connections of this server: members with score 0, and one more, 'here'. It expires
--          with the lease
-- ARGV     the server, its lease (ms; 0: it goes), how many members leave, these, then those that
--          join
-- Returns  1 if the server was known, else 0

local servers, connections, server, lease = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local ends = tonumber(redis.call('ZSCORE', servers, server) or 0)
local is_known = ends > now and redis.call('EXISTS', connections) == 1
if lease == 0 or not is_known then redis.call('DEL', connections) end
redis.call('ZREMRANGEBYSCORE', servers, '-inf', string.format('%.0f', now))

if lease == 0 then
    redis.call('ZREM', servers, server)
else
    redis.call('ZADD', servers, string.format('%.0f', now + lease), server)
    -- Only ever later: the key lasts as long as its longest lease.
    if redis.call('PTTL', servers) < lease then redis.call('PEXPIRE', servers, lease) end

    local leave = tonumber(ARGV[3])
    for i = 4, 3 + leave do redis.call('ZREM', connections, ARGV[i]) end
    redis.call('ZADD', connections, 0, 'here')
    for i = 4 + leave, #ARGV do redis.call('ZADD', connections, 0, ARGV[i]) end
    redis.call('PEXPIRE', connections, lease)
end
return is_known and 1 or 0
