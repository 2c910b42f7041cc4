-- Chooses who must end so that a user has no more sessions than allowed, and sentences them: their
-- score in the index becomes their seat and 0.5.
--
-- They leave the index only after they have ended. Two logins that make room at the same time do
-- not each end the other: whoever comes second finds itself or the other sentenced.
--
-- KEYS[1]  the user's index
-- ARGV     how many sessions there may be, the member that makes room for itself, then the others
--          that live, the first to go first
-- Returns  the members that must end

local index, most, itself = KEYS[1], tonumber(ARGV[1]), ARGV[2]

local function judge(member)
    local score = tonumber(redis.call('ZSCORE', index, member))
    if not score then return 'gone' end
    return score - math.floor(score) < 0.5 and 'stands' or 'sentenced', math.floor(score)
end

local doomed, standing = {}, {}
for i = 3, #ARGV do
    local state, seat = judge(ARGV[i])
    if state == 'stands' then table.insert(standing, {ARGV[i], seat}) end
    if state == 'sentenced' then table.insert(doomed, ARGV[i]) end
end
local excess = #standing - most
if judge(itself) == 'stands' then excess = excess + 1 end
for i = 1, math.min(excess, #standing) do
    local member, seat = unpack(standing[i])
    redis.call('ZADD', index, 'XX', string.format('%.1f', seat + 0.5), member)
    table.insert(doomed, member)
end
return doomed
