-- Makes sure that the work of a key never runs from now on, or returns what was done.
-- KEYS[1] record
-- ARGV 1 ttl ms
-- Returns { 'S' sealed | 'C' completed | 'T' tombstone | 'X' unreadable, record }
local v = redis.call('GET', KEYS[1])
local rest
if v then
  if #v < 126 or string.sub(v, 1, 1) ~= '1' then return { 'X', '' } end
  local state = string.sub(v, 2, 2)
  if state == 'C' then return { 'C', v } end
  if state == 'T' then return { 'T', '' } end
  rest = string.sub(v, 3, 126)
else
  local time = redis.call('TIME')
  rest = string.format('%016.0f', time[1] * 1000000 + time[2]) .. string.rep('0', 108)
end
local life = math.max(tonumber(ARGV[1]), redis.call('PTTL', KEYS[1]))
redis.call('SET', KEYS[1], '1S' .. rest, 'PX', string.format('%.0f', life))
return { 'S', '' }
