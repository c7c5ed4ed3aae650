// New logins for the admin consoles of a pool, asked for by an annotation. The Secret is written first and keeps the
// admin password of before until every pod was read back with the new user list: whichever of the two a PgBouncer
// knows, it lets the operator in, also one that starts anew after any of the writes. Thread rule: pure.
#pragma once

#include <optional>
#include <string>

#include "api/status.h"
#include "base/clock.h"
#include "base/random.h"
#include "reconcile/facts.h"
#include "reconcile/plan.h"
#include "reconcile/report.h"

namespace poolwright::reconcile {

/// New logins were asked for after those that are stored.
bool is_rotation_due(const render::ConsoleCredentials& stored, std::optional<WallTime> request);

/// The logins that are wanted: new ones where that is due, unless a pod may still have the ones before the stored ones.
render::ConsoleCredentials rotated(const render::ConsoleCredentials& stored, std::optional<WallTime> request,
                                   Random& random);

/// Every pod that does not stop was read back with what is rendered; one at its gate was not.
bool all_took(const Facts& facts, const std::optional<ProgramReport>& program);

/// Condition ConsoleRotated: true once nothing but the wanted logins is let in. None where nobody ever asked.
std::optional<api::Condition> rotation_condition(const Facts& facts, const Outcome& outcome);

/// The condition of `wanted` where it is true and the stored status does not say the same yet.
std::optional<api::Condition> rotation_news(const api::Json& stored_status, const api::Json& wanted);

}  // namespace poolwright::reconcile
