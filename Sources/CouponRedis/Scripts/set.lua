#!lua flags=allow-oom
-- Brings a coupon's terms from PostgreSQL (rule 33).
--
-- KEYS  gate, record, the epoch's coupons
-- ARGV  epoch, coupon (ID_BYTES), terms (see apply_terms in changes.lua), retention (ms)
-- Out   0 the gate has this version or a later one, 1 not loaded, 2 not open in that epoch
-- Does  applies a higher version, clears a cap that it outdates, raises rev, publishes. A coupon that is
--       not loaded is published as open: a front door that remembers it as closed, from before it was
--       unloaded, must ask the gate again

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 2 end
local record = read_record(KEYS[2])
if record == false then
  distrust(gate)
  return 2
end
if not record then
  record = { state = 1, sold_out = 0, opens = 0, closes = 2 ^ 53, total = -1, used = 0,
    version = struct.unpack('>I8', ARGV[3]), rev = next_rev(gate) }
  write_gate(gate)
  publish_standing(gate, clock(), 0, { standing(ARGV[2], record) })
  return 1
end
if not apply_terms(record, ARGV[3], 1) then return 0 end
local now = clock()
record.rev = next_rev(gate)
write_record(KEYS[2], record)
plan_check(KEYS[3], KEYS[2], record, now, tonumber(ARGV[4]))
write_gate(gate)
publish_standing(gate, now, 0, { standing(ARGV[2], record) })
return 0
