"""One budget for all pools: weighted max-min fairness in three tiers, then moves that never pass the budget."""

import math

from .estimator import held, usable
from .staffing import total


def water_fill(budget, claims):
    """claims: dicts of id, cost, min, max, weight, size. Gives (units by id, minimums did not fit)."""
    claims = [dict(c, min=min(c["min"], c["max"])) for c in sorted(claims, key=lambda c: c["id"])]
    infeasible = total(c["cost"] * c["min"] for c in claims) > budget
    if infeasible:
        least = 1 if total(c["cost"] for c in claims) <= budget else 0
        claims = [dict(c, max=c["min"], min=min(c["min"], least)) for c in claims]
    units = [max(c["min"], c["max"]) for c in claims]
    if used(claims, units) > budget:
        units = level_out(budget, claims)
        give_leftovers(budget, claims, units)
    return {c["id"]: u for c, u in zip(claims, units)}, infeasible


def used(claims, units):
    return total(c["cost"] * u for c, u in zip(claims, units))


def level_out(budget, claims):
    def units_at(level):
        return [int(max(c["min"], min(max(c["min"], c["max"]), math.floor(level * c["weight"] / c["cost"] + 1e-9))))
                for c in claims]

    low, high = 0.0, max([1.0] + [c["cost"] * max(1, c["max"]) / c["weight"] + 1.0 for c in claims])
    for _ in range(60):
        middle = (low + high) / 2.0
        if used(claims, units_at(middle)) <= budget:
            low = middle
        else:
            high = middle
    return units_at(low)


def give_leftovers(budget, claims, units):
    free = budget - used(claims, units)
    while True:
        ranked = []
        for i, c in enumerate(claims):
            if units[i] < c["max"] and c["cost"] <= free:
                level = math.floor((units[i] + 1) * c["cost"] / c["weight"] * 1e9 + 0.5)
                ranked.append((level, 0 if c["size"] > units[i] else 1, -c["weight"], i))
        if not ranked:
            return
        best = min(ranked)[3]
        units[best] += 1
        free -= claims[best]["cost"]


def allocate(budget, claims):
    """claims: dicts of id, pods, min, max, bare, need, want, weight, size, frozen, urgent, reserve, tolerance."""
    left = float(budget)
    for c in claims:
        left -= float(c["pods"]) * c["reserve"]

    def tier(bounds):
        plain = []
        for c in claims:
            low, high = bounds(c)
            plain.append(dict(id=c["id"], cost=float(c["pods"]), min=low, max=max(low, high), weight=c["weight"],
                              size=c["size"]))
        return water_fill(left, plain)

    def bare(c):
        return min(c["want"], c["bare"])

    shares, infeasible = tier(
        lambda c: (max(c["min"], min(c["size"], c["max"])) if c["frozen"] else c["min"], bare(c)))
    if infeasible:
        shares, infeasible = tier(lambda c: (c["min"], bare(c)))
    if infeasible:
        return shares, True
    first = shares
    shares, _ = tier(lambda c: (first[c["id"]], min(c["want"], c["need"])))
    second = shares
    shares, _ = tier(lambda c: (second[c["id"]], c["want"]))
    kept = with_little_churn(left, claims, shares)
    shares, _ = tier(lambda c: (kept[c["id"]], c["want"] if c["urgent"] else kept[c["id"]]))
    return shares, False


def with_little_churn(budget, claims, shares):
    calm = dict(shares)
    for c in claims:
        close = abs(shares[c["id"]] - c["size"]) <= max(1.0, c["tolerance"] * c["size"])
        used = shares[c["id"]] < c["size"] <= c["want"]
        if (close or used) and c["min"] <= c["size"] <= c["max"]:
            calm[c["id"]] = c["size"]
    return calm if sum(float(c["pods"]) * calm[c["id"]] for c in claims) <= budget else shares


def committed(pool, estimator):
    connections, highest = 0, pool["size"]
    for pod in pool["pod_inputs"]:
        size = max(pool["size"], pod.get("ceiling", 0))
        highest = max(highest, size)
        reserve, servers = pool["reserve"], estimator.last_held(pod["name"])
        seen = usable(pod.get("observation"))
        if seen:
            size, reserve, servers = max(size, seen["pool_size"]), max(reserve, seen.get("reserve", 0)), held(seen)
        connections += max(size + reserve, servers)
    unseen = max(0, pool["pods"] - len(pool["pod_inputs"]))
    return connections + unseen * (highest + pool["reserve"])


def plan_transition(budget, moves):
    """moves: dicts of id, pods, reserve, size, want, committed. Gives the sizes to send now, by id."""
    free = budget - sum(m["committed"] for m in moves)
    sizes = {m["id"]: min(m["size"], m["want"]) for m in moves}
    growing = [m for m in moves if m["want"] > m["size"]]

    def commitment(move, size):
        return max(move["committed"], move["pods"] * (size + move["reserve"]))

    while growing:
        move = min(growing, key=lambda m: (sizes[m["id"]] / m["want"], m["id"]))
        size = sizes[move["id"]]
        cost = commitment(move, size + 1) - commitment(move, size)
        if cost > free:
            growing.remove(move)
            continue
        free -= cost
        sizes[move["id"]] = size + 1
        if size + 1 == move["want"]:
            growing.remove(move)
    return sizes
