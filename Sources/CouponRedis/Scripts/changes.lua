-- What scripts that change a coupon or publish events have in common. `Script.text` (Script.swift) puts it
-- after prelude.lua in every script but the gate.

local function is_fenced(gate, epoch)
  return gate.status == FENCED and gate.epoch == tonumber(epoch)
end

-- Whether this Redis is still in this term (rule 50). Outside a cluster a Redis does not know its term, which
-- is Sentinel's or 0: then the answer is yes.
local function has_term(term)
  if term == '0' then return true end
  local info = redis.pcall('CLUSTER', 'INFO')
  if type(info) ~= 'string' then return true end
  return string.match(info, 'cluster_my_epoch:(%d+)') == term
end

-- The fields of a queue entry as a daemon gets them, and about how many bytes they have. An entry of another
-- program may be larger than any reply that a daemon reads. Then the daemon gets its beginning as the only
-- field, which is a damaged entry (rule 45).
local LARGEST_ENTRY, MOST_WORDS, BEGINNING = 1048576, 1000, 1024
local function readable(fields)
  local bytes = 0
  for i = 1, #fields do bytes = bytes + #fields[i] end
  if bytes <= LARGEST_ENTRY and #fields <= MOST_WORDS then return fields, bytes end
  local name, value = string.sub(fields[1], 1, BEGINNING), string.sub(fields[2], 1, BEGINNING)
  return { name .. value }, BEGINNING
end

-- From the bytes of a record. nil if the coupon is not loaded; false if its record is damaged.
local function unpack_record(key, bytes)
  local used, queued, next_sequence, rev, version, total, state, sold_out, opens, closes, cap,
    cap_version, filling = record_numbers(key, bytes)
  if not used then return used end
  return {
    used = used, queued = queued, next_sequence = next_sequence, rev = rev, version = version,
    total = total, state = state, sold_out = sold_out, opens = opens, closes = closes,
    cap = cap >= 0 and cap or nil, cap_version = cap_version, filling = filling,
  }
end

local function pack_record(r)
  local bytes = struct.pack(RECORD, LAYOUT, r.used, r.queued, r.next_sequence, r.rev, r.version, r.total,
    r.state, r.sold_out, r.opens, r.closes, r.cap or -1, r.cap_version)
  if r.filling then return bytes .. struct.pack('>I8', r.filling) end
  return bytes
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

-- What makes a coupon open or closed to a new user, apart from the time.
local function door_of(r)
  return struct.pack('>BBI8I8', r.state, flags_of(r), r.opens, r.closes)
end

local function read_record(key) return unpack_record(key, get(key)) end

local function write_record(key, r) redis.call('SET', key, pack_record(r)) end

-- The terms of a coupon, as PostgreSQL has committed them:
--   version 8 | total 8, signed | state 1 | sold out 1 | opens 8 | closes 8
-- Applies them if their version is higher (rules 22 and 33). A cap ends only with a version committed after
-- the one under whose lock it was set: an older change that arrives late must not lift it (rule 34).
local function apply_terms(r, bytes, at)
  local version, total, state, sold_out, opens, closes = struct.unpack('>I8i8BBI8I8', bytes, at)
  if version <= r.version then return false end
  r.version, r.total, r.state, r.sold_out = version, total, state, sold_out
  r.opens, r.closes = opens, closes
  if version > r.cap_version then r.cap, r.cap_version = nil, 0 end
  return true
end

-- The caller writes the gate.
local function next_rev(gate)
  gate.rev = gate.rev + 1
  return gate.rev
end

-- Whether an admin is lowering the total, or has left that unfinished; resync ends it.
local function is_capped(r)
  return r.cap and (r.cap_version > r.version or r.cap < r.total)
end

-- Whether no user can be accepted any more, unless an admin changes the coupon.
local function is_finished(r, now)
  return r.sold_out == 1 or r.state == 3 or now >= r.closes
end

-- Whether the coupon may leave Redis (rule 41). One with queued requests must stay. So must one that is
-- capped: the cap would go with it, and the total that is being lowered would be loaded again.
local function may_go(r, now)
  return is_finished(r, now) and r.queued == 0 and not is_capped(r)
end

-- Plans the next check whether a coupon may leave: `retention` milliseconds after it has finished, or will
-- finish; with 0 there is none. The decimal id is cut from the record's key: a number in Lua would round it.
local function plan_check(index_key, record_key, r, now, retention)
  local at = math.huge
  if retention > 0 and is_finished(r, now) then
    at = math.floor(now / 1000) + retention
  elseif retention > 0 and r.closes < 2 ^ 53 then
    at = math.floor(r.closes / 1000) + retention
  end
  -- With an index of another type the coupon stays, but the script goes on.
  redis.pcall('ZADD', index_key, at == math.huge and '+inf' or string.format('%.0f', at),
    string.match(record_key, ':(%d+):record$'))
end

-- Whether a load other than `mine` has claimed a coupon and moved within `timeout` milliseconds.
local function is_claimed(key, mine, now, timeout)
  local claim = get(key)
  if not claim or #claim ~= ID_BYTES + NUMBER_BYTES or string.sub(claim, 1, ID_BYTES) == mine then
    return false
  end
  local moved = struct.unpack('>I8', claim, ID_BYTES + 1)
  return moved <= now and now < moved + timeout * 1000
end

-- A coupon in an event:
--   coupon 8 | rev 8 | version 8 | state 1 | flags 1 | opens 8 | closes 8
local function standing(coupon, r)
  return coupon .. struct.pack('>I8I8', r.rev, r.version) .. door_of(r)
end

-- An event, in the channel coupond:{P}:events:
--   version of this layout 1 | partition 4 | epoch 8 | from: epoch 8, n 8 | to: epoch 8, n 8 | now 8
--   | issued at 8 | resolve 1 | coupons: count 4, then each
--   | rejections: count 4, then each: coupon 8 | sequence 8 | reason 1
local function publish(event, coupons, rejections)
  local partition = string.match(KEYS[1], '{(%d+)}')
  redis.call('PUBLISH', 'coupond:{' .. partition .. '}:events',
    struct.pack('>BI4I8I8I8I8I8I8I8B', EVENT_VERSION, partition, event.epoch, event.from_epoch, event.from_n,
      event.to_epoch, event.to_n, event.now, event.issued_at, event.resolve)
    .. struct.pack('>I4', #coupons) .. table.concat(coupons)
    .. struct.pack('>I4', #rejections) .. table.concat(rejections))
end

-- An event that moves nothing: it says how far the partition is settled, and how coupons stand.
local function publish_standing(gate, now, resolve, coupons)
  publish({ epoch = gate.epoch, from_epoch = gate.settled_epoch, from_n = gate.settled_n,
    to_epoch = gate.settled_epoch, to_n = gate.settled_n, now = now, issued_at = 0,
    resolve = resolve }, coupons, {})
end

-- The last id that a queue ever gave; 0-0 if there is no queue, nil if it is not a stream.
local function last_id(key)
  local info = redis.pcall('XINFO', 'STREAM', key)
  if info.err and string.find(info.err, 'WRONGTYPE') then return nil end
  if info.err and not string.find(info.err, 'no such key') then error(info.err) end
  if info.err then return '0-0' end
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end

-- Whether an id cannot come from a gate.
local function is_foreign(id)
  local epoch, n = string.match(id or '', '^(%d+)-(%d+)$')
  return not epoch or tonumber(epoch) >= LARGEST or tonumber(n) >= LARGEST
end
