#!lua flags=allow-oom
-- Shows that a rebuild makes progress (rule 43): while it does, no other owner begins one.
--
-- KEYS  gate
-- ARGV  epoch
-- Out   1; 0 if the gate is no longer fenced with that epoch
-- Does  raises the beat

local gate = read_gate()
if not is_fenced(gate, ARGV[1]) then return 0 end
gate.beat = gate.beat + 1
write_gate(gate)
return 1
