#!lua
-- Begins the load of a coupon (rule 32): from here only this load may stage its holders, so there is one
-- copy of them with any number of daemons. A load that has not moved for a while is overtaken. How long that
-- is affects memory and time, never correctness.
--
-- KEYS  gate, record, claim, staged, the epoch's coupons
-- ARGV  epoch, load (ID_BYTES), milliseconds after which a claim that has not moved is free
-- Out   0 claimed, 1 the gate holds the coupon already, 2 not open in that epoch, 3 claimed by another load,
--       4 and 5 are 0 and 3 of a coupon that is filling: only its issued users are missing (rule 53)
-- Does  writes the claim, drops what an earlier load had staged, indexes the coupon

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 2 end
local record = read_record(KEYS[2])
if record == false or (record and not record.filling) then return 1 end
local now, timeout = clock(), tonumber(ARGV[3])
if is_claimed(KEYS[3], ARGV[2], now, timeout) then return record and 5 or 3 end
redis.call('UNLINK', KEYS[4])
redis.call('SET', KEYS[3], ARGV[2] .. struct.pack('>I8', now))
if record then return 4 end
redis.pcall('ZADD', KEYS[5], string.format('%.0f', now / 1000 + timeout),
  string.match(KEYS[2], ':(%d+):record$'))
return 0
