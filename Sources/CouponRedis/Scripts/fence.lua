#!lua flags=allow-oom
-- Stops a gate before it is rebuilt (rule 27): from here nothing is accepted and nobody drains.
--
-- KEYS  gate
-- ARGV  epoch, install id
-- Out   1; 0 where the gate has this epoch or a later one; -1 where it belongs to another
--       installation (hole 34)
-- Does  sets status, epoch and install id; keeps the rest, which the rebuild still reads

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if gate.install_id and gate.install_id ~= ARGV[2] then return -1 end
if gate.status ~= 'missing' and gate.epoch >= epoch then return 0 end
redis.call('HSET', KEYS[1], 'status', 'fenced', 'epoch', epoch, 'install_id', ARGV[2])
return 1
