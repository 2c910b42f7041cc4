-- Chooses who must end so that a user has no more sessions than allowed, and marks them in the index.
--
-- They leave the index only after they have ended. Two logins that make room at the same time do not each end the other:
-- whoever comes second finds itself or the other sentenced.
--
-- KEYS[1]  the user's index
-- ARGV     how many there may be, the member that makes room for itself, then the others that live, the first to go first
-- Returns  the members that must end.

local index, most, itself = KEYS[1], tonumber(ARGV[1]), ARGV[2]

local function stands(member)
    local score = redis.call('ZSCORE', index, member)
    if not score then return 'gone' end
    return tonumber(score) < 0 and 'sentenced' or 'stands'
end

local doomed, standing = {}, {}
for i = 3, #ARGV do
    local state = stands(ARGV[i])
    if state == 'stands' then table.insert(standing, ARGV[i]) end
    if state == 'sentenced' then table.insert(doomed, ARGV[i]) end
end
local excess = #standing - most
if stands(itself) == 'stands' then excess = excess + 1 end
for i = 1, math.min(excess, #standing) do
    redis.call('ZADD', index, 'XX', -1, standing[i])
    table.insert(doomed, standing[i])
end
return doomed
