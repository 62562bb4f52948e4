#!lua flags=allow-oom
-- Stops a gate before it is rebuilt (rule 27): from here nothing is accepted or drained.
--
-- KEYS  gate, queue, the partition's epochs
-- ARGV  epoch, install id, the cursor: epoch, n, term
-- Out   1, and one more for each queue entry that was removed; 0 if the gate has this epoch or a later one,
--       or Redis another term; -1 if it belongs to another installation
-- Does  sets status, epoch and install id. `settled` starts at the cursor, because nothing of the queue is
--       counted. Adds the epoch to the set by which its keys are found later. Removes a queue that is not
--       a stream, epochs that are not a set, and entries with ids that no gate gives

local gate = read_gate()
local epoch = tonumber(ARGV[1])
if gate.install_id ~= '' and gate.install_id ~= ARGV[2] then return -1 end
if gate.status ~= MISSING and gate.epoch >= epoch or not has_term(ARGV[5]) then return 0 end

for key, kind in pairs({ [KEYS[2]] = 'stream', [KEYS[3]] = 'set' }) do
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
end
-- A stream takes only ids above its last one. If it has an id that no gate gives, no gate can add to it any
-- more. So it is written again, without such entries and without those that are committed.
local removed = 0
if is_foreign(last_id(KEYS[2])) then
  local copy, after = KEYS[2] .. ':copy', '(' .. ARGV[3] .. '-' .. ARGV[4]
  redis.call('UNLINK', copy)
  repeat
    local chunk = redis.call('XRANGE', KEYS[2], after, '+', 'COUNT', 500)
    for _, entry in ipairs(chunk) do
      after = '(' .. entry[1]
      if is_foreign(entry[1]) or #entry[2] > 1000 then
        removed = removed + 1
      else
        redis.call('XADD', copy, entry[1], unpack(entry[2]))
      end
    end
  until #chunk < 500
  redis.call('UNLINK', KEYS[2])
  if redis.call('EXISTS', copy) == 1 then redis.call('RENAME', copy, KEYS[2]) end
end
gate.status, gate.epoch, gate.install_id, gate.beat = FENCED, epoch, ARGV[2], 1
gate.settled_epoch, gate.settled_n, gate.queued = tonumber(ARGV[3]), tonumber(ARGV[4]), 0
redis.call('SADD', KEYS[3], ARGV[1])
write_gate(gate)
return 1 + removed
