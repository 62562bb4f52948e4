#!lua flags=allow-oom
-- Lets coupons go that nobody can have any more (rule 41), and what loads that stand still have staged.
--
-- KEYS  gate, the epoch's coupons
-- ARGV  epoch, retention (ms), limit, milliseconds after which a claim that has not moved is nobody's
-- Out   how many were looked at; `limit` says that more may be due. -1 where the gate is not open in that
--       epoch
-- Does  unlinks the keys of each coupon whose moment has come, if it may go; looks again later if not.
--       Unlinking frees the memory beside Redis' own thread: a million holders cost it nothing

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return -1 end
local now, retention = clock(), tonumber(ARGV[2])
local prefix = string.match(KEYS[1], '^(.*:)gate$') .. ARGV[1] .. ':'
local due = redis.pcall('ZRANGE', KEYS[2], '-inf', string.format('%.0f', now / 1000), 'BYSCORE',
  'LIMIT', 0, ARGV[3])
if due.err then return 0 end
for _, id in ipairs(due) do
  local key = prefix .. id .. ':'
  local record = read_record(key .. 'record')
  if record == false then
    distrust(gate)
    return -1
  elseif record and not may_go(record, now) then
    note_visit(KEYS[2], key .. 'record', record, now, retention)
  elseif not record and is_claimed(key .. 'claim', nil, now, tonumber(ARGV[4])) then
    redis.call('ZADD', KEYS[2], string.format('%.0f', now / 1000 + tonumber(ARGV[4])), id)
  else
    redis.call('UNLINK', key .. 'record', key .. 'holders', key .. 'claim', key .. 'staged')
    redis.call('ZREM', KEYS[2], id)
  end
end
return #due
