obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["poolwright.dev/reconcile"] = "disabled"
return obj
