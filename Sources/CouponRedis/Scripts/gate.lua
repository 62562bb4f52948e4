#!lua
-- The gate: accepts or refuses requests for coupons of one partition, in order (rules 11 to 13).
--
-- KEYS  gate, queue; for each coupon: record, holders
-- ARGV  epoch, floor (the highest n of that epoch that the daemon has seen), backlog limits of a coupon and
--       of a partition, replication id of the Redis for which the epoch was handed out;
--       for each coupon: coupon (ID_BYTES), requests, GATE_REQUEST_BYTES each:
--         user 8 | request id 17 | not after, microseconds 8;
--       only if requests of some coupon are cleared (rule 53): for each coupon 8, the gate's rev when it
--       said that the coupon is filling, 0 if they are not cleared
-- Out   one string; its first byte says what follows:
--   0 open: epoch 8 | tail 8 | settled: epoch 8, n 8 | now 8 | for each coupon a byte, and what it says:
--       0 judged: rev 8 | version 8 | state 1 | flags 1 | opens 8 | closes 8
--         | for each request a verdict of VERDICT_BYTES:
--           code 1 | reason or holder state 1 | sequence 8 | position: epoch 8, n 8
--       1 not loaded: rev 8    2 backlog limit reached
--       3 filling, and the requests are not cleared since its load: rev 8
--   1 STALE: status 1 | epoch 8    2 ROLLED_BACK
-- Does  writes one queue entry, the holders and the counters of what it accepts. Otherwise writes nothing,
--       except that the gate fences itself if it is below the daemon's floor, or in a Redis that was a
--       replica in between: it has gone back, and would give the same places again. It does so too if a
--       record or a holder is damaged. All checks come before the first write, and a full Redis refuses
--       the whole script: no flag allow-oom here
--
-- A queue entry has one field, ENTRY_FIELD:
--   version of this layout 1 | accepted at, microseconds 8
--   | for each coupon of which something was accepted: coupon 8 | first sequence 8 | count 4
--     | for each request REQUEST_BYTES: user 8 | request id 17
--
-- The script often runs for one request or two, so it makes few functions: each run makes them again, and
-- each outer variable that a function uses makes that more expensive.

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if not is_open(gate, epoch) then
  return struct.pack('>BBI8', 1, gate.status, gate.epoch)
end

local function rolled_back()
  distrust(gate)
  return struct.pack('>B', 2)
end

if gate.tail < tonumber(ARGV[2]) or replication_id() ~= ARGV[5] then return rolled_back() end

-- The verdict for a known user; nil if the request is judged as a new one; false if the holder is damaged.
local function judge_known(holder, request_id, gate)
  local QUEUED, ISSUED, ENDED_UNISSUED = 1, 2, 3
  local kind, reason = string.byte(holder, 1, 2)
  if #holder ~= HOLDER_BYTES or kind < 1 or kind > 3
    or (kind > 1 and (reason < 1 or reason > LAST_REASON)) then
    return false
  end
  local same = string.sub(holder, HOLDER_REQUEST_ID) == request_id
  local place = string.sub(holder, HOLDER_PLACE, HOLDER_REQUEST_ID - 1)
  if same then
    if kind == 1 then return string.char(VERDICT_REPLAYED, 0) .. place end
    return string.char(VERDICT_REJECTED, reason) .. place
  end
  if kind == 2 then return nil end
  local state = ENDED_UNISSUED
  if kind == 1 then
    local e, n = struct.unpack('>I8I8', holder, HOLDER_POSITION)
    local settled = e < gate.settled_epoch or (e == gate.settled_epoch and n <= gate.settled_n)
    state = settled and ISSUED or QUEUED
  end
  return string.char(VERDICT_DUPLICATE, state) .. place
end

