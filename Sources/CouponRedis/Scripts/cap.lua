#!lua flags=allow-oom
-- Limits a coupon's slots while an admin, who holds the coupon's row lock, lowers its total (rule 34).
-- A cap at or above the total has no effect, so setting it clears a stale cap.
--
-- KEYS  gate, record
-- ARGV  epoch, coupon (ID_BYTES), version under the lock, cap
-- Out   code and used: 0 capped, 1 not loaded, 2 not open in that epoch, 3 more are used already
-- Does  sets the cap, which also keeps a finished coupon in Redis; if that opens or closes the coupon,
--       raises rev and publishes

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return { 2, 0 } end
local record = read_record(KEYS[2])
if record == false then
  distrust(gate)
  return { 2, 0 }
end
if not record then return { 1, 0 } end
local cap = tonumber(ARGV[4])
if record.used > cap then return { 3, record.used } end

local door, now = door_of(record), clock()
record.cap, record.cap_version = cap, tonumber(ARGV[3])
if door_of(record) ~= door then
  record.rev = next_rev(gate)
  publish_standing(gate, now, 0, { standing(ARGV[2], record) })
end
write_record(KEYS[2], record)
write_gate(gate)
return { 0, record.used }
