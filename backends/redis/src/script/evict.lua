-- Chooses who must end so that a user has no more sessions than allowed, and sentences them: their
-- score in the index becomes their seat and 0.5.
--
-- They leave the index only after they have ended. Two passes that make room at the same time do
-- not each end the other's login: whoever comes second finds some sentenced, and does not count
-- them.
--
-- KEYS[1]  the user's index
-- ARGV     how many sessions there may be, then members that live, the first to go first
-- Returns  the members that must end

local index, most = KEYS[1], tonumber(ARGV[1])

local doomed, standing = {}, {}
for i = 2, #ARGV do
    local score = tonumber(redis.call('ZSCORE', index, ARGV[i]))
    local seat = score and math.floor(score)
    if score and score - seat < 0.5 then
        table.insert(standing, {ARGV[i], seat})
    elseif score then
        table.insert(doomed, ARGV[i])
    end
end
for i = 1, #standing - most do
    local member, seat = unpack(standing[i])
    redis.call('ZADD', index, 'XX', string.format('%.1f', seat + 0.5), member)
    table.insert(doomed, member)
end
return doomed
