#!lua flags=no-writes,allow-oom
-- The gate, and what it knows of a coupon and of one user.
--
-- KEYS  gate, record, holders
-- ARGV  user (8 bytes), or empty
-- Out   status (fenced where record or holder is damaged), epoch, settled epoch, settled n, tail, now,
--       nil or { version, rev, used, queued, next sequence, total, state, sold out, opens, closes,
--       cap or nil },
--       nil or the holder's 43 bytes (see prelude.lua)
-- Does  nothing

local gate = read_gate()
local record = read_record(KEYS[2])
local holder = ARGV[1] ~= '' and redis.pcall('HGET', KEYS[3], ARGV[1])
local is_damaged = record == false
if holder and #holder ~= HOLDER_BYTES then is_damaged, holder = true, false end
if is_damaged then gate.status = FENCED end
return { gate.status, gate.epoch, gate.settled_epoch, gate.settled_n, gate.tail, clock(),
  record and { record.version, record.rev, record.used, record.queued, record.next_sequence,
    record.total, record.state, record.sold_out, record.opens, record.closes,
    record.cap or false } or false,
  holder }
