-- KEYS[1]  the servers, with the end of their lease as the score
-- Returns  those whose lease holds

local time = redis.call('TIME')
local now = string.format('(%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('ZRANGE', KEYS[1], now, '+inf', 'BYSCORE')
