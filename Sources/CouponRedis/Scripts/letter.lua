#!lua flags=allow-oom
-- Applies the decision on a dead letter. Redriven: its user has the coupon. Discarded: its slot is free.
--
-- KEYS  gate, record, holders, the epoch's coupons, claim
-- ARGV  epoch, coupon (ID_BYTES), its terms (see apply_terms in changes.lua), retention (ms),
--       user (ID_BYTES), sequence 8 and request id 17, redriven (1) or discarded (0)
-- Out   0 applied, now or before, 1 not loaded, 2 not open in that epoch, 3 not now: a load has the coupon's
--       claim, or the commit of the letter is not settled yet (settle would make it a held letter again)
-- Does  changes the holder if it still has the letter's sequence and request id: the sequence alone may
--       be another letter's too, and a position does not outlive a rebuild. Gives the slot back, applies
--       newer terms; if that opens or closes the coupon, raises rev and publishes. A load reads the letter
--       with its slot, so it must be asked again when the load has ended

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 2 end
local record = read_record(KEYS[2])
if record == false then
  distrust(gate)
  return 2
end
if not record then return redis.call('EXISTS', KEYS[5]) == 1 and 3 or 1 end

local door = door_of(record)
local holder = redis.pcall('HGET', KEYS[3], ARGV[5])
local acceptance = holder and #holder == HOLDER_BYTES
  and string.sub(holder, HOLDER_PLACE, HOLDER_POSITION - 1) .. string.sub(holder, HOLDER_REQUEST_ID)
local kind = acceptance == ARGV[6] and string.byte(holder, 1)
if kind == 1 then
  local place_epoch, place_n = struct.unpack('>I8I8', holder, HOLDER_POSITION)
  if place_epoch > gate.settled_epoch
    or place_epoch == gate.settled_epoch and place_n > gate.settled_n then
    return 3
  end
elseif kind == 3 then
  if ARGV[7] == '1' then
    holder = string.char(1, 0) .. string.sub(holder, HOLDER_PLACE)
  else
    holder = string.char(2, REASON_DISCARDED) .. string.sub(holder, HOLDER_PLACE)
    record.used = record.used - 1
  end
  redis.call('HSET', KEYS[3], ARGV[5], holder)
end
apply_terms(record, ARGV[3], 1)
local now = clock()
if door_of(record) ~= door then
  record.rev = next_rev(gate)
  publish_standing(gate, now, 0, { standing(ARGV[2], record) })
end
write_record(KEYS[2], record)
plan_check(KEYS[4], KEYS[2], record, now, tonumber(ARGV[4]))
write_gate(gate)
return 0
