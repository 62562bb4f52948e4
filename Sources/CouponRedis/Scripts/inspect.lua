#!lua flags=no-writes,allow-oom
-- The gate, and what it knows of a coupon and of one user.
--
-- KEYS  gate, record, holders
-- ARGV  user (8 bytes), or empty
-- Out   status, epoch, settled epoch, settled n, tail, load token, now,
--       nil or { version, rev, used, queued, next sequence, total, state, sold out, opens, closes,
--       cap or nil },
--       nil or the holder's 43 bytes (see prelude.lua)
-- Does  nothing

local gate = read_gate()
local record = read_record(KEYS[2])
return { gate.status, gate.epoch, gate.settled_epoch, gate.settled_n, gate.tail,
  gate.load_token, clock(),
  record and { record.version, record.rev, record.used, record.queued, record.next_sequence,
    record.total, record.state, record.sold_out, record.opens, record.closes,
    record.cap or false } or false,
  ARGV[1] ~= '' and redis.call('HGET', KEYS[3], ARGV[1]) }
