#!lua flags=no-writes,allow-oom
-- The gate and a part of its queue, in one step (rule 16).
--
-- KEYS  gate, queue
-- ARGV  after (E-n), up to (E-n, or +), most requests, most bytes, most coupons, most entries
-- Out   status, epoch, tail, settled epoch, settled n, beat, install id or nil,
--       last id that the queue ever gave, entries as XRANGE gives them
-- Does  nothing. The entries are of one epoch, and whole unless they are larger than any gate's; the first is
--       always included. A queue that is not a stream counts as empty. An open gate counts as fenced if it
--       could not add to its queue, because that is not a stream or has an id that cannot come from a gate;
--       move.lua repairs that

local gate = read_gate()
local last = last_id(KEYS[2])
local is_stream = last ~= nil
if is_foreign(last) then
  if gate.status == OPEN then gate.status = FENCED end
  last = '0-0'
  local largest = position(LARGEST - 1, LARGEST - 1)
  local newest = is_stream and redis.call('XREVRANGE', KEYS[2], largest, '-', 'COUNT', 100) or {}
  for i = #newest, 1, -1 do
    if not is_foreign(newest[i][1]) then last = newest[i][1] end
  end
end

-- The number of an entry's requests, and its coupons. An entry without ENTRY_VERSION has an earlier layout,
-- with one coupon; a damaged entry counts as whatever it looks like.
local function examine(payload)
  if string.byte(payload) ~= ENTRY_VERSION then
    return math.max(1, math.floor(#payload / REQUEST_BYTES) - 1),
      { string.sub(payload, 2, 1 + ID_BYTES) }
  end
  local requests, coupons, at = 0, {}, ENTRY_HEADER_BYTES
  while at + ENTRY_COUPON_BYTES <= #payload do
    local count = struct.unpack('>I4', payload, at + ENTRY_COUNT)
    if count == 0 then break end
    coupons[#coupons + 1] = string.sub(payload, at + 1, at + ID_BYTES)
    requests, at = requests + count, at + ENTRY_COUPON_BYTES + count * REQUEST_BYTES
  end
  return math.max(1, requests), coupons
end

local room, bytes_left, coupons_left = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local seen = {}

local function add_coupon(coupon)
  if not seen[coupon] then seen[coupon], coupons_left = true, coupons_left - 1 end
end

-- Counts an entry. Most have one coupon only: those need no list of coupons. Thousands of them may be read,
-- while Redis serves nobody else.
local function count_entry(fields)
  local payload = fields[2] or ''
  local start = ENTRY_HEADER_BYTES + ENTRY_COUPON_BYTES
  if #payload > start and string.byte(payload) == ENTRY_VERSION then
    local requests = struct.unpack('>I4', payload, ENTRY_HEADER_BYTES + ENTRY_COUNT)
    if #payload == start + requests * REQUEST_BYTES then
      room = room - requests
      return add_coupon(string.sub(payload, ENTRY_HEADER_BYTES + 1, ENTRY_HEADER_BYTES + ID_BYTES))
    end
  end
  local requests, coupons = examine(payload)
  room = room - requests
  for i = 1, #coupons do add_coupon(coupons[i]) end
end

-- A batch is five full entries or thousands of small ones: so fetch few first, then twice as many each time.
local entries, count, most_entries = {}, 0, tonumber(ARGV[6])
local after, done, chunk_size = ARGV[1], not is_stream, 8
-- The first entry's epoch with its dash. An id that begins so and has at most 15 more digits is valid.
local epoch, plain_bytes = nil, 0
while not done do
  local chunk = redis.call('XRANGE', KEYS[2], '(' .. after, ARGV[2], 'COUNT', chunk_size)
  done = #chunk < chunk_size
  chunk_size = math.min(512, chunk_size * 2)
  for i = 1, #chunk do
    local entry, id = chunk[i], chunk[i][1]
    if #id > plain_bytes or string.sub(id, 1, #epoch) ~= epoch then
      local own = string.match(id, '^%d+-')
      if is_foreign(id) or epoch and own ~= epoch then
        done = true
        break
      end
      epoch, plain_bytes = own, #own + 15
    end
    local fields, bytes = readable(entry[2])
    entry[2], bytes_left = fields, bytes_left - bytes
    count_entry(fields)
    if count == most_entries or count > 0 and (room < 0 or bytes_left < 0 or coupons_left < 0) then
      done = true
      break
    end
    count = count + 1
    entries[count], after = entry, id
  end
end

return { gate.status, gate.epoch, gate.tail, gate.settled_epoch, gate.settled_n,
  gate.beat, gate.install_id ~= '' and gate.install_id, last, entries }
