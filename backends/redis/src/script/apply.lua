-- Checks a change's conditions and writes all of it, or nothing.
--
-- KEYS[1]  a session
-- KEYS[2]  and KEYS[3], if this server has the indexes, too: first that in which a seat is taken, if
--          one is; then that in which the seat until now is left, if there is one
-- ARGV[1]  now (ms)
-- ARGV[2]  the login epoch that it must have, or 'absent' if there must be no session
-- ARGV[3]  the revision that it must have; an empty text for any
-- ARGV[4]  an empty text if only fields to set follow: key, text, key, text ...
--          Otherwise '<keep for> <seat> <index lasts> <expected> <removed> <joining>':
--            for how long to keep the session (ms; 0: as long as before),
--            what becomes of its seat: 'changed' if what follows writes or removes it; 'taken' if
--              one is taken here, which needs seat.lua before this; 'kept' if it stays, and the
--              session must not outlast its user's index; otherwise 'any',
--            for how long from now that index lasts at least (ms; 0: as far as known before),
--            how many fields with an expected text come before those to set, each as
--            key, 'is' or 'absent', text,
--            after them how many keys to remove,
--            and after these how many arguments of `take_seat`.
-- Returns  APPLIED; or an array of it and of the seat until now, if that changes and was not left
--          here;
--          an array of JOINED, of the seat that was taken here, and of how many there are then;
--          an array of FULL and of what `take_seat` counted, when nothing was written for that;
--          an array of OUTLASTS and of the seat, perhaps an empty text, when nothing was written
--          since the session has no seat or would outlast the index; or why nothing was written.

local APPLIED, MISSING, SUPERSEDED, CONFLICT, CORRUPT, OUTLASTS = 0, 1, 2, 3, 4, 5
local FULL, JOINED = 6, 7
local session, epoch, revision, more = KEYS[1], ARGV[2], ARGV[3], ARGV[4]

if epoch == 'absent' then
    if redis.call('EXISTS', session) == 1 then return CONFLICT end
else
    local guard = redis.call('HGET', session, '$guard')
    if not guard then return redis.call('EXISTS', session) == 1 and CORRUPT or MISSING end
    -- The space stands for that before the user, which guards of version 1 do not have.
    local deadline, its_epoch, its_revision =
        string.match(guard .. ' ', '^(%d+) (%d+) (%d+) ')
    if not deadline then return CORRUPT end
    -- As texts, since a double does not hold every 64-bit number: the longer one is the later one.
    local now = ARGV[1]
    if #deadline < #now or #deadline == #now and deadline <= now then return MISSING end
    if epoch ~= its_epoch then return SUPERSEDED end
    if revision ~= '' and revision ~= its_revision then return CONFLICT end
end

-- `unpack` has a limit.
local function write(command, first, last)
    for i = first, last, 1000 do
        redis.call(command, session, unpack(ARGV, i, math.min(i + 999, last)))
    end
end

if more == '' then
    write('HSET', 5, #ARGV)
    return APPLIED
end

local keep_for, seat, index_lasts, expected, removed, joining =
    string.match(more, '^(%d+) (%l+) (%d+) (%d+) (%d+) (%d+)$')
local remove = 5 + 3 * expected
local join = remove + removed
local set = join + joining
for i = 5, remove - 1, 3 do
    local text = redis.call('HGET', session, ARGV[i])
    if text ~= (ARGV[i + 1] == 'is' and ARGV[i + 2]) then return CONFLICT end
end

-- In so many ms, by this server's clock: that of the index may be another's.
local function from_now(millis)
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000) + millis
end

if seat == 'kept' then
    local its_seat, known = unpack(redis.call('HMGET', session, '$seat', '$indexed_until'))
    known = tonumber(known or 0)
    if not its_seat or not known or from_now(keep_for) > known then
        return {OUTLASTS, its_seat or ''}
    end
end
local before = (seat == 'changed' or seat == 'taken') and redis.call('HGET', session, '$seat')
local taken, counted
if seat == 'taken' then
    taken, counted = take_seat(KEYS[2], join, set - 1, true)
    if not taken then return {FULL, counted} end
    ARGV[#ARGV + 1] = '$seat'
    ARGV[#ARGV + 1] = taken
end
if index_lasts ~= '0' then
    ARGV[#ARGV + 1] = '$indexed_until'
    ARGV[#ARGV + 1] = string.format('%.0f', from_now(index_lasts))
end
-- First what a server without memory refuses: afterwards nothing fails any more.
write('HSET', set, #ARGV)
write('HDEL', remove, join - 1)
if keep_for ~= '0' then redis.call('PEXPIRE', session, keep_for) end

local left = KEYS[taken and 3 or 2]
if before and left then
    redis.call('ZREM', left, string.match(session, '[^:]*$') .. '.' .. before)
    before = nil
end
if taken then return {JOINED, taken, redis.call('ZCARD', KEYS[2])} end
return before and {APPLIED, before} or APPLIED
