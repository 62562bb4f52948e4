#!lua flags=allow-oom
-- What follows a commit, in one step and exactly once (rules 21 to 23). Allowed when Redis is full:
-- it is what makes room.
--
-- KEYS  gate, queue, the epoch's coupons, then for each coupon its record and its holders
-- ARGV  epoch, from: epoch, n, to: epoch, n, resolve (0 or 1), retention (ms, 0 is for ever),
--       issued at (microseconds), coupons, 51 bytes each, in the order of KEYS:
--         coupon 8 | requests settled 8 | known to PostgreSQL 1 | as committed 34 (see prelude.lua)
--       rejections, 63 bytes each:
--         index of the coupon, from 1, 4 | user 8 | sequence 8 | position: epoch 8, n 8 | reason 1
--         | holds another 1 | that one's sequence 8 | that one's request id 17
--       replication id of the Redis in which the entries were read
-- Out   1; 0 and nothing changed where the gate is not open in that epoch, `settled` is not `from`, or
--       the replication id is another: a Redis that was a replica meanwhile may have given the same
--       positions to others, whom the event would call issued. 0 and a fenced gate where a record is
--       damaged
-- Does  gives slots back, takes newer versions, counts the backlog down, trims the queue, moves
--       `settled`, publishes. A coupon that is not loaded is skipped.

local ALREADY_ISSUED, DEAD_LETTER = 2, 4

local epoch = tonumber(ARGV[1])
local from_epoch, from_n = tonumber(ARGV[2]), tonumber(ARGV[3])
local to_epoch, to_n = tonumber(ARGV[4]), tonumber(ARGV[5])
local retention, packed, rejected = tonumber(ARGV[7]), ARGV[9], ARGV[10]

local gate = read_gate()
if not is_open(gate, epoch) or gate.settled_epoch ~= from_epoch or gate.settled_n ~= from_n then
  return 0
end
if replication_id() ~= ARGV[11] then return 0 end

local now = clock()
local coupons = {}
for i = 1, #packed / 51 do
  local at = i * 51 - 50
  local record = read_record(KEYS[i * 2 + 2])
  if record == false then
    distrust(gate)
    return 0
  end
  coupons[i] = {
    id = string.sub(packed, at, at + 7), record = record, at = at + 17,
    record_key = KEYS[i * 2 + 2], holders_key = KEYS[i * 2 + 3],
    requests = struct.unpack('>I8', packed, at + 8),
    is_known = string.byte(packed, at + 16) == 1, door = record and door_of(record),
  }
end

-- Takes a user's slot back, if the refused request is the one that holds it: with the same place
-- (sequence and position). The sequence alone may be another acceptance's, for a Redis that goes
-- back gives it again.
local function refuse(coupon, user, place, reason, issued)
  local holder = redis.pcall('HGET', coupon.holders_key, user)
  if type(holder) ~= 'string' or #holder ~= HOLDER_BYTES or string.byte(holder, 1) == 2
    or string.sub(holder, 3, 26) ~= place then
    return
  end
  if reason == DEAD_LETTER then
    holder = string.char(3, reason) .. string.sub(holder, 3)
  else
    coupon.record.used = coupon.record.used - 1
    if reason == ALREADY_ISSUED and issued then
      holder = string.char(1, 0) .. string.sub(issued, 1, 8) .. string.rep('\0', 16)
        .. string.sub(issued, 9)
    else
      holder = string.char(2, reason) .. string.sub(holder, 3)
    end
  end
  redis.call('HSET', coupon.holders_key, user, holder)
end

local rejections = {}
for i = 1, #rejected / 63 do
  local at = i * 63 - 62
  local coupon = coupons[struct.unpack('>I4', rejected, at)]
  local place = string.sub(rejected, at + 12, at + 35)
  local reason = string.byte(rejected, at + 36)
  local issued = string.byte(rejected, at + 37) == 1 and string.sub(rejected, at + 38, at + 62)
  if coupon.record then
    refuse(coupon, string.sub(rejected, at + 4, at + 11), place, reason, issued)
  end
  rejections[i] = coupon.id .. string.sub(place, 1, 8) .. string.char(reason)
end

local standings, settled = {}, 0
for _, coupon in ipairs(coupons) do
  local record = coupon.record
  settled = settled + coupon.requests
  if record then
    if coupon.is_known then take_coupon(record, packed, coupon.at) end
    record.queued = math.max(0, record.queued - coupon.requests)
    if door_of(record) ~= coupon.door then record.rev = next_rev(gate) end
    write_record(coupon.record_key, record)
    if is_finished(record, now) then
      note_visit(KEYS[3], coupon.record_key, record, now, retention)
    end
    standings[#standings + 1] = standing(coupon.id, record)
  end
end

redis.call('XTRIM', KEYS[2], 'MINID', '=', position(to_epoch, to_n + 1))
gate.settled_epoch, gate.settled_n = to_epoch, to_n
gate.queued = math.max(0, gate.queued - settled)
write_gate(gate)
publish({ epoch = epoch, from_epoch = from_epoch, from_n = from_n, to_epoch = to_epoch, to_n = to_n,
  now = now, issued_at = tonumber(ARGV[8]), resolve = tonumber(ARGV[6]) }, standings, rejections)
return 1
