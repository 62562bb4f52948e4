#!lua
-- Gives a coupon its record, and its staged holders their name, in one step (rules 30, 32 and 53).
--
-- KEYS  gate, record, holders, claim, staged, the epoch's coupons
-- ARGV  epoch, load (ID_BYTES; empty in a rebuild, where the gate is fenced), holders staged,
--       terms (see apply_terms in changes.lua), used, next sequence, retention (ms), coupon (ID_BYTES),
--       whether its issued users come later (1 or 0)
-- Out   0 loaded, 1 the gate holds it already, 2 epoch, status or claim has changed, 3 holders are missing
-- Does  names the holders, writes the record, ends the claim: an earlier or later load cannot write into
--       these holders. If issued users come later, the coupon is filling, and the load keeps its claim. In an
--       open gate it publishes: the coupon may have changed after it was unloaded, and a front door that
--       remembers it as closed learns of it only here

local gate = read_gate()
local expected = tonumber(ARGV[3])
if ARGV[2] == '' then
  if not is_fenced(gate, ARGV[1]) then return 2 end
  if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('UNLINK', KEYS[5])
    return 1
  end
else
  local claim = get(KEYS[4])
  if not is_open(gate, ARGV[1]) then return 2 end
  if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
  if not claim or string.sub(claim, 1, ID_BYTES) ~= ARGV[2] then return 2 end
end
if redis.call('HLEN', KEYS[5]) ~= expected then
  redis.call('UNLINK', KEYS[4], KEYS[5])
  return 3
end

redis.call('UNLINK', KEYS[3], KEYS[4])
if expected > 0 then redis.call('RENAME', KEYS[5], KEYS[3]) end
local record = { version = 0, cap_version = 0, used = tonumber(ARGV[5]), queued = 0,
  next_sequence = tonumber(ARGV[6]), rev = next_rev(gate) }
apply_terms(record, ARGV[4], 1)
local now = clock()
if ARGV[9] == '1' then
  record.filling = record.rev
  redis.call('SET', KEYS[4], ARGV[2] .. struct.pack('>I8', now))
end
write_record(KEYS[2], record)
plan_check(KEYS[6], KEYS[2], record, now, tonumber(ARGV[7]))
write_gate(gate)
if ARGV[2] ~= '' then publish_standing(gate, now, 0, { standing(ARGV[8], record) }) end
return 0
