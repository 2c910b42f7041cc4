-- Takes a seat in a user's index.
--
-- KEYS[1]  the user's index: members '<session>.<seat>', each with the session's absolute deadline as its score, or
--          with -1 once it is sentenced to make room for another
-- ARGV     now, session, absolute deadline, keep for (ms); how many others there may be, or an empty text
-- Returns  'joined' and the seat; or 'full' and the members that fill it.

local index = KEYS[1]
local now, session, deadline, keep_for, others = unpack(ARGV)

redis.call('ZREMRANGEBYSCORE', index, 0, now)
if others ~= '' then
    -- A session counts once, with however many seats; whoever is in already needs no other place.
    local full, seen = {'full'}, {[session] = true}
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, 0, '+inf')) do
        local its_session = string.sub(member, 1, #session)
        if not seen[its_session] then table.insert(full, member) end
        seen[its_session] = true
    end
    if #full - 1 > tonumber(others) then return full end
end

-- The seat is the server's time, so that its age can be told later, and no other's.
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local seat = string.format('%.0f', micros)
while redis.call('ZSCORE', index, session .. '.' .. seat) do
    micros = micros + 1
    seat = string.format('%.0f', micros)
end

redis.call('ZADD', index, deadline, session .. '.' .. seat)
-- Only ever later: the index lasts as long as its longest member.
if redis.call('PTTL', index) < tonumber(keep_for) then redis.call('PEXPIRE', index, keep_for) end
return {'joined', seat}
