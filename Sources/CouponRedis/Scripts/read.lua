#!lua flags=no-writes,allow-oom
-- The gate and a part of its queue, in one step (rule 16).
--
-- KEYS  gate, queue
-- ARGV  after (E-n), up to (E-n, or +), most requests, most bytes, most coupons, most entries
-- Out   status, epoch, tail, settled epoch, settled n, beat, install id or nil,
--       last id that the queue ever gave, entries as XRANGE gives them
-- Does  nothing. The entries are whole and of one epoch; the first is always included. A queue that is
--       not a stream counts as empty. An open gate counts as fenced if it could not add to its queue,
--       because that is not a stream or has an id that no gate gives; fence.lua repairs that

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

-- The bytes of an entry, its requests, and its coupons. Entries of one coupon are of an earlier layout; a
-- damaged entry counts as whatever it looks like.
local function examine(entry)
  local bytes, payload = 0, entry[2][2]
  for _, field in ipairs(entry[2]) do bytes = bytes + #field end
  if string.byte(payload) ~= ENTRY_VERSION then
    return bytes, math.max(1, math.floor(#payload / REQUEST_BYTES) - 1),
      { string.sub(payload, 2, 1 + ID_BYTES) }
  end
  local requests, coupons, at = 0, {}, ENTRY_HEADER_BYTES
  while at + ENTRY_COUPON_BYTES <= #payload do
    local count = struct.unpack('>I4', payload, at + ENTRY_COUNT)
    if count == 0 then break end
    coupons[#coupons + 1] = string.sub(payload, at + 1, at + ID_BYTES)
    requests, at = requests + count, at + ENTRY_COUPON_BYTES + count * REQUEST_BYTES
  end
  return bytes, math.max(1, requests), coupons
end

-- A batch is five full entries or thousands of small ones: so fetch few first, then twice as many each time.
local entries, room, bytes_left, epoch = {}, tonumber(ARGV[3]), tonumber(ARGV[4]), nil
local seen, coupons_left, most_entries = {}, tonumber(ARGV[5]), tonumber(ARGV[6])
local after, done, chunk_size = '(' .. ARGV[1], not is_stream, 8
while not done do
  local chunk = redis.call('XRANGE', KEYS[2], after, ARGV[2], 'COUNT', chunk_size)
  done = #chunk < chunk_size
  chunk_size = math.min(512, chunk_size * 2)
  for _, entry in ipairs(chunk) do
    local bytes, requests, coupons = examine(entry)
    local entry_epoch = string.match(entry[1], '^%d+')
    room, bytes_left = room - requests, bytes_left - bytes
    for _, coupon in ipairs(coupons) do
      if not seen[coupon] then coupons_left = coupons_left - 1 end
      seen[coupon] = true
    end
    if is_foreign(entry[1]) or epoch and (entry_epoch ~= epoch or room < 0 or bytes_left < 0
      or coupons_left < 0 or #entries == most_entries) then
      done = true
      break
    end
    epoch = entry_epoch
    entries[#entries + 1] = entry
    after = '(' .. entry[1]
  end
end

return { gate.status, gate.epoch, gate.tail, gate.settled_epoch, gate.settled_n,
  gate.beat, gate.install_id ~= '' and gate.install_id, last, entries }
