#include "render/hba.h"

#include "render/text.h"

namespace poolwright::render {

std::string quoted_name(std::string_view name) { return "\"" + replace_all(name, '"', "\"\"") + "\""; }

Result<std::string> hba_text(const std::vector<HbaPair>& pairs, bool requires_tls) {
  std::string text;
  for (const HbaPair& pair : pairs) {
    if (!is_one_line(pair.database) || !is_one_line(pair.username) || pair.username.empty()) {
      return make_error(ErrorKind::kInvalid, "render pg_hba.conf: names must be one line without control characters");
    }
    const std::string start = std::string(requires_tls ? "hostssl " : "host ") + quoted_name(pair.database) + " " +
                              quoted_name(pair.username);
    text.append(start).append(" 0.0.0.0/0 scram-sha-256\n");
    text.append(start).append(" ::/0 scram-sha-256\n");
  }
  return text;
}

}  // namespace poolwright::render
