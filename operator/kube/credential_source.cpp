#include "kube/credential_source.h"

#include <fstream>
#include <iterator>

#include "base/log.h"

namespace poolwright::kube {

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1024} * 1024;

Result<std::string> read_source(const TextSource& source, const char* what) {
  if (source.file.empty()) return source.text.reveal();
  std::ifstream file(source.file, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto length = static_cast<std::size_t>(file.gcount());
  if (length == 0 || length > kFileBytesMax) {
    return make_error(ErrorKind::kUnauthorized,
                      std::string(what) + " " + source.file + ": the file cannot be read, is empty or is too large");
  }
  text.resize(length);
  return text;
}

void strip_line_end(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
}

}  // namespace

Result<Credentials> read_credentials(const ClusterConfig& config) {
  Credentials credentials;
  PW_ASSIGN_OR_RETURN(credentials.ca_pem, read_source(config.ca, "certificate authority"));
  PW_ASSIGN_OR_RETURN(credentials.client_certificate_pem, read_source(config.client_certificate, "client certificate"));
  PW_ASSIGN_OR_RETURN(std::string key, read_source(config.client_key, "client key"));
  PW_ASSIGN_OR_RETURN(std::string token, read_source(config.token, "token"));
  strip_line_end(token);
  if (token.find_first_of("\r\n") != std::string::npos) {
    return make_error(ErrorKind::kUnauthorized, "token: must be a single line");
  }
  credentials.client_key_pem = SecretString(std::move(key));
  credentials.token = SecretString(std::move(token));
  return credentials;
}

Result<std::shared_ptr<const Credentials>> CredentialSource::current() {
  const MutexLock lock(mutex_);
  const MonotonicTime now = clock_.now();
  if (!is_expired_ && now - read_at_ < age_max_) return last_;
  auto fresh = read_credentials(config_);
  read_at_ = now;
  if (fresh) {
    is_expired_ = false;
    last_ = std::make_shared<const Credentials>(std::move(*fresh));
    return last_;
  }
  if (last_ == nullptr) return fresh.error();
  // A file that is being replaced is missing for a moment; the old content may well be good still.
  is_expired_ = false;
  log_warning("credentials_not_reread", {{"cause", fresh.error().message}});
  return last_;
}

void CredentialSource::expire() {
  const MutexLock lock(mutex_);
  is_expired_ = true;
}

}  // namespace poolwright::kube
