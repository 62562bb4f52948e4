#!lua flags=allow-oom
-- Fences a gate that is known to be wrong, if it is open; its owner then rebuilds it from the tables and the
-- queue.
--
-- KEYS  gate
-- Out   the last wrong epoch: a gate that opens in a later one was rebuilt. If a rebuild is running already,
--       the epoch before that of the rebuild
-- Does  sets status; keeps the rest, which the rebuild reads

local gate = read_gate()
if gate.status ~= OPEN then return gate.epoch > 0 and gate.epoch - 1 or 0 end
distrust(gate)
return gate.epoch
