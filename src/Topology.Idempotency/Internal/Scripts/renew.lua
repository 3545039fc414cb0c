-- Lets the lease run its full length again; a record's life is the grace after its lease, so it grows with it.
-- KEYS[1] record
-- ARGV 1 fence and token, 2 lease ms
-- Returns 1 done, 0 lost, 2 fenced
local v = redis.call('GETRANGE', KEYS[1], 0, 125)
if v == '' then return 0 end
local state = string.sub(v, 1, 2)
if (state ~= '1P' and state ~= '1O') or string.sub(v, 3, 50) ~= ARGV[1] then return 2 end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(string.sub(v, 115, 126)) + tonumber(ARGV[2])))
return 1
