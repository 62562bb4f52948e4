#!lua flags=allow-oom
-- Publishes how far the partition is settled (rule 24): a missed event shows as a gap.
--
-- KEYS  gate
-- ARGV  epoch
-- Out   1; 0 if the gate is not open in that epoch
-- Does  publishes an event that moves nothing

local gate = read_gate()
if not is_open(gate, ARGV[1]) then return 0 end
publish_standing(gate, clock(), 0, {})
return 1
