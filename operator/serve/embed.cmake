# Writes a C++ source with the files of the page. Run as: cmake -DOUTPUT=... -DFILES="path|type|file;..." -P embed.cmake
set(arrays "")
set(entries "")
set(index 0)
foreach(entry IN LISTS FILES)
  string(REPLACE "|" ";" parts "${entry}")
  list(GET parts 0 path)
  list(GET parts 1 type)
  list(GET parts 2 file)
  file(READ "${file}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char kFile${index}[] = {${bytes}'\\0'};\n")
  string(APPEND entries "      {\"${path}\", \"${type}\", std::string_view(kFile${index}, ${size})},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(
  WRITE "${OUTPUT}"
  "#include \"serve/page.h\"\n\nnamespace poolwright::serve {\nnamespace {\n${arrays}}  // namespace\n\n"
  "const std::vector<PageFile>& page_files() {\n  static const std::vector<PageFile> kFiles = {\n${entries}  };\n"
  "  return kFiles;\n}\n\n}  // namespace poolwright::serve\n")
