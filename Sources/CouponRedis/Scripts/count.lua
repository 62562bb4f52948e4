#!lua flags=allow-oom
-- Counts queued requests at their coupons, while a gate is rebuilt (rule 30).
--
-- KEYS  gate, then for each coupon its record and its holders
-- ARGV  epoch, from: epoch, n, to: epoch, n, coupons in the order of KEYS: COUNTED_BYTES each:
--       requests 8 | largest sequence 8; the requests of the first coupon, then of the second, ..., in the
--       queue's order, STAGED_BYTES each: user 8 | holder (see prelude.lua)
-- Out   1; 0 and nothing changed if the gate is not fenced with that epoch, or has not counted up to
--       `from`: so a call that is sent twice counts once
-- Does  gives a slot to each user without one; a user who has a slot keeps it, and the entry is decided
--       when it is drained. A request takes over the slot of its user's discarded dead letter: the gate
--       had the decision when it accepted the user, and the decision must not free the slot once more.
--       Each request counts as queued, and moves the next sequence. A coupon without a record is skipped:
--       its requests will be rejected

local gate = read_gate()
if not is_fenced(gate, ARGV[1]) or gate.settled_epoch ~= tonumber(ARGV[2])
  or gate.settled_n ~= tonumber(ARGV[3]) then
  return 0
end

local coupons, packed = ARGV[6], ARGV[7]
-- A command takes its words from Lua's stack, which has room for some 8,000.
local PART = 1000 * STAGED_BYTES

-- Gives slots to the users between two offsets of `packed` who have none; returns how many.
local function add_holders(key, from, to)
  local users, count = { 'HMGET', key }, 2
  for at = from, to - 1, STAGED_BYTES do
    count = count + 1
    users[count] = string.sub(packed, at + 1, at + ID_BYTES)
  end
  local held = redis.call(unpack(users))
  local fields, size, known, added = { 'HSET', key }, 2, {}, 0
  for i = 1, #held do
    local user, kind, reason = users[i + 2], string.byte(held[i] or string.char(2), 1, 2)
    if (kind == 2 or kind == 3 and reason == REASON_DISCARDED) and not known[user] then
      local at = from + (i - 1) * STAGED_BYTES
      known[user] = true
      fields[size + 1] = user
      fields[size + 2] = string.sub(packed, at + ID_BYTES + 1, at + STAGED_BYTES)
      size = size + 2
      if kind == 2 then added = added + 1 end
    end
  end
  if size > 2 then redis.call(unpack(fields)) end
  return added
end

local at = 0
for i = 1, #coupons / COUNTED_BYTES do
  local requests, sequence = struct.unpack('>I8I8', coupons, (i - 1) * COUNTED_BYTES + 1)
  local stop, record = at + requests * STAGED_BYTES, read_record(KEYS[i * 2])
  if record then
    for from = at, stop - 1, PART do
      record.used = record.used
        + add_holders(KEYS[i * 2 + 1], from, math.min(from + PART, stop))
    end
    record.queued = record.queued + requests
    record.next_sequence = math.max(record.next_sequence, sequence + 1)
    write_record(KEYS[i * 2], record)
  end
  at = stop
end
gate.settled_epoch, gate.settled_n = tonumber(ARGV[4]), tonumber(ARGV[5])
gate.queued = gate.queued + #packed / STAGED_BYTES
write_gate(gate)
return 1
