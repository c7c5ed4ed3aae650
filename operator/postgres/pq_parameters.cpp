#include "postgres/pq_parameters.h"

#include <utility>
// Boost.Asio 1.74 needs <utility> before it.
#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "postgres/table.h"

namespace poolwright::postgres {

namespace {

constexpr std::size_t kNameBytesMax = 255;

Status check_target(const Target& target) {
  if (target.addresses.empty()) return make_error(ErrorKind::kInvalid, "connect: no address is given");
  for (const std::string& address : target.addresses) {
    boost::system::error_code problem;
    boost::asio::ip::make_address(address, problem);
    // asio takes anything behind a '%' for the name of a network interface.
    if (problem || address.find('%') != std::string::npos) {
      return make_error(ErrorKind::kInvalid,
                        "connect to '" + printable(address, kNameBytesMax) + "': must be a numeric address");
    }
  }
  if (target.host_name.find(',') != std::string::npos) {
    return make_error(ErrorKind::kInvalid, "connect to " + endpoint_of(target) + ": the host name must have no comma");
  }
  return ok();
}

}  // namespace

std::string endpoint_of(const Target& target) {
  const std::string host = target.addresses.empty() ? target.host_name : target.addresses.front();
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return printable(is_ipv6 ? "[" + host + "]" : host, kNameBytesMax) + ":" + std::to_string(target.port);
}

Result<PqParameters> pq_parameters(const Target& target) {
  PW_RETURN_IF_ERROR(check_target(target));
  PqParameters parameters;
  const auto add = [&parameters](const char* keyword, std::string value) {
    parameters.keywords.push_back(keyword);
    parameters.values.push_back(std::move(value));
  };
  std::string addresses;
  std::string hosts;
  for (std::size_t i = 0; i < std::min(target.addresses.size(), kAddressesMax); ++i) {
    const char* separator = i == 0 ? "" : ",";
    addresses += separator + target.addresses[i];
    hosts += separator + target.host_name;
  }
  add("hostaddr", addresses);
  if (!target.host_name.empty()) add("host", hosts);
  add("port", std::to_string(target.port));
  add("dbname", target.database);
  add("user", target.login.user);
  add("password", target.login.password.reveal());
  add("passfile", "/nonexistent/pgpass");  // an empty password must not be looked up in the home directory
  add("application_name", target.application_name);
  add("client_encoding", "UTF8");
  add("gssencmode", "disable");
  add("sslmode", target.tls.mode);
  add("sslrootcert", target.tls.root_certificate_file);
  add("sslcert", target.tls.certificate_file);
  add("sslkey", target.tls.key_file);
  add("keepalives", "1");
  add("keepalives_idle", "15");
  add("keepalives_interval", "5");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "10000");
  return parameters;
}

}  // namespace poolwright::postgres
