#!lua
-- Writes a part of a coupon's holders beside it (rules 30 and 32), or into it while it is filling (rule 53).
--
-- KEYS  gate, claim, staged, the epoch's coupons, record, holders
-- ARGV  epoch, load (ID_BYTES; empty in a rebuild, where the gate is fenced), coupon (decimal),
--       holders, STAGED_BYTES each: user 8 | holder (see prelude.lua)
-- Out   1; 0 and nothing written if epoch, status or claim has changed
-- Does  writes them beside those staged before, and moves the claim. If the coupon is filling, writes those
--       that the gate does not hold: what it accepted, rejected or redrove since the load began is later

local gate = read_gate()
local record
if ARGV[2] == '' then
  if not is_fenced(gate, ARGV[1]) then return 0 end
  redis.pcall('ZADD', KEYS[4], 'NX', '+inf', ARGV[3])
else
  local claim = get(KEYS[2])
  if not is_open(gate, ARGV[1]) or not claim or string.sub(claim, 1, ID_BYTES) ~= ARGV[2] then
    return 0
  end
  record = read_record(KEYS[5])
  if record == false or (record and not record.filling) then return 0 end
  redis.call('SET', KEYS[2], ARGV[2] .. struct.pack('>I8', clock()))
end

-- Users and holders in turn.
local count = #ARGV[4] / STAGED_BYTES
local fields = { struct.unpack(string.rep(STAGED_FORMAT, count), ARGV[4]) }
if not record then
  redis.call('HSET', KEYS[3], unpack(fields, 1, 2 * count))
  return 1
end
local users, new = {}, { 'HSET', KEYS[6] }
for i = 1, count do users[i] = fields[2 * i - 1] end
local held = redis.call('HMGET', KEYS[6], unpack(users))
for i = 1, count do
  if not held[i] then new[#new + 1], new[#new + 2] = users[i], fields[2 * i] end
end
if #new > 2 then redis.call(unpack(new)) end
return 1
