-- Ends a session, if it is as it must be.
--
-- KEYS[1]  a session
-- KEYS[2]  its user's index, if that is known and on this server: the session is taken from it
-- ARGV     'anyones'; or 'user', 'login' or 'seat' and the user, login epoch or seat that it
--          must have
-- Returns  MISSING, SUPERSEDED, or its guard and its seat, each perhaps an empty text

local MISSING, SUPERSEDED = 1, 2
local session, what, value = KEYS[1], ARGV[1], ARGV[2]
local guard, seat = unpack(redis.call('HMGET', session, '$guard', '$seat'))
if not guard and redis.call('EXISTS', session) == 0 then return MISSING end
guard, seat = guard or '', seat or ''

if what ~= 'anyones' then
    -- Guards of version 1 end with the third number: whose session it is, is not known.
    local epoch, rest = string.match(guard .. ' ', '^%d+ (%d+) %d+ (.*)$')
    local user = rest and string.match(rest, '^%d+ (.*) $')
    local its = {user = user, login = epoch, seat = seat}
    if its[what] ~= value then return SUPERSEDED end
end
redis.call('DEL', session)
if KEYS[2] and seat ~= '' then
    redis.call('ZREM', KEYS[2], string.match(session, '[^:]*$') .. '.' .. seat)
end
return {guard, seat}
