-- What every script knows of a partition's gate and of a coupon's record. Put after the first line
-- of each script before it is loaded, so that a field or a layout is written down once.
--
-- Keys of partition P, all with one hash tag, so that a script touches one slot:
--   coupond:{P}:gate         string: status 1 (0 missing, 1 fenced, 2 open) | epoch 8 | tail 8
--                            | settled: epoch 8, n 8 | queued 8 | load token 8 | rev 8 | install id
--   coupond:{P}:queue        stream: ids E-n, one field `e` (drawn in gate.lua)
--   coupond:{P}:E:C:record   string of coupon C in epoch E: used 8 | queued 8 | next sequence 8
--                            | rev 8 | version 8 | total 8, -1 is unlimited | state 1 | sold out 1
--                            | opens 8 | closes 8 | cap 8, -1 is none | cap version 8
--   coupond:{P}:E:C:holders  hash of coupon C in epoch E: 8 bytes of user -> 43 bytes:
--     kind 1 | reason 1 | sequence 8 | epoch 8 | n 8 | request id: length 1, bytes 16 zero-padded
--     kind: 1 accepted, 2 rejected (the slot is free again), 3 dead letter (the slot is kept)
-- Integers are big-endian. Ids are opaque bytes, never numbers: above 2^53 Lua would round them to
-- somebody else's (hole 30). Numbers stay below 2^53; redis.call writes those exactly, `..`
-- does not. Gate and record are one string each, since every call of the gate reads and writes both:
-- fields of a hash would be found one by one.
--
-- `rev` of the gate counts every change of openness in the partition and never falls; a record's
-- rev is the count at its last change. So a coupon that is loaded again has a higher rev than
-- ever before.

local MISSING, FENCED, OPEN = 0, 1, 2
local GATE, GATE_BYTES = '>BI8I8I8I8I8I8I8', 57

-- All zeros where it is missing.
local function read_gate()
  local bytes = redis.call('GET', KEYS[1]) or string.rep('\0', GATE_BYTES)
  local status, epoch, tail, settled_epoch, settled_n, queued, load_token, rev =
    struct.unpack(GATE, bytes)
  return {
    status = status, epoch = epoch, tail = tail, settled_epoch = settled_epoch,
    settled_n = settled_n, queued = queued, load_token = load_token, rev = rev,
    install_id = string.sub(bytes, GATE_BYTES + 1),
  }
end

local function write_gate(g)
  redis.call('SET', KEYS[1], struct.pack(GATE, g.status, g.epoch, g.tail, g.settled_epoch,
    g.settled_n, g.queued, g.load_token, g.rev) .. g.install_id)
end

local function is_open(gate, epoch)
  return gate.status == OPEN and gate.epoch == tonumber(epoch)
end

-- Changes whenever Redis becomes a replica, and when it is none any more: its data may be older then.
local function replication_id()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

-- Microseconds since 1970, by the gate's clock.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local RECORD = '>I8I8I8I8I8i8BBI8I8i8I8'

-- nil where the coupon is not loaded.
local function read_record(key)
  local bytes = redis.call('GET', key)
  if not bytes then return nil end
  local used, queued, next_sequence, rev, version, total, state, sold_out, opens, closes, cap,
    cap_version = struct.unpack(RECORD, bytes)
  return {
    used = used, queued = queued, next_sequence = next_sequence, rev = rev, version = version,
    total = total, state = state, sold_out = sold_out, opens = opens, closes = closes,
    cap = cap >= 0 and cap or nil, cap_version = cap_version,
  }
end

local function write_record(key, r)
  redis.call('SET', key, struct.pack(RECORD, r.used, r.queued, r.next_sequence, r.rev, r.version,
    r.total, r.state, r.sold_out, r.opens, r.closes, r.cap or -1, r.cap_version), 'KEEPTTL')
end

-- How many slots may be used.
local function limit_of(r)
  local limit = r.total
  if limit < 0 then limit = math.huge end
  if r.cap and r.cap < limit then limit = r.cap end
  return limit
