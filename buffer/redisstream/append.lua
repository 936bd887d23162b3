-- Appends entries to a stream: in order, all or a prefix, each at most once.
-- KEYS[1]            the stream
-- ARGV[1]            id of the last entry that the caller knows to be durable, 0-0 for none
-- ARGV[2], ARGV[3]…  id and record of each entry, ids ascending
-- Returns {status, how many of the entries are in the stream, id of its top before, server's error}.

-- Ids are compared as strings of digits: Lua's numbers are exact up to 2^53 only.
local function compare_digits(a, b)
  if #a ~= #b then return #a < #b and -1 or 1 end
  if a == b then return 0 end
  return a < b and -1 or 1
end

local function epoch_of(id) return string.match(id, '^(%d+)-') end

local function compare(a, b)
  local by_epoch = compare_digits(epoch_of(a), epoch_of(b))
  if by_epoch ~= 0 then return by_epoch end
  return compare_digits(string.match(a, '-(%d+)$'), string.match(b, '-(%d+)$'))
end

local key, durable, first = KEYS[1], ARGV[1], ARGV[2]
local top = '0-0' -- last-generated-id outlives the entries that were trimmed
local info = redis.pcall('XINFO', 'STREAM', key)
if not info.err then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then top = info[i + 1] end
  end
elseif not string.find(info.err, 'no such key', 1, true) then
  return {'ERROR', 0, top, info.err}
end

if compare_digits(epoch_of(top), epoch_of(first)) > 0 then return {'FENCED', 0, top} end
-- A batch that begins at or below the top continues what is there, and a new epoch leaves it behind.
if compare(top, durable) < 0 and compare(first, top) > 0
  and compare_digits(epoch_of(first), epoch_of(durable)) <= 0 then
  return {'REGRESSED', 0, top}
end

local stored, added = 0, false
for i = 2, #ARGV, 2 do
  local id, record = ARGV[i], ARGV[i + 1]
  if added or compare(id, top) > 0 then
    local reply = redis.pcall('XADD', key, id, 'r', record)
    if type(reply) == 'table' and reply.err then return {'ERROR', stored, top, reply.err} end
    added = true
  else
    local there = redis.call('XRANGE', key, id, id)
    if #there == 0 or there[1][2][2] ~= record then return {'CONFLICT', stored, top} end
  end
  stored = stored + 1
end
-- WAIT and WAITAOF wait for the writes of their own connection. The entries may have come by
-- another, so write something: after this, what they wait for covers the entries.
if not added then redis.call('XSETID', key, top) end
return {'OK', stored, top}
