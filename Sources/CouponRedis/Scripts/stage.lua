#!lua
-- Writes a part of a coupon's holders beside it (rules 30 and 32).
--
-- KEYS  gate, claim, staged, the epoch's coupons
-- ARGV  epoch, load (ID_BYTES; empty in a rebuild, where the gate is fenced), coupon (decimal),
--       holders, STAGED_BYTES each: user 8 | holder (see prelude.lua)
-- Out   1; 0 and nothing written if epoch, status or claim has changed
-- Does  writes them beside those staged before, and moves the claim

local gate = read_gate()
if ARGV[2] == '' then
  if not is_fenced(gate, ARGV[1]) then return 0 end
  redis.pcall('ZADD', KEYS[4], 'NX', '+inf', ARGV[3])
else
  local claim = get(KEYS[2])
  if not is_open(gate, ARGV[1]) or not claim or string.sub(claim, 1, ID_BYTES) ~= ARGV[2] then
    return 0
  end
  redis.call('SET', KEYS[2], ARGV[2] .. struct.pack('>I8', clock()))
end
local packed = ARGV[4]
local fields = { 'HSET', KEYS[3] }
for at = 0, #packed - 1, STAGED_BYTES do
  fields[#fields + 1] = string.sub(packed, at + 1, at + ID_BYTES)
  fields[#fields + 1] = string.sub(packed, at + ID_BYTES + 1, at + STAGED_BYTES)
end
redis.call(unpack(fields))
return 1
