#!lua flags=allow-oom
-- Copies a part of a queue that has an entry whose id cannot come from a gate, and replaces the queue by
-- the copy when the copy is whole (rule 45). A stream takes only ids above its last one, so no gate can
-- add to such a queue.
--
-- KEYS  gate, queue, copy
-- ARGV  epoch, the last id copied (0-0 at first), the id after which to go on (the cursor at first), most
--       entries, most bytes, the cursor
-- Out   state: 0 the gate is not fenced with that epoch, 1 the queue can be read, 2 more is left; how many
--       entries were left out; the last id copied; the id after which to go on
-- Does  nothing to the queue until the copy is whole. Nothing at all if the copy has another last id than the
--       caller says; then it answers where to go on. So a call that runs twice or late copies nothing twice

local gate = read_gate()
if not is_fenced(gate, ARGV[1]) then return { 0, 0, ARGV[2], ARGV[3] } end

local last = last_id(KEYS[2])
if not last then redis.call('UNLINK', KEYS[2]) end
if not last or not is_foreign(last) then
  redis.call('UNLINK', KEYS[3])
  return { 1, 0, ARGV[2], ARGV[3] }
end
local copied, after = last_id(KEYS[3]), ARGV[3]
if is_foreign(copied) then
  redis.call('UNLINK', KEYS[3])
  copied = '0-0'
end
if copied ~= ARGV[2] then return { 2, 0, copied, copied == '0-0' and ARGV[6] or copied } end

-- After this id there is nothing that XRANGE could look for.
local largest = '18446744073709551615-18446744073709551615'
local room, bytes_left, removed, done = tonumber(ARGV[4]), tonumber(ARGV[5]), 0, false
while not done and room > 0 and bytes_left > 0 do
  local wanted = math.min(50, room)
  local chunk = redis.call('XRANGE', KEYS[2], '(' .. after, '+', 'COUNT', wanted)
  for _, entry in ipairs(chunk) do
    local fields = entry[2]
    after = entry[1]
    for i = 1, #fields do bytes_left = bytes_left - #fields[i] end
    if is_foreign(after) or #fields > 1000 then
      removed = removed + 1
    else
      redis.call('XADD', KEYS[3], after, unpack(fields))
      copied = after
    end
  end
  room, done = room - #chunk, #chunk < wanted or after == largest
end
if not done then return { 2, removed, copied, after } end

redis.call('UNLINK', KEYS[2])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[2]) end
return { 1, removed, copied, after }
