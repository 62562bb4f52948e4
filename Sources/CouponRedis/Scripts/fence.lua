#!lua flags=allow-oom
-- Stops a gate before it is rebuilt (rule 27): from here nothing is accepted or drained.
--
-- KEYS  gate, queue, the partition's epochs, copy of the queue
-- ARGV  epoch, install id, the cursor: epoch, n, term
-- Out   1; 0 if the gate has this epoch or a later one, or Redis another term; -1 if it belongs to another
--       installation
-- Does  sets status, epoch and install id. `settled` starts at the cursor, because nothing of the queue is
--       counted. Adds the epoch to the set by which its keys are found later. Removes a queue that is not
--       a stream, epochs that are not a set, and what another attempt has copied of the queue

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if gate.install_id ~= '' and gate.install_id ~= ARGV[2] then return -1 end
if gate.status ~= MISSING and gate.epoch >= epoch or not has_term(ARGV[5]) then return 0 end

for key, kind in pairs({ [KEYS[2]] = 'stream', [KEYS[3]] = 'set' }) do
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
end
-- What an earlier attempt has copied of the queue (move.lua) may be older than the queue.
redis.call('UNLINK', KEYS[4])
gate.status, gate.epoch, gate.install_id, gate.beat = FENCED, epoch, ARGV[2], 1
gate.settled_epoch, gate.settled_n, gate.queued = tonumber(ARGV[3]), tonumber(ARGV[4]), 0
redis.call('SADD', KEYS[3], ARGV[1])
write_gate(gate)
return 1
