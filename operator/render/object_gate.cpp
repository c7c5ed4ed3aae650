#include "render/object_gate.h"

#include "render/names.h"
#include "render/pgbouncer_ini.h"

namespace poolwright::render {

namespace {

constexpr const char* kGateDirectory = "/admission";
constexpr const char* kHashFile = "config-hash";
constexpr std::int32_t kLooksPerSecond = 5;

}  // namespace

std::string gate_script(std::int32_t grace_period_seconds) {
  const std::int32_t looks = (grace_period_seconds + kGatePatienceSeconds) * kLooksPerSecond;
  const std::string hash_file = std::string(kGateDirectory) + "/" + kHashFile;
  // The marker is the beginning of the hash. Each annotation of the operator ends the countdown.
  return "trap 'exit 1' TERM INT; n=0; while [ $n -lt " + std::to_string(looks) + " ]; do h=; read -r h <" + hash_file +
         "; m=; while read -r k e v; do [ \"$k\" = syslog_ident ] && m=$v; done <" + kIniPath +
         "; if [ -z \"$h\" ]; then n=$((n+1)); else case \"poolwright-$h\" in \"${m:-none}\"*) exit 0;; esac; fi; "
         "sleep 0.2; done";
}

api::Json gate_volume() {
  const std::string field = std::string("metadata.annotations['") + kConfigHashAnnotation + "']";
  return {{"name", kGateName},
          {"downwardAPI",
           {{"items",
             api::Json::array({{{"path", kHashFile}, {"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", field}}}}})}}}};
}

api::Json gate_mount() { return {{"name", kGateName}, {"mountPath", kGateDirectory}, {"readOnly", true}}; }

}  // namespace poolwright::render
