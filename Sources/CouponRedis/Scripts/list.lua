#!lua flags=no-writes,allow-oom
-- Some of what a key of coupond has, without what only another program can have written there: that may be
-- larger than any reply that a daemon reads, and would stop the partition.
--
-- KEYS  holders, the coupons of an epoch, or the epochs
-- ARGV  what: holders, coupons, first coupons, or epochs; where to go on (0 at first); how many, about
-- Out   where to go on, 0 if all was read; what was found: users and holders in turn, coupons and times in
--       turn, coupons, or epochs. A key of another type has nothing
-- Does  nothing

local what, place, limit = ARGV[1], ARGV[2], ARGV[3]
local reply, step = nil, 1
if what == 'holders' then
  reply, step = redis.pcall('HSCAN', KEYS[1], place, 'COUNT', limit), 2
elseif what == 'coupons' then
  reply, step = redis.pcall('ZSCAN', KEYS[1], place, 'COUNT', limit), 2
elseif what == 'first coupons' then
  reply = redis.pcall('ZRANGE', KEYS[1], '0', limit - 1)
else
  reply = redis.pcall('SMEMBERS', KEYS[1])
end
if reply.err then
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then return reply end
  return { '0', {} }
end

-- Nothing that a daemon writes is longer than a holder, and no list is longer than this.
local LONGEST, MOST = HOLDER_BYTES, 100000
local all, found = step == 2 and reply[2] or reply, {}
for i = 1, #all, step do
  if #found < MOST and #all[i] <= LONGEST and (step == 1 or #all[i + 1] <= LONGEST) then
    for at = i, i + step - 1 do found[#found + 1] = all[at] end
  end
end
return { step == 2 and reply[1] or '0', found }