-- Judges the requests for one coupon, and appends their verdicts to `out` and the accepted ones to `entry`.
-- `shut` is the verdict for new users while no new user gets the coupon, else false. Returns how many slots
-- are used then, and the HSET that is to be done; nil if a holder is damaged.
local function judge(used, limit, sequence, shut, requests, holders_key, here, now, gate, out, entry)
  local count = #requests / GATE_REQUEST_BYTES
  local users = {}
  for i = 1, count do
    local at = (i - 1) * GATE_REQUEST_BYTES
    users[i] = string.sub(requests, at + 1, at + ID_BYTES)
  end
  local held = redis.pcall('HMGET', holders_key, unpack(users))
  if held.err then return nil end

  -- The gate spends most of its time in this loop, so it looks nothing up and makes no string twice.
  local pack, unpack_from, judge_known = struct.pack, struct.unpack, judge_known
  local verdicts, accepted, no_details = #out, #entry, nil
  local holders, writes, known = { 'HSET', holders_key }, 2, {}
  for i = 1, count do
    local user = users[i]
    local request_id, not_after = unpack_from(
      GATE_REQUEST_FORMAT, requests, (i - 1) * GATE_REQUEST_BYTES + GATE_REQUEST_ID)
    local holder, verdict = known[user] or held[i], nil
    if holder then
      verdict = judge_known(holder, request_id, gate)
      if verdict == false then return nil end
    end
    local refusal = (now > not_after and VERDICT_EXPIRED)
      or (not verdict and (shut or (used >= limit and VERDICT_SOLD_OUT)))
    if refusal then
      no_details = no_details or string.rep('\0', VERDICT_BYTES - 1)
      out[verdicts + i] = string.char(refusal) .. no_details
    elseif verdict then
      out[verdicts + i] = verdict
    else
      local packed = pack('>I8', sequence)
      local value = ACCEPTED_HOLDER .. packed .. here .. request_id
      out[verdicts + i] = ACCEPTED_VERDICT .. packed .. here
      used, sequence, accepted = used + 1, sequence + 1, accepted + 1
      entry[accepted] = user .. request_id
      holders[writes + 1], holders[writes + 2] = user, value
      writes, known[user] = writes + 2, value
    end
  end
  return used, holders
end

local now = clock()
local n = gate.tail + 1
local here = struct.pack('>I8I8', epoch, n)
local coupon_backlog, partition_backlog = tonumber(ARGV[3]), tonumber(ARGV[4])
local keys, values, new_holders, accepted = {}, {}, {}, 0
for i = 1, #KEYS / 2 - 1 do keys[i] = KEYS[1 + 2 * i] end
local cleared = ARGV[6 + 2 * #keys]
local records = keys[2] and redis.call('MGET', unpack(keys)) or { get(keys[1]) }
-- Pieces of the reply and of the queue entry. The first piece of each is filled in at the end.
local out, entry = { '' }, { '' }

for i = 1, #keys do
  local coupon, requests, bytes = ARGV[4 + 2 * i], ARGV[5 + 2 * i], records[i]
  local used, queued, sequence, _, _, total, state, sold_out, opens, closes, cap, _, filling =
    record_numbers(keys[i], bytes)
  if used == false then
    return rolled_back()
  elseif not used then
    out[#out + 1] = struct.pack('>BI8', 1, gate.rev)
  elseif #requests > 0 and (queued >= coupon_backlog or gate.queued + accepted >= partition_backlog) then
    out[#out + 1] = struct.pack('>B', 2)
  elseif filling and #requests > 0
    and (not cleared or struct.unpack('>I8', cleared, (i - 1) * NUMBER_BYTES + 1) < filling) then
    out[#out + 1] = struct.pack('>BI8', 3, gate.rev)
  else
    local judgement, limit = #out + 1, total < 0 and math.huge or total
    if cap >= 0 and cap < limit then limit = cap end
    out[judgement] = ''
    if #requests > 0 then
      local first = #entry + 1
      entry[first] = ''
      local shut = (state == 3 and VERDICT_CLOSED) or (state == 2 and VERDICT_PAUSED)
        or (now < opens and VERDICT_NOT_OPEN) or (now >= closes and VERDICT_ENDED)
      local before, holders = used, nil
      used, holders = judge(
        used, limit, sequence, shut, requests, KEYS[2 + 2 * i], here, now, gate, out, entry)
      if not used then return rolled_back() end
      if used > before then
        local count = used - before
        entry[first] = coupon .. struct.pack('>I8I4', sequence, count)
        accepted, new_holders[#new_holders + 1] = accepted + count, holders
        values[#values + 1], values[#values + 2] = keys[i],
          struct.pack('>BI8I8I8', LAYOUT, used, queued + count, sequence + count)
            .. string.sub(bytes, RECORD_REV)
      end
    end
    out[judgement] = '\0' .. string.sub(bytes, RECORD_REV, RECORD_TOTAL - 1)
      .. string.char(state, (used >= limit and 1 or 0) + 2 * sold_out)
      .. string.sub(bytes, RECORD_OPENS, RECORD_CAP - 1)
  end
end

if accepted > 0 then
  entry[1] = struct.pack('>BI8', ENTRY_VERSION, now)
  -- The first write, because only this one can fail: a queue that has given this id before belongs to a
  -- later state than the gate.
  local added = redis.pcall('XADD', KEYS[2], position(epoch, n), ENTRY_FIELD, table.concat(entry))
  if type(added) == 'table' and added.err then return rolled_back() end
  for i = 1, #new_holders do redis.call(unpack(new_holders[i])) end
  gate.tail, gate.queued = n, gate.queued + accepted
  values[#values + 1], values[#values + 2] = KEYS[1], pack_gate(gate)
  redis.call('MSET', unpack(values))
end

out[1] = struct.pack('>BI8I8I8I8I8', 0, epoch, gate.tail, gate.settled_epoch, gate.settled_n, now)
return table.concat(out)
