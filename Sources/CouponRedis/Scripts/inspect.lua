#!lua flags=no-writes,allow-oom
-- The gate, and what it knows of coupons and of some of their users.
--
-- KEYS  gate, then for each coupon: record, holders
-- ARGV  for each coupon: its users, ID_BYTES each; may be empty
-- Out   status, epoch, settled epoch, settled n, tail, now, replication id of this Redis,
--       then for each coupon:
--         1 if the record is damaged, else 0,
--         nil or { version, rev, used, queued, next sequence, total, state, sold out, opens, closes,
--         cap or nil },
--         one string, for each user 1 byte: 0 no holder, 1 a holder, which follows in
--         HOLDER_BYTES, 2 a damaged one
-- Does  nothing

-- HMGET takes its fields from Lua's stack, which has room for some 8,000.
local FIELDS = 1000

local function holders_of(key, packed)
  local found, users = {}, {}
  for at = 0, #packed - 1, ID_BYTES do
    users[#users + 1] = string.sub(packed, at + 1, at + ID_BYTES)
  end
  for first = 1, #users, FIELDS do
    local last = math.min(first + FIELDS - 1, #users)
    local page = redis.pcall('HMGET', key, unpack(users, first, last))
    for i = first, last do
      local holder = not page.err and page[i - first + 1]
      if page.err or (holder and #holder ~= HOLDER_BYTES) then
        found[i] = '\2'
      else
        found[i] = holder and '\1' .. holder or '\0'
      end
    end
  end
  return table.concat(found)
end

local gate = read_gate()
local answer = { gate.status, gate.epoch, gate.settled_epoch, gate.settled_n, gate.tail, clock(),
  replication_id() }
for i = 1, #ARGV do
  local record = read_record(KEYS[2 * i])
  answer[#answer + 1] = record == false and 1 or 0
  answer[#answer + 1] = record and { record.version, record.rev, record.used, record.queued,
    record.next_sequence, record.total, record.state, record.sold_out, record.opens, record.closes,
    record.cap or false } or false
  answer[#answer + 1] = holders_of(KEYS[2 * i + 1], ARGV[i])
end
return answer
