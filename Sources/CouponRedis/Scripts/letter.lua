#!lua flags=allow-oom
-- What became of a dead letter (hole 22): redriven, its user has the coupon; discarded, its slot is free.
--
-- KEYS  gate, record, holders
-- ARGV  epoch, coupon (8 bytes), as committed (34 bytes, see prelude.lua), retention (ms),
--       user (8 bytes), sequence and request id (25 bytes), redriven (1) or discarded (0)
-- Out   0 the gate knows, 1 not loaded, 2 not open in that epoch
-- Does  changes the holder, if it is that letter's still, by sequence and request: the sequence may
--       be another letter's too, and a position does not outlive a rebuild. Gives the slot back,
--       takes a newer version;
--       where that opens or closes the coupon, raises rev and publishes. Where the coupon is not
--       loaded, raises the load token: whoever read the letter as held must read again.

local DISCARDED = 5

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 2 end
local record = read_record(KEYS[2])
if not record then
  gate.load_token = gate.load_token + 1
  write_gate(gate)
  return 1
end

local door = door_of(record)
local holder = redis.call('HGET', KEYS[3], ARGV[5])
local named = holder and string.sub(holder, 3, 10) .. string.sub(holder, 27)
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
keep_or_expire(gate, KEYS[2], KEYS[3], record, now, tonumber(ARGV[4]))
write_gate(gate)
return 0
