-- SPDX-License-Identifier: MIT
-- What the parts of Lua give, printed, to be compared between two systems:
-- numbers, strings, tables, closures, coroutines, errors, collection, files.
print(_VERSION, math.maxinteger + 1 == math.mininteger, 7 // 2, -7 // 2, 7 % -3, 2 ^ 0.5, 1e300 * 1e10)
print(string.format('%5.2f|%-8s|%08x|%q|%g', math.pi, 'left', 48879, 'a\nb\0c', 0.1))
print(('one two  three'):gsub('%s+', '-'), ('key = value'):match('(%w+)%s*=%s*(%w+)'), utf8.len('mitä'))
local words, sorted = {}, {}
for i = 1, 20000 do words[i] = string.format('%05d', i * 7919 % 20011) end
table.sort(words)
for i = 1, #words, 2500 do sorted[#sorted + 1] = words[i] end
print(table.concat(sorted, ' '))
local function counter()
    local n = 0
    return function() n = n + 1 return n end
end
local a, b = counter(), counter()
print(a(), a(), b())
local generate = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end return 'end' end)
print(generate(), generate(), generate(), generate())
print(pcall(error, { code = 3 }), select(2, pcall(function() local x = nil; return x.y end)))
print(select(2, xpcall(function() return 1 + {} end, function(m) return 'caught: ' .. m end)))
print(pcall(string.rep, 'x', -1), #string.rep('ab', 1000, ','))
local weak = setmetatable({}, { __mode = 'k' })
for _ = 1, 1000 do weak[{}] = true end
collectgarbage() collectgarbage()
print(next(weak), collectgarbage('count') < 100000)
local deep = 0
local function recurse() deep = deep + 1 return 1 + recurse() end
print(pcall(recurse) == false, deep > 10000)
local name = os.tmpname()
local file = assert(io.open(name, 'w+'))
file:write('first\n', 42, ' ', 0x1p-3, '\nlast')
file:seek('set')
print(file:read('l', 'n', 'n', 'l', 'a'))
file:close()
print(os.remove(name), (io.open(name)))
print(os.date('!%Y-%m-%d %H:%M:%S', 86400 * 365), os.time({ year = 2000, month = 1, day = 1, hour = 12 }), os.getenv('HOME'))
local before = os.clock()
local sum = 0
for i = 1, 2e6 do sum = sum + i % 7 end
print(sum, os.clock() > before, load('return 6 * 7')())
os.exit(7)
