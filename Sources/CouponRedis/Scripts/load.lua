#!lua
-- Writes a coupon with its holders, in one step (rules 30 and 32). The holders were written
-- beforehand to a key of their own that expires, for there may be a million of them.
--
-- KEYS  gate, record, holders, loading
-- ARGV  epoch, load token read before PostgreSQL was (empty in a rebuild), holders written,
--       the coupon (34 bytes, see prelude.lua), used, queued, next sequence, retention (ms),
--       coupon (8 bytes)
-- Out   0 loaded, 1 the gate holds it already, 2 epoch, status or token had moved,
--       3 the holders are not complete
-- Does  names the holders, writes the record, raises the load token: whoever read PostgreSQL before
--       this load must read it again. In an open gate it publishes: the coupon may have been changed
--       after it had expired, and who remembers it as closed is told by nothing else

local gate = read_gate()
local epoch, expected = tonumber(ARGV[1]), tonumber(ARGV[3])
local wanted = ARGV[2] == '' and FENCED or OPEN

local function refused(code)
  redis.call('UNLINK', KEYS[4])
  return code
end

if gate.status ~= wanted or gate.epoch ~= epoch then return refused(2) end
if redis.call('EXISTS', KEYS[2]) == 1 then return refused(1) end
if wanted == OPEN and gate.load_token ~= tonumber(ARGV[2]) then return refused(2) end
if redis.call('HLEN', KEYS[4]) ~= expected then return refused(3) end

if expected > 0 then
  redis.call('RENAME', KEYS[4], KEYS[3])
else
  redis.call('UNLINK', KEYS[3])
end
local record = { version = 0, cap_version = 0, used = tonumber(ARGV[5]), queued = tonumber(ARGV[6]),
  next_sequence = tonumber(ARGV[7]), rev = next_rev(gate) }
take_coupon(record, ARGV[4], 1)
write_record(KEYS[2], record)
local now = clock()
keep_or_expire(gate, KEYS[2], KEYS[3], record, now, tonumber(ARGV[8]))
gate.load_token = gate.load_token + 1
write_gate(gate)
if wanted == OPEN then publish_standing(gate, now, 0, { standing(ARGV[9], record) }) end
return 0
