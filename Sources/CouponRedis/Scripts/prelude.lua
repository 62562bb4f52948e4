-- What every script knows of a partition's gate and of a coupon's record. `Script.text` (Script.swift) puts
-- it after the first line of each script before the script is loaded. Each run of a script makes the
-- functions again, so those that the gate does not need are in changes.lua.
--
-- Names in capitals that no script defines are constants of Swift: lengths (ID_BYTES, HOLDER_BYTES, ...) and
-- offsets (HOLDER_PLACE, REJECTION_USER, ...), all listed in Bytes/Layout.swift. `Script.text` replaces them
-- by their values. An offset is that of a field's first byte, counted from 1. In an argument with many
-- records `at` is the number of bytes before a record: a field begins at `at + OFFSET`.
--
-- Keys of partition P, all with one hash tag, so a script touches one hash slot:
--   coupond:{P}:gate         string: layout 1 (3) | status 1 (0 missing, 1 fenced, 2 open) | epoch 8
--                            | tail 8 | settled: epoch 8, n 8; while the gate is fenced, how far a
--                            rebuild has counted the queue | queued 8 | beat 8: rises while a rebuild
--                            moves, 0 if none runs | rev 8 | install id
--   coupond:{P}:queue        stream: ids E-n, one field ENTRY_FIELD (see gate.lua)
--   coupond:{P}:queue:copy   stream: what a rebuild has copied of a queue that has a foreign id (rule 45)
--   coupond:{P}:epochs       set: the epochs that have keys
--   coupond:{P}:E:coupons    sorted set: the coupons that have keys in epoch E, by the time
--                            (milliseconds) of the next check whether they may go (rule 41)
--   coupond:{P}:E:C:record   string of coupon C in epoch E: layout 1 (3) | used 8 | queued 8
--                            | next sequence 8 | rev 8 | version 8 | total 8, -1 is unlimited | state 1
--                            | sold out 1 | opens 8 | closes 8 | cap 8, -1 is none | cap version 8
--                            | only while the coupon is filling: the rev of its load 8
--   coupond:{P}:E:C:holders  hash of coupon C in epoch E: user (ID_BYTES) -> HOLDER_BYTES:
--     kind 1 | reason 1 | sequence 8 | epoch 8 | n 8 | request id: length 1, bytes 16 zero-padded
--     kind: 1 accepted, 2 rejected (the slot is free again), 3 dead letter (the slot is kept); a later
--     layout will have other kinds
--   coupond:{P}:E:C:staged   hash: holders that a load has written so far
--   coupond:{P}:E:C:claim    string: which load may write them: number 8 | last moved, microseconds 8
--   coupond:{P}:replicas     string, always empty; only in a cluster with redis-wait-replicas. It is written
--                            before each WAIT, so there is something to wait for
-- Integers are big-endian. Ids are opaque bytes, never numbers: above 2^53 Lua would round them to another
-- id. Numbers stay below 2^53; redis.call writes those exactly, `..` does not. Gate and record are one
-- string each, because every call of the gate reads and writes both: fields of a hash would be found one
-- by one.
--
-- A value that cannot be read (another type, length or layout, an unknown status or state, a number above
-- 2^53) is damaged. A damaged gate counts as missing. A damaged record or holder fences the gate. Both lead
-- to a rebuild, which writes everything again.
-- Nothing here expires by itself: Redis would stop for half a second for each million holders.
--
-- `rev` of the gate never falls. It rises when a coupon of the partition is loaded, removed, opened, closed
-- or gets new terms; a record keeps the number that this gave it. So a coupon that is loaded again has a
-- higher rev than before.

local MISSING, FENCED, OPEN = 0, 1, 2
-- Numbers up to here are exact in Lua; no gate counts further.
local LARGEST = 2 ^ 53
local GATE, GATE_BYTES, LAYOUT = '>BBI8I8I8I8I8I8I8', 58, 3
-- An install id is a UUID, and a longer one is of another program: it must not make replies too large.
local LONGEST_GATE = GATE_BYTES + 64

-- A string's bytes; nil if there is none, or if the key has another type.
local function get(key)
  local bytes = redis.pcall('GET', key)
  return type(bytes) == 'string' and bytes or nil
end

-- All zeros if it is missing or damaged.
local function read_gate()
  local bytes = get(KEYS[1])
  local layout, kind = string.byte(bytes or '', 1, 2)
  if not bytes or #bytes < GATE_BYTES or #bytes > LONGEST_GATE or layout ~= LAYOUT
    or kind < FENCED or kind > OPEN then
    bytes = string.char(LAYOUT) .. string.rep('\0', GATE_BYTES - 1)
  end
  local _, status, epoch, tail, settled_epoch, settled_n, queued, beat, rev =
    struct.unpack(GATE, bytes)
  if math.max(epoch, tail, settled_epoch, settled_n, queued, beat, rev) > LARGEST then
    status, epoch, tail, settled_epoch, settled_n, queued, beat, rev, bytes = MISSING, 0, 0, 0, 0, 0, 0, 0, ''
  end
  return {
    status = status, epoch = epoch, tail = tail, settled_epoch = settled_epoch,
    settled_n = settled_n, queued = queued, beat = beat, rev = rev,
    install_id = string.sub(bytes, GATE_BYTES + 1),
  }
end

local function pack_gate(g)
  return struct.pack(GATE, LAYOUT, g.status, g.epoch, g.tail, g.settled_epoch, g.settled_n, g.queued,
    g.beat, g.rev) .. g.install_id
end

local function write_gate(g) redis.call('SET', KEYS[1], pack_gate(g)) end

-- From here nothing is accepted, and the gate's owner rebuilds it.
local function distrust(gate)
  gate.status, gate.beat = FENCED, 0
  write_gate(gate)
end

local function is_open(gate, epoch)
  return gate.status == OPEN and gate.epoch == tonumber(epoch)
end

-- Changes when Redis becomes a replica and when it is promoted; its data may have gone back.
local function replication_id()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

-- Microseconds since 1970, by the gate's clock.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local RECORD, RECORD_BYTES = '>BI8I8I8I8I8i8BBI8I8i8I8', 83

-- The numbers of a record in the order of its bytes, from used on. The first is nil if the coupon is not
-- loaded, and false if its record is damaged. Not a table, because the gate runs so often.
local function record_numbers(key, bytes)
  if not bytes and redis.call('EXISTS', key) == 0 then return nil end
  if not bytes or string.byte(bytes) ~= LAYOUT then return false end
  local filling
  if #bytes == RECORD_BYTES + NUMBER_BYTES then
    filling = struct.unpack('>I8', bytes, RECORD_BYTES + 1)
  elseif #bytes ~= RECORD_BYTES then
    return false
  end
  local _, used, queued, next_sequence, rev, version, total, state, sold_out, opens, closes, cap,
    cap_version = struct.unpack(RECORD, bytes)
  if state < 1 or state > 3 or sold_out > 1
    or math.max(used, queued, next_sequence, rev, version, opens, closes) > LARGEST then
    return false
  end
  return used, queued, next_sequence, rev, version, total, state, sold_out, opens, closes, cap,
    cap_version, filling
end

local function position(epoch, n)
  return string.format('%.0f-%.0f', epoch, n)
end
