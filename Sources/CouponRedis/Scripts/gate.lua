#!lua
-- The gate: accepts or refuses requests for one coupon, in order (rules 11 to 13).
--
-- KEYS  gate, queue, record, holders
-- ARGV  epoch, floor (the highest n of that epoch that the daemon has seen), coupon (ID_BYTES),
--       backlog limits of a coupon and of a partition, requests, GATE_REQUEST_BYTES each:
--         user 8 | request id 17 | not after, microseconds 8;
--       replication id of the Redis for which the epoch was handed out
-- Out   one string; its first byte says what follows:
--   0 judged: epoch 8 | tail 8 | settled: epoch 8, n 8 | rev 8 | version 8 | now 8
--       | state 1 | flags 1 | opens 8 | closes 8 | for each request a verdict of VERDICT_BYTES:
--         code 1 | reason or holder state 1 | sequence 8 | position: epoch 8, n 8
--   1 STALE: status 1 | epoch 8    2 ROLLED_BACK    3 NOT_LOADED: rev 8 | now 8    4 EXHAUSTED
-- Does  writes one queue entry, the holders and the counters of what it accepts. Otherwise writes nothing,
--       except that the gate fences itself if it is behind the daemon's floor, or in a Redis that was a
--       replica in between: it has gone back, and would give the same places again. It does so too if a
--       record or a holder is damaged. All checks come before the first write, and a full Redis refuses
--       the whole script: no flag allow-oom here
--
-- A queue entry has one field, ENTRY_FIELD:
--   version of this layout 1 | coupon 8 | first sequence 8 | accepted at, microseconds 8
--   | for each request REQUEST_BYTES: user 8 | request id 17

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if not is_open(gate, epoch) then
  return struct.pack('>BBI8', 1, gate.status, gate.epoch)
end

local function rolled_back()
  distrust(gate)
  return struct.pack('>B', 2)
end

if gate.tail < tonumber(ARGV[2]) or replication_id() ~= ARGV[7] then return rolled_back() end
local record = read_record(KEYS[3])
if record == false then return rolled_back() end
if not record then return struct.pack('>BI8I8', 3, gate.rev, clock()) end

local coupon, requests = ARGV[3], ARGV[6]
local count = #requests / GATE_REQUEST_BYTES
if count > 0
  and (record.queued >= tonumber(ARGV[4]) or gate.queued >= tonumber(ARGV[5])) then
  return struct.pack('>B', 4)
end

local ACCEPTED, REPLAYED, DUPLICATE, REJECTED, SOLD_OUT = 0, 1, 2, 3, 4
local NOT_OPEN, ENDED, PAUSED, CLOSED, EXPIRED = 5, 6, 7, 8, 9
local QUEUED, ISSUED, ENDED_UNISSUED = 1, 2, 3
local NO_DETAILS = string.rep('\0', VERDICT_BYTES - 1)

local now = clock()
local limit = limit_of(record)
local shut = (record.state == 3 and CLOSED) or (record.state == 2 and PAUSED)
  or (now < record.opens and NOT_OPEN) or (now >= record.closes and ENDED)
local here = struct.pack('>I8I8', epoch, gate.tail + 1)
local first_sequence = record.next_sequence

-- The verdict for a known user; nil if the request is judged as a new one.
local function judge_known(holder, request_id)
  local kind = string.byte(holder, 1)
  local same = string.sub(holder, HOLDER_REQUEST_ID) == request_id
  local place = string.sub(holder, HOLDER_PLACE, HOLDER_REQUEST_ID - 1)
  if same then
    if kind == 1 then return string.char(REPLAYED, 0) .. place end
    return string.char(REJECTED, string.byte(holder, 2)) .. place
  end
  if kind == 2 then return nil end
  local state = ENDED_UNISSUED
  if kind == 1 then
    local e, n = struct.unpack('>I8I8', holder, HOLDER_POSITION)
    local settled = e < gate.settled_epoch or (e == gate.settled_epoch and n <= gate.settled_n)
    state = settled and ISSUED or QUEUED
  end
  return string.char(DUPLICATE, state) .. place
end

local users, held = {}, {}
for i = 1, count do
  local at = (i - 1) * GATE_REQUEST_BYTES
  users[i] = string.sub(requests, at + 1, at + ID_BYTES)
end
if count > 0 then held = redis.pcall('HMGET', KEYS[4], unpack(users)) end
if held.err then return rolled_back() end

-- The gate spends most of its time in this loop, so it looks nothing up and makes no string twice.
local pack, unpack_from = struct.pack, struct.unpack
local accepted_verdict, accepted_holder = string.char(ACCEPTED, 0), string.char(1, 0)
local used, sequence = record.used, record.next_sequence
local verdicts, accepted, holders, known = {}, {}, { 'HSET', KEYS[4] }, {}
for i = 1, count do
  local user = users[i]
  local request_id, not_after = unpack_from(
    GATE_REQUEST_FORMAT, requests, (i - 1) * GATE_REQUEST_BYTES + GATE_REQUEST_ID)
  local holder = known[user] or held[i]
  if holder and #holder ~= HOLDER_BYTES then return rolled_back() end
  local verdict = holder and judge_known(holder, request_id)
  if now > not_after then
    verdicts[i] = string.char(EXPIRED) .. NO_DETAILS
  elseif verdict then
    verdicts[i] = verdict
  elseif shut then
    verdicts[i] = string.char(shut) .. NO_DETAILS
  elseif used >= limit then
    verdicts[i] = string.char(SOLD_OUT) .. NO_DETAILS
  else
    local packed = pack('>I8', sequence)
    local value = accepted_holder .. packed .. here .. request_id
    verdicts[i] = accepted_verdict .. packed .. here
    accepted[#accepted + 1] = user .. request_id
    holders[#holders + 1], holders[#holders + 2] = user, value
    known[user] = value
    used, sequence = used + 1, sequence + 1
  end
end
record.used, record.next_sequence = used, sequence

if #accepted > 0 then
  local n = gate.tail + 1
  local entry = string.char(ENTRY_VERSION) .. coupon .. struct.pack('>I8I8', first_sequence, now)
    .. table.concat(accepted)
  -- The first write, because only this one can fail: a queue that has given this id before belongs to a
  -- later state than the gate.
  local added = redis.pcall('XADD', KEYS[2], position(epoch, n), ENTRY_FIELD, entry)
  if type(added) == 'table' and added.err then return rolled_back() end
  redis.call(unpack(holders))
  record.queued = record.queued + #accepted
  write_record(KEYS[3], record)
  gate.tail, gate.queued = n, gate.queued + #accepted
  write_gate(gate)
end

return struct.pack('>BI8I8I8I8I8I8I8', 0, epoch, gate.tail, gate.settled_epoch, gate.settled_n,
  record.rev, record.version, now) .. door_of(record) .. table.concat(verdicts)
