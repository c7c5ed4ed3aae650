-- Which actions Argo CD offers for a ConnectionPool.
local annotations = obj.metadata.annotations or {}
local paused = annotations["poolwright.dev/reconcile"] == "disabled"
return {
  ["pause"] = {["disabled"] = paused},
  ["resume"] = {["disabled"] = not paused},
  ["reconcile"] = {["disabled"] = paused},
}
