#!lua flags=allow-oom
-- Removes a coupon that is closed for good, because an admin archives or deletes it, or has deleted it
-- (rule 55). The admin's transaction has locked the coupon. The state in its record here may be older, so it
-- is not looked at; without a record nothing is accepted.
--
-- KEYS  gate, record, holders, claim, staged, the epoch's coupons
-- ARGV  epoch, coupon (ID_BYTES), version
-- Out   0 the gate does not hold it, 1 it stays, because it has queued requests, 2 not open in that epoch
-- Does  unlinks the keys, which also ends loads: what they have read may be older than the change. The
--       coupon is published as open: a front door that remembers it as closed must ask the gate again

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 2 end
local record = read_record(KEYS[2])
if record == false then
  distrust(gate)
  return 2
end
if record and record.queued > 0 then return 1 end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
-- If the index has another type, nothing is removed from it: the next sweep skips coupons without keys.
redis.pcall('ZREM', KEYS[6], string.match(KEYS[2], ':(%d+):record$'))
local gone = { state = 1, sold_out = 0, opens = 0, closes = 2 ^ 53, total = -1, used = 0,
  version = tonumber(ARGV[3]), rev = next_rev(gate) }
write_gate(gate)
publish_standing(gate, clock(), 0, { standing(ARGV[2], gone) })
return 0
