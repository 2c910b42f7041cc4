-- Ends a session.
--
-- KEYS[1]  a session
-- ARGV     the seat and the guard that it must have, or empty texts
-- Returns  its header and its seat, each perhaps an empty text; or nothing when there was nothing to end.

local session = KEYS[1]
local header, seat, guard = unpack(redis.call('HMGET', session, '$header', '$seat', '$guard'))
if ARGV[1] ~= '' and ARGV[1] ~= seat then return {} end
if ARGV[2] ~= '' and ARGV[2] ~= guard then return {} end
if redis.call('DEL', session) == 0 then return {} end
return {header or '', seat or ''}
