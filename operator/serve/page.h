// The files of the page (web/), built into the program.
// Thread rule: constants.
#pragma once

#include <string_view>
#include <vector>

namespace poolwright::serve {

struct PageFile {
  std::string_view path;          // "/app.js"
  std::string_view content_type;  // the text is UTF-8
  std::string_view text;
};

/// "/" is the page itself.
const std::vector<PageFile>& page_files();

}  // namespace poolwright::serve