end

-- Bit 0: every slot is used. Bit 1: all of the total is committed.
local function flags_of(r)
  return (r.used >= limit_of(r) and 1 or 0) + 2 * r.sold_out
end

-- All that makes a coupon open or closed to a new user, but the clock.
local function door_of(r)
  return struct.pack('>BBI8I8', r.state, flags_of(r), r.opens, r.closes)
end

-- A coupon as PostgreSQL has it, 34 bytes:
--   version 8 | total 8, signed | state 1 | sold out 1 | opens 8 | closes 8
-- Takes it if its version is higher (rule 22, 33). A cap goes only with a version committed after
-- the one under whose lock it was set: an older change still on its way must not lift it (rule 34).
local function take_coupon(r, bytes, at)
  local version, total, state, sold_out, opens, closes = struct.unpack('>I8i8BBI8I8', bytes, at)
  if version <= r.version then return false end
  r.version, r.total, r.state, r.sold_out = version, total, state, sold_out
  r.opens, r.closes = opens, closes
  if version > r.cap_version then r.cap, r.cap_version = nil, 0 end
  return true
end

-- To be written with the gate.
local function next_rev(gate)
  gate.rev = gate.rev + 1
  return gate.rev
end

-- Whether a lowering may be under way, or was left unfinished; `retell` ends that.
local function is_capped(r)
  return r.cap and (r.cap_version > r.version or r.cap < r.total)
end

-- A finished coupon with nothing queued need not stay (rule 32). Any other must, and so must one that
-- is capped: the cap would go with it, and the total that is being lowered would be loaded anew. The
-- load token is raised with it: whoever read it while the coupon was here must not load it once it is
-- gone. The gate is to be written afterwards.
local function keep_or_expire(gate, record_key, holders_key, r, now, retention)
  if r.sold_out == 1 and r.queued == 0 and not is_capped(r) and retention > 0 then
    local at = math.floor(now / 1000) + retention
    redis.call('PEXPIREAT', record_key, at)
    redis.call('PEXPIREAT', holders_key, at)
    gate.load_token = gate.load_token + 1
  else
    redis.call('PERSIST', record_key)
    redis.call('PERSIST', holders_key)
  end
end

-- A coupon in an event, 42 bytes:
--   coupon 8 | rev 8 | version 8 | state 1 | flags 1 | opens 8 | closes 8
local function standing(coupon, r)
  return coupon .. struct.pack('>I8I8', r.rev, r.version) .. door_of(r)
end

-- An event, in the channel coupond:{P}:events:
--   layout 1 | partition 4 | epoch 8 | from: epoch 8, n 8 | to: epoch 8, n 8 | now 8 | issued at 8
--   | resolve 1 | coupons: count 4, then 42 bytes each | rejections: count 4, then 17 bytes each:
--     coupon 8 | sequence 8 | reason 1
local function publish(event, coupons, rejections)
  local partition = string.match(KEYS[1], '{(%d+)}')
  redis.call('PUBLISH', 'coupond:{' .. partition .. '}:events',
    struct.pack('>BI4I8I8I8I8I8I8I8B', 1, partition, event.epoch, event.from_epoch, event.from_n,
      event.to_epoch, event.to_n, event.now, event.issued_at, event.resolve)
    .. struct.pack('>I4', #coupons) .. table.concat(coupons)
    .. struct.pack('>I4', #rejections) .. table.concat(rejections))
end

-- An event that moves nothing: it tells how far the partition is settled, and how coupons stand.
local function publish_standing(gate, now, resolve, coupons)
  publish({ epoch = gate.epoch, from_epoch = gate.settled_epoch, from_n = gate.settled_n,
    to_epoch = gate.settled_epoch, to_n = gate.settled_n, now = now, issued_at = 0,
    resolve = resolve }, coupons, {})
end

local function position(epoch, n)
  return string.format('%.0f-%.0f', epoch, n)
end
