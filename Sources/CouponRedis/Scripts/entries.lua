#!lua flags=no-writes,allow-oom
-- A part of a queue, for a rebuild (rule 45).
--
-- KEYS  queue
-- ARGV  after (E-n), most entries, most bytes, about
-- Out   entries of any epoch as XRANGE gives them, whole unless they are larger than any gate's; one at least
--       if there is one
-- Does  nothing

-- So many entries of another program fit in one reply.
local AT_ONCE = 16

local entries, after, room, bytes_left = {}, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
while room > 0 and bytes_left > 0 do
  local wanted = math.min(AT_ONCE, room)
  local chunk = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', wanted)
  for i = 1, #chunk do
    local fields, bytes = readable(chunk[i][2])
    after, bytes_left = chunk[i][1], bytes_left - bytes
    entries[#entries + 1] = { after, fields }
  end
  -- Nothing is read after an id that cannot come from a gate.
  room = (#chunk < wanted or is_foreign(after)) and 0 or room - #chunk
end
return entries
