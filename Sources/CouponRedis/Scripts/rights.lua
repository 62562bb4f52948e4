#!lua flags=no-writes,allow-oom,allow-stale
-- Which rights the Redis user lacks, of those that coupond needs. It asks Redis, and runs no command.
--
-- ARGV  the commands that are needed, with arguments: words with spaces between them
-- Out   the commands that the user may not run, each with the key or channel that was asked about

local missing = {}
for _, text in ipairs(ARGV) do
  local command = {}
  for word in string.gmatch(text, '%S+') do command[#command + 1] = word end
  -- A Redis that does not know the command says nothing about the right to it.
  local is_known, may_run = pcall(redis.acl_check_cmd, unpack(command))
  if is_known and not may_run then
    local name, second = command[1], command[2]
    if second and not string.match(second, '^%d') then name = name .. ' ' .. second end
    missing[#missing + 1] = name
  end
end
return missing
