-- Settles a record whose outcome is unknown. The token goes: the owner that caused this comes too late from now on.
-- KEYS[1] record
-- ARGV 1 fence, 2 new state, 3 ttl ms, 4 result
-- Returns 1 done, 0 lost, 2 fenced
local v = redis.call('GETRANGE', KEYS[1], 0, 125)
if v == '' then return 0 end
if string.sub(v, 1, 2) ~= '1Q' or string.sub(v, 3, 18) ~= ARGV[1] then return 2 end
local life = math.max(tonumber(ARGV[3]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], '1' .. ARGV[2] .. ARGV[1] .. string.rep('0', 32) .. string.sub(v, 51) .. ARGV[4], 'PX', string.format('%.0f', life))
return 1
