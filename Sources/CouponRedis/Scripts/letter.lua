#!lua flags=allow-oom
-- What became of a dead letter: redriven, its user has the coupon; discarded, its slot is free.
--
-- KEYS  gate, record, holders, the epoch's coupons, claim, staged
-- ARGV  epoch, coupon (8 bytes), as committed (34 bytes, see prelude.lua), retention (ms),
--       user (8 bytes), sequence and request id (25 bytes), redriven (1) or discarded (0)
-- Out   0 the gate knows, 1 not loaded, 2 not open in that epoch
-- Does  changes the holder, if it is that letter's still, by sequence and request: the sequence may
--       be another letter's too, and a position does not outlive a rebuild. Gives the slot back,
--       takes a newer version;
--       where that opens or closes the coupon, raises rev and publishes. Where the coupon is not
--       loaded, ends a load that is under way: whoever read the letter as held must read again.

local DISCARDED = 5

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 2 end
local record = read_record(KEYS[2])
if record == false then
  distrust(gate)
  return 2
end
if not record then
  redis.call('UNLINK', KEYS[5], KEYS[6])
  return 1
end

local door = door_of(record)
local holder = redis.pcall('HGET', KEYS[3], ARGV[5])
local named = holder and #holder == HOLDER_BYTES and string.sub(holder, 3, 10) .. string.sub(holder, 27)
if named == ARGV[6] and string.byte(holder, 1) == 3 then
  if ARGV[7] == '1' then
    holder = string.char(1, 0) .. string.sub(holder, 3)
  else
    holder = string.char(2, DISCARDED) .. string.sub(holder, 3)
    record.used = record.used - 1
  end
  redis.call('HSET', KEYS[3], ARGV[5], holder)
end
take_coupon(record, ARGV[3], 1)
local now = clock()
if door_of(record) ~= door then
  record.rev = next_rev(gate)
  publish_standing(gate, now, 0, { standing(ARGV[2], record) })
end
write_record(KEYS[2], record)
note_visit(KEYS[4], KEYS[2], record, now, tonumber(ARGV[4]))
write_gate(gate)
return 0
