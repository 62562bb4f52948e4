#!lua flags=allow-oom
-- Ends the load of a coupon that is filling: all of its issued users are at the gate (rule 53).
--
-- KEYS  gate, record, claim
-- ARGV  epoch, load (ID_BYTES)
-- Out   1; 0 and nothing changed if epoch, status or claim has changed, or the coupon is not filling
-- Does  from here the gate judges every user itself

local gate = read_gate()
local claim = get(KEYS[3])
if not is_open(gate, ARGV[1]) or not claim or string.sub(claim, 1, ID_BYTES) ~= ARGV[2] then return 0 end
local record = read_record(KEYS[2])
if not record or not record.filling then return 0 end
record.filling = nil
write_record(KEYS[2], record)
redis.call('UNLINK', KEYS[3])
return 1
