#!lua
-- Writes holders beside a coupon, a part of them (rules 30 and 32).
--
-- KEYS  gate, claim, staged, the epoch's coupons
-- ARGV  epoch, load (8 bytes; empty in a rebuild, where the gate is fenced), coupon (decimal),
--       holders: 51 bytes each: user 8 | holder 43 (see prelude.lua)
-- Out   1; 0 and nothing written where epoch, status or claim is another
-- Does  writes them; what was staged before stays, and the claim has moved

local gate = read_gate()
if ARGV[2] == '' then
  if not is_fenced(gate, ARGV[1]) then return 0 end
  redis.pcall('ZADD', KEYS[4], 'NX', '+inf', ARGV[3])
else
  local claim = get(KEYS[2])
  if not is_open(gate, ARGV[1]) or not claim or string.sub(claim, 1, 8) ~= ARGV[2] then return 0 end
  redis.call('SET', KEYS[2], ARGV[2] .. struct.pack('>I8', clock()))
end
local packed = ARGV[4]
local fields = { 'HSET', KEYS[3] }
for at = 1, #packed, 51 do
  fields[#fields + 1] = string.sub(packed, at, at + 7)
  fields[#fields + 1] = string.sub(packed, at + 8, at + 50)
end
redis.call(unpack(fields))
return 1
