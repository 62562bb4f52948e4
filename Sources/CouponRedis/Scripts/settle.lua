#!lua flags=allow-oom
-- Follows a commit, in one step and exactly once (rules 21 to 23). Runs even when Redis is full, because it
-- makes room.
--
-- KEYS  gate, queue, the epoch's coupons, then for each coupon its record and its holders
-- ARGV  epoch, from: epoch, n, to: epoch, n, resolve (0 or 1), retention (ms, 0: no limit),
--       issued at (microseconds), coupons, SETTLED_BYTES each, in the order of KEYS:
--         coupon 8 | requests settled 8 | known to PostgreSQL 1 | terms (see apply_terms in changes.lua)
--       rejections, REJECTION_BYTES each:
--         index of the coupon, from 1, 4 | user 8 | sequence 8 | position: epoch 8, n 8 | reason 1
--         | has another acceptance 1 | its sequence 8 | its request id 17
--       replication id of the Redis in which the entries were read
-- Out   1; 0 and nothing changed if the gate is not open in that epoch, `settled` is not `from`, or the
--       replication id is another: a Redis that was a replica in between may have given the same
--       positions to other requests, which the event would report as issued. 0 and a fenced gate if a
--       record is damaged
-- Does  gives slots back, applies newer terms, counts the backlog down, trims the queue, moves `settled`,
--       publishes. A coupon that is not loaded is skipped

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
for i = 1, #packed / SETTLED_BYTES do
  local at = (i - 1) * SETTLED_BYTES
  local record = read_record(KEYS[i * 2 + 2])
  if record == false then
    distrust(gate)
    return 0
  end
  coupons[i] = {
    id = string.sub(packed, at + 1, at + ID_BYTES), record = record, terms_at = at + SETTLED_TERMS,
    record_key = KEYS[i * 2 + 2], holders_key = KEYS[i * 2 + 3],
    requests = struct.unpack('>I8', packed, at + SETTLED_REQUESTS),
    is_known = string.byte(packed, at + SETTLED_IS_KNOWN) == 1,
    door = record and door_of(record),
  }
end

-- Frees a user's slot if the rejected request holds it, with the same place (sequence and position).
-- The sequence alone may belong to another acceptance, because a Redis that goes back gives it again.
-- `issued` is the acceptance of the same user that PostgreSQL has: sequence and request id.
local function reject(coupon, user, place, reason, issued)
  local holder = redis.pcall('HGET', coupon.holders_key, user)
  if type(holder) ~= 'string' or #holder ~= HOLDER_BYTES or string.byte(holder, 1) == 2
    or string.sub(holder, HOLDER_PLACE, HOLDER_REQUEST_ID - 1) ~= place then
    return
  end
  if reason == DEAD_LETTER then
    holder = string.char(3, reason) .. string.sub(holder, HOLDER_PLACE)
  else
    coupon.record.used = coupon.record.used - 1
    if reason == ALREADY_ISSUED and issued then
      holder = string.char(1, 0) .. string.sub(issued, 1, NUMBER_BYTES)
        .. string.rep('\0', POSITION_BYTES) .. string.sub(issued, NUMBER_BYTES + 1)
    else
      holder = string.char(2, reason) .. string.sub(holder, HOLDER_PLACE)
    end
  end
  redis.call('HSET', coupon.holders_key, user, holder)
end

local rejections = {}
for i = 1, #rejected / REJECTION_BYTES do
  local at = (i - 1) * REJECTION_BYTES
  local coupon = coupons[struct.unpack('>I4', rejected, at + 1)]
  local user = string.sub(rejected, at + REJECTION_USER, at + REJECTION_PLACE - 1)
  local place = string.sub(rejected, at + REJECTION_PLACE, at + REJECTION_REASON - 1)
  local reason = string.byte(rejected, at + REJECTION_REASON)
  local issued = string.byte(rejected, at + REJECTION_HAS_OTHER) == 1
    and string.sub(rejected, at + REJECTION_OTHER, at + REJECTION_BYTES)
  if coupon.record then reject(coupon, user, place, reason, issued) end
  rejections[i] = coupon.id .. string.sub(place, 1, NUMBER_BYTES) .. string.char(reason)
end

local standings, settled = {}, 0
for _, coupon in ipairs(coupons) do
  local record = coupon.record
  settled = settled + coupon.requests
  if record then
    if coupon.is_known then apply_terms(record, packed, coupon.terms_at) end
    record.queued = math.max(0, record.queued - coupon.requests)
    if door_of(record) ~= coupon.door then record.rev = next_rev(gate) end
    write_record(coupon.record_key, record)
    if is_finished(record, now) then
      plan_check(KEYS[3], coupon.record_key, record, now, retention)
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
