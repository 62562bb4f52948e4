#!lua flags=allow-oom
-- A load does not go on: what it has staged goes.
--
-- KEYS  claim, staged
-- ARGV  load (8 bytes)
-- Out   1; 0 where the claim is another's
-- Does  unlinks both keys

local claim = get(KEYS[1])
if not claim or string.sub(claim, 1, 8) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
