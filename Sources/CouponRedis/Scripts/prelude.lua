-- What every script knows of a partition's gate and of a coupon's record. Put after the first line
-- of each script before it is loaded, so that a field or a layout is written down once.
--
-- Keys of partition P, all with one hash tag, so that a script touches one slot:
--   coupond:{P}:gate         hash: status open|fenced, epoch, tail, settled_epoch, settled_n,
--                            queued, load_token, rev, install_id
--   coupond:{P}:queue        stream: ids E-n, one field `e` (drawn in gate.lua)
--   coupond:{P}:E:C:record   hash of coupon C in epoch E: the fields of read_record
--   coupond:{P}:E:C:holders  hash of coupon C in epoch E: 8 bytes of user -> 43 bytes:
--     kind 1 | reason 1 | sequence 8 | epoch 8 | n 8 | request id: length 1, bytes 16 zero-padded
--     kind: 1 accepted, 2 rejected (the slot is free again), 3 dead letter (the slot is kept)
-- Integers are big-endian. Ids are opaque bytes, never numbers: above 2^53 Lua would round them to
-- somebody else's (hole 30). Numbers stay below 2^53; redis.call writes those exactly, `..`
-- does not.
--
-- `rev` of the gate counts every change of openness in the partition and never falls; a record's
-- rev is the count at its last change. So a coupon that is loaded again has a higher rev than
-- ever before.

local STATUS = { missing = 0, fenced = 1, open = 2 }

local function read_gate()
  local v = redis.call('HMGET', KEYS[1], 'status', 'epoch', 'tail', 'settled_epoch', 'settled_n',
    'queued', 'load_token', 'rev', 'install_id')
  return {
    status = v[1] or 'missing', epoch = tonumber(v[2] or 0), tail = tonumber(v[3] or 0),
    settled_epoch = tonumber(v[4] or 0), settled_n = tonumber(v[5] or 0),
    queued = tonumber(v[6] or 0), load_token = tonumber(v[7] or 0), rev = tonumber(v[8] or 0),
    install_id = v[9],
  }
end

local function is_open(gate, epoch)
  return gate.status == 'open' and gate.epoch == tonumber(epoch)
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

-- nil where the coupon is not loaded. A total of -1 is unlimited; an absent cap is none.
local function read_record(key)
  local v = redis.call('HMGET', key, 'version', 'total', 'state', 'opens', 'closes', 'sold_out',
    'used', 'queued', 'next_sequence', 'rev', 'cap', 'cap_version')
  if not v[1] then return nil end
  return {
    version = tonumber(v[1]), total = tonumber(v[2]), state = tonumber(v[3]),
    opens = tonumber(v[4]), closes = tonumber(v[5]), sold_out = tonumber(v[6]),
    used = tonumber(v[7]), queued = tonumber(v[8]), next_sequence = tonumber(v[9]),
    rev = tonumber(v[10]), cap = tonumber(v[11] or ''), cap_version = tonumber(v[12] or 0),
  }
end

local function write_record(key, r)
  redis.call('HSET', key, 'version', r.version, 'total', r.total, 'state', r.state,
    'opens', r.opens, 'closes', r.closes, 'sold_out', r.sold_out, 'used', r.used,
    'queued', r.queued, 'next_sequence', r.next_sequence, 'rev', r.rev)
  if r.cap then
    redis.call('HSET', key, 'cap', r.cap, 'cap_version', r.cap_version)
  else
    redis.call('HDEL', key, 'cap', 'cap_version')
  end
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

local function next_rev()
  return redis.call('HINCRBY', KEYS[1], 'rev', 1)
end

-- A finished coupon with nothing queued need not stay (rule 32); any other must. The load token is
-- raised beforehand: whoever read it while the coupon was here must not load it once it is gone.
local function keep_or_expire(record_key, holders_key, r, now, retention)
  if r.sold_out == 1 and r.queued == 0 and retention > 0 then
    local at = math.floor(now / 1000) + retention
    redis.call('PEXPIREAT', record_key, at)
    redis.call('PEXPIREAT', holders_key, at)
    redis.call('HINCRBY', KEYS[1], 'load_token', 1)
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
