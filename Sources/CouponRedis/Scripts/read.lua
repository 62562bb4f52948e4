#!lua flags=no-writes,allow-oom
-- The gate and a part of its queue, in one step (rule 16).
--
-- KEYS  gate, queue
-- ARGV  after (E-n), up to (E-n, or +), most requests, most bytes, most coupons, most entries
-- Out   status, epoch, tail, settled epoch, settled n, beat, install id or nil,
--       last id that the queue ever gave, entries as XRANGE gives them
-- Does  nothing. The entries are whole and of one epoch; the first is always included. A queue that is
--       not a stream counts as empty

local gate = read_gate()
local last = '0-0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[2])
if not info.err then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end

-- How many requests an entry has, judged by its length, and how many bytes.
local function size_of(entry)
  local bytes = 0
  for _, part in ipairs(entry[2]) do bytes = bytes + #part end
  local requests = math.floor((bytes - #ENTRY_FIELD - ENTRY_HEADER_BYTES) / REQUEST_BYTES)
  return math.max(1, requests), bytes
end

-- A batch is five full entries or thousands of small ones: so fetch few first, then twice as many each time.
local entries, room, bytes_left, epoch = {}, tonumber(ARGV[3]), tonumber(ARGV[4]), nil
local seen, coupons_left, most_entries = {}, tonumber(ARGV[5]), tonumber(ARGV[6])
local after, done, chunk_size = '(' .. ARGV[1], info.err, 8
while not done do
  local chunk = redis.call('XRANGE', KEYS[2], after, ARGV[2], 'COUNT', chunk_size)
  done = #chunk < chunk_size
  chunk_size = math.min(512, chunk_size * 2)
  for _, entry in ipairs(chunk) do
    local requests, bytes = size_of(entry)
    local entry_epoch = string.match(entry[1], '^%d+')
    local coupon = string.sub(entry[2][2], ENTRY_COUPON, ENTRY_COUPON + ID_BYTES - 1)
    room, bytes_left = room - requests, bytes_left - bytes
    if not seen[coupon] then coupons_left = coupons_left - 1 end
    seen[coupon] = true
    if epoch and (entry_epoch ~= epoch or room < 0 or bytes_left < 0 or coupons_left < 0
      or #entries == most_entries) then
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
