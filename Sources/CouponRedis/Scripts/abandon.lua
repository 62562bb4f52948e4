#!lua flags=allow-oom
-- Ends an abandoned load, and removes what it has staged.
--
-- KEYS  claim, staged
-- ARGV  load (ID_BYTES)
-- Out   1; 0 if the claim belongs to another load
-- Does  unlinks both keys

local claim = get(KEYS[1])
if not claim or string.sub(claim, 1, ID_BYTES) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
