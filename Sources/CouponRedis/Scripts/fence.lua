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
if gate.install_id ~= '' and gate.install_id ~= ARGV[2] then return -1 end
if gate.status ~= MISSING and gate.epoch >= epoch then return 0 end
gate.status, gate.epoch, gate.install_id = FENCED, epoch, ARGV[2]
write_gate(gate)
return 1
