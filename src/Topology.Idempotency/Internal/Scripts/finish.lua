-- Ends a claim. Refused unless the record still is the owner's; the same end twice is accepted, so a lost reply can be sent again.
-- KEYS[1] record
-- ARGV 1 fence and token, 2 new state, 3 ttl ms, 4 result
-- Returns 1 done, 0 lost, 2 fenced
local v = redis.call('GETRANGE', KEYS[1], 0, 125)
if v == '' then return 0 end
if string.sub(v, 1, 1) ~= '1' or string.sub(v, 3, 50) ~= ARGV[1] then return 2 end
local state = string.sub(v, 2, 2)
if state == ARGV[2] then return 1 end
if state ~= 'P' and state ~= 'O' and state ~= 'Q' then return 2 end
local life = math.max(tonumber(ARGV[3]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], '1' .. ARGV[2] .. string.sub(v, 3) .. ARGV[4], 'PX', string.format('%.0f', life))
return 1
