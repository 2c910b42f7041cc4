-- Takes a seat in a user's index, for a login that is written afterwards. Begins with seat.lua.
--
-- KEYS[1]  the user's index
-- ARGV     what `take_seat` needs
-- Returns  the seat; or, when there are too many, an array of those that count, perhaps not all of
--          them, each followed by its score

local seat, counted = take_seat(KEYS[1], 1, #ARGV, false)
return seat or counted
