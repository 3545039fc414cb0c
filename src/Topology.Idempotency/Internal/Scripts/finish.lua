-- Ends a claim. Refused unless the record still is the owner's; the same end twice is accepted, so a lost reply can be sent again.
-- Every first call runs this: a call or a string less is worth more than elsewhere.
-- KEYS[1] record
-- ARGV 1 fence and token, 2 what the record becomes, 3 ttl ms
-- Returns 1 done, 0 lost, 2 fenced
local key, call, record, life = KEYS[1], redis.call, ARGV[2], ARGV[3]
local v = call('GETRANGE', key, 0, 125)
if v:sub(3, 50) ~= ARGV[1] then return v == '' and 0 or 2 end
local state = v:sub(1, 2)
if state ~= '1P' then
  if state == record:sub(1, 2) then return 1 end
  if state ~= '1O' and state ~= '1Q' then return 2 end
end
if state == '1Q' or v:sub(115) > record:sub(115, 126) then -- a grace above that of a whole ttl: it may live longer than one
  life = string.format('%.0f', math.max(tonumber(life), call('PTTL', key)))
end
call('SET', key, record, 'PX', life)
return 1
