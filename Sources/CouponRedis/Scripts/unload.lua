#!lua flags=allow-oom
-- Removes finished coupons (rule 41), and what stalled loads have staged.
--
-- KEYS  gate, the epoch's coupons
-- ARGV  epoch, retention (ms), limit, milliseconds after which a claim that has not moved is free
-- Out   how many coupons were checked; `limit` means that more may be due. -1 if the gate is not open in
--       that epoch
-- Does  unlinks the keys of each coupon that is due, if it may go and no load goes on; if not, plans the
--       next check. UNLINK frees the memory outside Redis' main thread, so a million holders do not block
--       it. If a coupon finished while this clock was ahead, its check is planned too late. So each second
--       the script also looks at some coupons, at other ones each time, and plans their checks again if
--       they are due later than `retention` from now

local AT_ONCE, TURNS = 64, 256

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
    plan_check(KEYS[2], key .. 'record', record, now, retention)
  elseif (not record or record.filling)
    and is_claimed(key .. 'claim', nil, now, tonumber(ARGV[4])) then
    redis.call('ZADD', KEYS[2], string.format('%.0f', now / 1000 + tonumber(ARGV[4])), id)
  else
    redis.call('UNLINK', key .. 'record', key .. 'holders', key .. 'claim', key .. 'staged')
    redis.call('ZREM', KEYS[2], id)
  end
end

if retention == 0 then return #due end
local function later(turn)
  local from = string.format('(%.0f', now / 1000 + retention + 1000)
  return redis.call('ZRANGE', KEYS[2], from, '+inf', 'BYSCORE', 'LIMIT', turn * AT_ONCE, AT_ONCE)
end
local some = later(math.floor(now / 1000000) % TURNS)
if #some == 0 then some = later(0) end
for _, id in ipairs(some) do
  local key = prefix .. id .. ':record'
  local record = read_record(key)
  if record then plan_check(KEYS[2], key, record, now, retention) end
end
return #due
