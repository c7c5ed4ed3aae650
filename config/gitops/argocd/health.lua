-- Health of a ConnectionPool for Argo CD, from its conditions.
local function condition(type)
  for _, one in ipairs((obj.status or {}).conditions or {}) do
    if one.type == type then
      return one
    end
  end
  return {status = "Unknown", reason = "Pending", message = "Waiting for the operator"}
end

local annotations = obj.metadata.annotations or {}
if annotations["poolwright.dev/reconcile"] == "disabled" then
  return {status = "Suspended", message = "Paused by the annotation poolwright.dev/reconcile"}
end

-- A status of an older spec says nothing about this one.
if obj.status == nil or obj.status.observedGeneration == nil then
  return {status = "Progressing", message = "Waiting for the operator"}
end
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "Waiting for the operator to see generation " .. tostring(obj.metadata.generation)}
end

local stalled = condition("Stalled")
if stalled.status == "True" then
  return {status = "Degraded", message = stalled.reason .. ": " .. (stalled.message or "")}
end
local ready = condition("Ready")
if ready.status == "True" then
  return {status = "Healthy", message = obj.status.summary or ready.message}
end
if ready.reason == "ScaledToZero" then
  return {status = "Suspended", message = ready.message}
end
local reconciling = condition("Reconciling")
if reconciling.status == "False" then
  return {status = "Degraded", message = ready.reason .. ": " .. (ready.message or "")}
end
return {status = "Progressing", message = ready.reason .. ": " .. (ready.message or "")}
