-- Takes a seat in a user's index: members '<session>.<seat>' with the seat as their score, and 0.25
-- more once their login is known to be written, 0.5 more once they are sentenced to make room.
--
-- From ARGV[first] to ARGV[last]: session, keep the index for (ms), how many other sessions there
-- may be or an empty text for any number, then the members that do not count.
--
-- Returns the seat; or, when there are too many, nil and an array of those that count, perhaps not
-- all of them, each followed by its score.
local function take_seat(index, first, last, is_written)
    local session, keep_for, others = ARGV[first], ARGV[first + 1], tonumber(ARGV[first + 2])

    if others then
        -- A session counts once, with however many seats; the one that logs in does not count.
        local skip, seen, count, counted = {}, {}, 0, {}
        for i = first + 3, last do skip[ARGV[i]] = true end
        local members = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
        for i = 1, #members, 2 do
            local member, score = members[i], members[i + 1]
            local its_session = string.match(member, '^[^.]*')
            if not skip[member] and its_session ~= session then
                table.insert(counted, member)
                table.insert(counted, score)
                if not seen[its_session] then count = count + 1 end
                seen[its_session] = true
            end
            if count > others + 500 then break end
        end
        if count > others then return nil, counted end
    end

    -- Later than all others, whatever became of the server's clock: whoever reads the index in the
    -- order of its seats meets with each login that comes meanwhile.
    local time, latest = redis.call('TIME'), redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
    local seat = math.max(time[1] * 1000000 + time[2], math.floor(latest or 0) + 1)
    seat = string.format('%.0f', seat)

    local score = is_written and seat .. '.25' or seat
    redis.call('ZADD', index, score, session .. '.' .. seat)
    -- Only ever later: the index lasts as long as its longest member.
    if redis.call('PTTL', index) < tonumber(keep_for) then
        redis.call('PEXPIRE', index, keep_for)
    end
    return seat
end
