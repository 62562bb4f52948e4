#!lua flags=allow-oom
-- Stops a gate before it is rebuilt (rule 27): from here nothing is accepted or drained.
--
-- KEYS  gate, queue, the partition's epochs
-- ARGV  epoch, install id, the cursor: epoch, n
-- Out   1; 0 if the gate has this epoch or a later one; -1 if it belongs to another installation
-- Does  sets status, epoch and install id. `settled` starts at the cursor, because nothing of the queue is
--       counted. Adds the epoch to the set by which its keys are found later. Removes a queue that is not
--       a stream, and epochs that are not a set

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if gate.install_id ~= '' and gate.install_id ~= ARGV[2] then return -1 end
if gate.status ~= MISSING and gate.epoch >= epoch then return 0 end

for key, kind in pairs({ [KEYS[2]] = 'stream', [KEYS[3]] = 'set' }) do
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
end
gate.status, gate.epoch, gate.install_id, gate.beat = FENCED, epoch, ARGV[2], 1
gate.settled_epoch, gate.settled_n, gate.queued = tonumber(ARGV[3]), tonumber(ARGV[4]), 0
redis.call('SADD', KEYS[3], ARGV[1])
write_gate(gate)
return 1
