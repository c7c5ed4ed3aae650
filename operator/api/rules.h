// The sentences of the rules that the CRD writes in CEL and validate() checks again: same meaning, same words. A test
// compares this list with crds/. Thread rule: constants.
#pragma once

#include <array>

namespace poolwright::api::rule {

// Forms of single texts.
inline constexpr const char* kHost =
    "must be one DNS name, IPv4 or IPv6 address, without scheme, user, port, path, list, brackets, zone or final dot";
inline constexpr const char* kObjectName =
    "must be a DNS subdomain: lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or "
    "digit";
inline constexpr const char* kDatabaseName =
    "must begin with a letter or '_' and go on with letters, digits, '_' and '-', at most 63 characters";
inline constexpr const char* kImage =
    "must be an image reference with a tag or digest, such as registry.example/pgbouncer:1.26.1, and not the tag "
    "latest";
inline constexpr const char* kCidr = "must be a CIDR such as 10.0.0.0/8 or 2001:db8::/32";
inline constexpr const char* kQuantity = "must be a quantity such as 100m, 0.5 or 128Mi";
inline constexpr const char* kResourceName = "must have no other keys than cpu, memory and ephemeral-storage";
inline constexpr const char* kLabelKey =
    "must have keys of the form [prefix/]name: prefix a DNS subdomain, name at most 63 letters, digits, '-', '_' and "
    "'.', beginning and ending with a letter or digit";
inline constexpr const char* kLabelValue =
    "must be at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, or empty";
inline constexpr const char* kParameterName =
    "must have keys that are names of PgBouncer options: lower-case letters, digits and '_', beginning with a letter, "
    "at "
    "most 63 characters";
inline constexpr const char* kNoControl = "must not have control characters or line separators";
inline constexpr const char* kNoControlButLines = "must not have control characters other than line feed and tab";

// What a field must not be.
inline constexpr const char* kHostForbidden =
    "must not be a link-local, multicast, broadcast or cloud metadata address";
inline constexpr const char* kHostApiServer = "must not be the API server (kubernetes.default)";
inline constexpr const char* kDatabaseReserved = "must not be pgbouncer, the name of PgBouncer's console";
inline constexpr const char* kSystemPriority = "must not begin with system-, which is for the cluster's own pods";
inline constexpr const char* kReservedLabel =
    "must not have keys that begin with app.kubernetes.io/ or poolwright.dev/: those are the operator's";
inline constexpr const char* kReservedAnnotation =
    "must not have keys that begin with poolwright.dev/, which are the operator's, or that set an AppArmor or seccomp "
    "profile";

// What fields mean to each other.
inline constexpr const char* kCaRequired = "must be given where mode is VerifyCA or VerifyFull";
inline constexpr const char* kClientCertUnused = "must not be given where mode is Disable";
inline constexpr const char* kReservedBelowMax = "must be below max";
inline constexpr const char* kMinAboveMax = "must not be above max";
inline constexpr const char* kInitialOutside = "must be from min to max";
inline constexpr const char* kReserveAboveSize = "must not be above poolSize.max";
inline constexpr const char* kConnectionsBelowSize = "must not be below poolSize.max";
inline constexpr const char* kNamesDifferByCase = "must have names that differ by more than upper and lower case";
inline constexpr const char* kSecretNameTaken =
    "must have application.secretName values that differ from each other and from every credentialsSecretRef";
inline constexpr const char* kInstancesTwice = "must have only one of instances and instancesFrom";
inline constexpr const char* kTransactionTimeout = "must be 0 before PgBouncer 1.25";
inline constexpr const char* kReplicasAboveSize =
    "must not be above the poolSize.max of any database: each pod needs at least one connection";
inline constexpr const char* kRangesRequired =
    "must list the clients' CIDRs where type is LoadBalancer (0.0.0.0/0 opens it to everybody)";
inline constexpr const char* kRangesUnused = "must be empty where type is not LoadBalancer";
inline constexpr const char* kRequestAboveLimit = "must not be above the limit of the same name";
inline constexpr const char* kWarningAboveCritical = "must be below criticalPercent";
inline constexpr const char* kTerminateBeforeSuspect = "must not be below suspectAfterSeconds";

// Only here: the API server cannot see what these need.
inline constexpr const char* kHostLoopback =
    "must not be this host's own loopback: in a cluster that is PgBouncer's own pod";
inline constexpr const char* kHostOwnService = "must not be the pool's own Service: it would connect to itself";
inline constexpr const char* kDuplicateName = "must have a name that is unique in the list";

/// Those that the CRD has, too.
inline constexpr std::array kInCrd{kHost,
                                   kObjectName,
                                   kDatabaseName,
                                   kImage,
                                   kCidr,
                                   kQuantity,
                                   kResourceName,
                                   kLabelKey,
                                   kLabelValue,
                                   kParameterName,
                                   kNoControl,
                                   kNoControlButLines,
                                   kHostForbidden,
                                   kHostApiServer,
                                   kDatabaseReserved,
                                   kSystemPriority,
                                   kReservedLabel,
                                   kReservedAnnotation,
                                   kCaRequired,
                                   kClientCertUnused,
                                   kReservedBelowMax,
                                   kMinAboveMax,
                                   kInitialOutside,
                                   kReserveAboveSize,
                                   kConnectionsBelowSize,
                                   kNamesDifferByCase,
                                   kSecretNameTaken,
                                   kInstancesTwice,
                                   kTransactionTimeout,
                                   kReplicasAboveSize,
                                   kRangesRequired,
                                   kRangesUnused,
                                   kRequestAboveLimit,
                                   kWarningAboveCritical,
                                   kTerminateBeforeSuspect};

}  // namespace poolwright::api::rule
