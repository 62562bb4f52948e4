#!lua flags=allow-oom
-- Somebody knows that a gate is wrong: where it is open it is fenced, so that its owner builds it anew from
-- the tables and the queue.
--
-- KEYS  gate
-- Out   the last epoch that will not do: a gate that opens in a later one was built anew. Where a rebuild is
--       under way already that is the epoch before its own
-- Does  sets status; keeps the rest, which the rebuild still reads

local gate = read_gate()
if gate.status ~= OPEN then return gate.epoch > 0 and gate.epoch - 1 or 0 end
distrust(gate)
return gate.epoch
