#include "cli/archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace poolwright::cli {

namespace {

constexpr std::size_t kBlock = 512;

/// A field of octal digits that ends with a null byte.
void put_octal(std::string& header, std::size_t at, std::size_t size, std::uint64_t value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(size - 1), static_cast<unsigned long long>(value));
  header.replace(at, size - 1, text.data(), size - 1);
}

void put(std::string& header, std::size_t at, const std::string& text) { header.replace(at, text.size(), text); }

std::string header_of(const ArchiveFile& file, std::int64_t seconds) {
  std::string header(kBlock, '\0');
  put(header, 0, file.name);
  put_octal(header, 100, 8, 0600);
  put_octal(header, 108, 8, 0);
  put_octal(header, 116, 8, 0);
  put_octal(header, 124, 12, file.text.size());
  put_octal(header, 136, 12, static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0)));
  put(header, 148, "        ");  // the checksum counts as blanks in its own sum
  header[156] = '0';
  put(header, 257,
      std::string("ustar\0"
                  "00",
                  8));
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 7, sum);
  return header;
}

Result<std::string> gzip(const std::string& text) {
  z_stream stream{};
  // 31: the largest window, with a gzip header.
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return make_error(ErrorKind::kInternal, "compress the archive: zlib does not start");
  }
  std::string input = text;
  std::string output(deflateBound(&stream, input.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());  // NOLINT(*-reinterpret-cast): zlib's bytes
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());  // NOLINT(*-reinterpret-cast): zlib's bytes
  stream.avail_out = static_cast<uInt>(output.size());
  const int ended = deflate(&stream, Z_FINISH);
  output.resize(output.size() - stream.avail_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END) return make_error(ErrorKind::kInternal, "compress the archive: zlib did not end");
  return output;
}

}  // namespace

Result<std::string> tar_gz(const std::vector<ArchiveFile>& files, std::int64_t seconds) {
  std::string tar;
  for (const ArchiveFile& file : files) {
    if (file.name.empty() || file.name.size() > 100) {
      return make_error(ErrorKind::kInvalid, "archive: the name " + file.name + " must have 1 to 100 bytes");
    }
    tar += header_of(file, seconds) + file.text;
    tar.append((kBlock - file.text.size() % kBlock) % kBlock, '\0');
  }
  tar.append(2 * kBlock, '\0');
  return gzip(tar);
}

}  // namespace poolwright::cli
