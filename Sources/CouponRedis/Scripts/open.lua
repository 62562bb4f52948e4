#!lua flags=allow-oom
-- Opens a rebuilt gate (rule 31).
--
-- KEYS  gate, queue
-- ARGV  epoch; how far the queue was counted: epoch, n; settled, which is the cursor: epoch, n; replication
--       id; term
-- Out   1; 0 and nothing changed if the gate is not fenced with that epoch, has counted another part of
--       the queue, or Redis has another history or term: then what was written may be gone
-- Does  starts the numbering at 1, trims the queue to the cursor, announces the epoch

local gate = read_gate()
if not is_fenced(gate, ARGV[1]) or gate.settled_epoch ~= tonumber(ARGV[2])
  or gate.settled_n ~= tonumber(ARGV[3]) or replication_id() ~= ARGV[6] or not has_term(ARGV[7]) then
  return 0
end
gate.status, gate.tail, gate.beat = OPEN, 0, 0
gate.settled_epoch, gate.settled_n = tonumber(ARGV[4]), tonumber(ARGV[5])
write_gate(gate)
redis.call('XTRIM', KEYS[2], 'MINID', '=', position(gate.settled_epoch, gate.settled_n + 1))
publish_standing(gate, clock(), 1, {})
return 1
