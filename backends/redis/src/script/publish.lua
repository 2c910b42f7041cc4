-- Publishes a message from the node that has the bus's keys: whatever way a command takes, all
-- messages set out from the same one.
--
-- KEYS[1]  the servers, which only say which node it is
-- ARGV     channel, message
-- Returns  how many subscribers that node gave it to

return redis.call('PUBLISH', ARGV[1], ARGV[2])
