#!lua flags=no-writes,allow-oom,allow-stale
-- Which rights the Redis user lacks, of those that coupond needs. It asks Redis, and runs no command.
--
-- ARGV  1 if the settings of Redis are checked, so that CONFIG GET is needed
-- Out   the commands that the user may not run, each with the key or channel that was asked about

local gate, queue, holders = 'coupond:{0}:gate', 'coupond:{0}:queue', 'coupond:{0}:1:1:holders'
local index, epochs, staged = 'coupond:{0}:1:coupons', 'coupond:{0}:epochs', 'coupond:{0}:1:1:staged'
local needed = {
  { 'GET', gate }, { 'MGET', gate }, { 'MSET', gate, '' }, { 'SET', gate, '' }, { 'EXISTS', gate },
  { 'TYPE', gate }, { 'UNLINK', gate },
  { 'RENAME', staged, holders }, { 'HGET', holders, '' }, { 'HMGET', holders, '' }, { 'HLEN', holders },
  { 'HSET', holders, '', '' }, { 'HSCAN', holders, '0' }, { 'SADD', epochs, '1' }, { 'SMEMBERS', epochs },
  { 'SREM', epochs, '1' }, { 'ZADD', index, '1', '1' }, { 'ZRANGE', index, '0', '1' }, { 'ZREM', index, '1' },
  { 'ZSCAN', index, '0' }, { 'XADD', queue, '1-1', 'e', '' },
  { 'XTRIM', queue, 'MINID', '1-1' }, { 'XINFO', 'STREAM', queue }, { 'XRANGE', queue, '-', '+' },
  { 'XREVRANGE', queue, '+', '-' }, { 'XREAD', 'STREAMS', queue, '0-0' },
  { 'PUBLISH', 'coupond:{0}:events', '' }, { 'PUBLISH', 'coupond:replicas', '' },
  { 'PSUBSCRIBE', 'coupond:{*}:events' }, { 'CLIENT', 'ID' }, { 'CLIENT', 'KILL', 'ID', '1' },
  { 'SCRIPT', 'LOAD', '' }, { 'EVALSHA', '', '0' }, { 'INFO' },
  { 'PING' }, { 'TIME' }, { 'WAIT', '0', '0' },
}

if ARGV[1] == '1' then needed[#needed + 1] = { 'CONFIG', 'GET', 'appendonly' } end

local missing = {}
for _, command in ipairs(needed) do
  -- A Redis that does not know the command says nothing about the right to it.
  local is_known, may_run = pcall(redis.acl_check_cmd, unpack(command))
  if is_known and not may_run then
    local second = command[2] or ''
    local name = command[1]
    if second ~= '' and not string.match(second, '^%d') then name = name .. ' ' .. second end
    missing[#missing + 1] = name
  end
end
return missing
