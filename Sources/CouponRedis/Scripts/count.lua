#!lua flags=allow-oom
-- Counts queued requests at their coupons, while a gate is rebuilt (rule 30).
--
-- KEYS  gate, then for each coupon its record and its holders
-- ARGV  epoch, from: epoch, n, to: epoch, n, requests in the queue's order, COUNTED_BYTES each:
--         index of the coupon, from 1, 4 | user 8 | request id 17 | sequence 8 | position: epoch 8, n 8
-- Out   1; 0 and nothing changed if the gate is not fenced with that epoch, or has not counted up to
--       `from`: so a call that is sent twice counts once
-- Does  gives a slot to each user without one; a user who has a slot keeps it, and the entry is decided
--       when it is drained. Each request counts as queued, and moves the next sequence. A coupon without
--       a record is skipped: its requests will be rejected

local gate = read_gate()
if not is_fenced(gate, ARGV[1]) or gate.settled_epoch ~= tonumber(ARGV[2])
  or gate.settled_n ~= tonumber(ARGV[3]) then
  return 0
end

-- Commands take their fields from Lua's stack, which has room for some 8,000.
local FIELDS = 1000

local function holders_of(key, users)
  local held = {}
  for first = 1, #users, FIELDS do
    local last = math.min(first + FIELDS - 1, #users)
    for _, holder in ipairs(redis.call('HMGET', key, unpack(users, first, last))) do
      held[#held + 1] = holder
    end
  end
  return held
end

local coupons = {}
for i = 1, (#KEYS - 1) / 2 do
  coupons[i] = { record = read_record(KEYS[i * 2]) or nil, users = {}, requests = {} }
end
local packed, count = ARGV[6], #ARGV[6] / COUNTED_BYTES
for i = 0, count - 1 do
  local at = i * COUNTED_BYTES
  local coupon = coupons[struct.unpack('>I4', packed, at + 1)]
  coupon.users[#coupon.users + 1] =
    string.sub(packed, at + COUNTED_USER, at + COUNTED_REQUEST_ID - 1)
  coupon.requests[#coupon.requests + 1] = at
end

for i, coupon in ipairs(coupons) do
  local record, known = coupon.record, {}
  if record and #coupon.users > 0 then
    local held = holders_of(KEYS[i * 2 + 1], coupon.users)
    local holders = {}
    for j, at in ipairs(coupon.requests) do
      local user, sequence = coupon.users[j], struct.unpack('>I8', packed, at + COUNTED_PLACE)
      local holder = held[j]
      if not known[user] and not (holder and string.byte(holder) ~= 2) then
        known[user] = true
        record.used = record.used + 1
        holders[#holders + 1] = user
        holders[#holders + 1] = string.char(1, 0)
          .. string.sub(packed, at + COUNTED_PLACE, at + COUNTED_BYTES)
          .. string.sub(packed, at + COUNTED_REQUEST_ID, at + COUNTED_PLACE - 1)
      end
      record.queued = record.queued + 1
      record.next_sequence = math.max(record.next_sequence, sequence + 1)
    end
    for first = 1, #holders, FIELDS do
      redis.call('HSET', KEYS[i * 2 + 1], unpack(holders, first, math.min(first + FIELDS - 1, #holders)))
    end
    write_record(KEYS[i * 2], record)
  end
end
gate.settled_epoch, gate.settled_n = tonumber(ARGV[4]), tonumber(ARGV[5])
gate.queued = gate.queued + count
write_gate(gate)
return 1
