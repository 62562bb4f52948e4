#!lua flags=allow-oom
-- Opens a rebuilt gate (rule 31).
--
-- KEYS  gate, queue
-- ARGV  epoch, settled: epoch, n (the cursor), queued (requests behind it)
-- Out   1; 0 and nothing changed where the gate is not fenced with that epoch
-- Does  starts the numbering anew, trims the queue to the cursor, announces the epoch

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if gate.status ~= FENCED or gate.epoch ~= epoch then return 0 end
local settled_epoch, settled_n = tonumber(ARGV[2]), tonumber(ARGV[3])
gate.status, gate.tail, gate.queued = OPEN, 0, tonumber(ARGV[4])
gate.settled_epoch, gate.settled_n = settled_epoch, settled_n
gate.load_token = math.max(1, gate.load_token)
write_gate(gate)
redis.call('XTRIM', KEYS[2], 'MINID', '=', position(settled_epoch, settled_n + 1))
publish_standing(gate, clock(), 1, {})
return 1
