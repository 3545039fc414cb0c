-- Decides a claim on the record as it stands. RecordHeader.cs explains the layout.
-- KEYS[1] record
-- ARGV 1 token, 2 request hash, 3 lease ms, 4 ttl ms, 5 'T' take over | 'Q' quarantine, 6 may create '1' | '0',
--      7 unix ms at which a new record ends, '0' for ttl ms from now
-- Returns { status, fence, ms of lease, record }
local none = string.rep('0', 64)
local v = redis.call('GET', KEYS[1])
local lease, life = tonumber(ARGV[3]), tonumber(ARGV[4])
local status, least = 'A', 0

if v then
  if #v < 126 or string.sub(v, 1, 1) ~= '1' then return { 'X', '0', 0, '' } end
  local state, old, hash = string.sub(v, 2, 2), string.sub(v, 3, 18), string.sub(v, 51, 114)
  if state == 'S' then return { 'S', old, 0, '' } end
  if hash ~= ARGV[2] and hash ~= none and ARGV[2] ~= none then return { 'M', old, 0, '' } end
  if state == 'C' then return { 'C', old, 0, v } end
  local running = state == 'P' or state == 'O'
  if not running and state ~= 'R' then return { state, old, 0, '' } end
  local left = redis.call('PTTL', KEYS[1])
  if running then
    local grace = tonumber(string.sub(v, 115, 126))
    if string.sub(v, 19, 50) == ARGV[1] then -- the same claim sent again: its lease starts anew
      redis.call('PEXPIRE', KEYS[1], string.format('%.0f', grace + lease))
      return { state == 'O' and 'O' or 'A', old, lease, '' }
    end
    if left > grace then return { 'P', old, left - grace, '' } end
    if ARGV[5] == 'Q' then
      redis.call('SET', KEYS[1], '1Q' .. string.sub(v, 3), 'KEEPTTL')
      return { 'Q', old, 0, '' }
    end
    status = 'O'
  end
  least = tonumber(old) + 1
  life = math.max(life, left)
elseif ARGV[6] == '0' then
  return { 'N', '0', 0, '' }
end

local time = redis.call('TIME')
local fence = math.max(time[1] * 1000000 + time[2], least)
if not v and ARGV[7] ~= '0' then
  life = tonumber(ARGV[7]) - math.floor(fence / 1000)
  if life <= 0 then return { 'N', '0', 0, '' } end
  lease = math.min(lease, life)
end

fence = string.format('%016.0f', fence)
local state = status == 'O' and '1O' or '1P'
redis.call('SET', KEYS[1], state .. fence .. ARGV[1] .. ARGV[2] .. string.format('%012.0f', life - lease), 'PX', string.format('%.0f', life))
return { status, fence, lease, '' }
