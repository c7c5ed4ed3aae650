if obj.metadata.annotations ~= nil then
  obj.metadata.annotations["poolwright.dev/reconcile"] = nil
end
return obj
