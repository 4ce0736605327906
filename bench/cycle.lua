-- What wrk does for us: it sends prepared requests in turn and tells as JSON what came of them.
-- Arguments: the file of requests, each behind its length; how many were sent before; and the longest pause before a
-- request, in milliseconds.

local prepared, turn = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   local length = file:read("*n")
   while length do
      file:read(1)
      prepared[#prepared + 1] = file:read(length)
      length = file:read("*n")
   end
   file:close()
   turn = tonumber(arguments[2])
   local pause = tonumber(arguments[3])
   if pause > 0 then
      delay = function() return math.random(0, pause) end
   end
end

function request()
   turn = turn % #prepared + 1
   return prepared[turn]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "most": %.3f, "refused": %d, "broken": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
