#!lua flags=no-writes,allow-oom
-- The gate and a part of its queue, in one step (rule 16).
--
-- KEYS  gate, queue
-- ARGV  after (E-n), up to (E-n, or +), most requests, most bytes, most coupons, most entries
-- Out   status, epoch, tail, settled epoch, settled n, beat, install id or nil,
--       last id that the queue ever gave, entries as XRANGE gives them
-- Does  nothing. Entries of one epoch only, whole ones; the first always comes. A queue that is no
--       stream is empty

local gate = read_gate()
local last = '0-0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[2])
if not info.err then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end

-- Requests in an entry, as far as its length tells, and its bytes.
local function size_of(entry)
  local bytes = 0
  for _, part in ipairs(entry[2]) do bytes = bytes + #part end
  return math.max(1, math.floor((bytes - 26) / 25)), bytes
end

-- Five full entries make a batch, or thousands of small ones: few are fetched first, then twice as many.
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
    local coupon = string.sub(entry[2][2], 2, 9)
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
