"""The whole chain for one server: a record of an observation log in, decisions out."""

from . import parameters
from .allocation import allocate, committed, plan_transition, water_fill
from .estimator import NONE, WARMING_UP, Estimator, usable
from .guard import Guard
from .recommendation import Recommender
from .staffing import clamp, limits_per_pod


def complete(pool):
    pool = parameters.filled(pool, parameters.POOL)
    pool["policy"] = parameters.filled(pool.get("policy", {}), parameters.POLICY)
    pool.setdefault("pod_inputs", [])
    return pool


class Sizer:
    def __init__(self, given):
        self.estimator_parameters = parameters.filled(given.get("estimator", {}), parameters.ESTIMATOR)
        self.guard_parameters = parameters.filled(given.get("guard", {}), parameters.GUARD)
        self.guard = Guard(self.guard_parameters)
        self.pools = {}

    def decide(self, record):
        now, budget = record["time"], record["budget"]
        works = self.observe(now, [complete(pool) for pool in record["pools"]])
        state = self.apply_guard(now, works) if self.guard_parameters["enabled"] else "open"
        infeasible = self.share_budget(budget, works)
        moves = [dict(id=w["id"], pods=w["pods"], reserve=w["pool"]["reserve"], size=w["pool"]["size"],
                      want=max(1, w["share"]), committed=w["committed"]) for w in works]
        sizes = plan_transition(budget, moves)
        before = sum(w["committed"] for w in works)
        decisions = []
        for w in works:
            size = sizes[w["id"]]
            w["recommender"].note_step(now, w["pool"]["size"], size)
            demand, rec = w["estimator"].demand, w["rec"]
            decisions.append(dict(
                id=w["id"], size=size, recommended=rec["target"], admitted=w["share"] >= 1,
                pods_affordable=self.affordable(w["pool"], before - budget), load=demand["load"], busy=demand["busy"],
                share_in_statements=demand["share"], remembered=w["estimator"].remembered(), doubt=demand["doubt"],
                need=rec["need"], bare=rec["bare"], wanted=rec["want"], guarded=w["want"], share=w["share"]))
        after = sum(max(w["committed"], w["pods"] * (sizes[w["id"]] + w["pool"]["reserve"])) for w in works)
        return dict(guard=state, proven=self.guard.proven, budget_exceeded=infeasible, committed_before=before,
                    committed_after=after, pools=decisions)

    def observe(self, now, pools):
        self.pools = {pool["id"]: self.pools.get(pool["id"]) or (Estimator(self.estimator_parameters),
                                                                 Recommender(self.estimator_parameters))
                      for pool in pools}
        works = []
        for pool in sorted(pools, key=lambda pool: pool["id"]):
            estimator, recommender = self.pools[pool["id"]]
            pods = max(1, pool["pods"], len(pool["pod_inputs"]))
            limits = limits_per_pod(pool, pods)
            total = committed(pool, estimator)
            estimator.observe(now, pool)
            demand = estimator.demand
            rec = recommender.recommend(now, demand, estimator.remembered(), pool, pods, limits)
            auto = pool["mode"] == "Auto"
            frozen = auto and bool(pool["pod_inputs"]) and (demand["doubt"] != NONE or not demand["fresh"])
            want = {"Auto": rec["want"], "Fixed": limits["initial"],
                    "Recommend": clamp(pool["size"], limits["min"], limits["max"])}[pool["mode"]]
            works.append(dict(id=pool["id"], pool=pool, estimator=estimator, recommender=recommender, limits=limits,
                              pods=pods, rec=rec, want=want, auto=auto, frozen=frozen, committed=total))
        return works

    def apply_guard(self, now, works):
        seen, contending, growth_wanted = [], False, False
        for w in works:
            demand = w["estimator"].demand
            guided = w["auto"] and demand["fresh"]
            seen.append(dict(id=w["id"], window=w["estimator"].window, busy=demand["busy"],
                             transactions=demand["transactions"], share=demand["share"],
                             doubtful=demand["doubt"] not in (NONE, WARMING_UP)))
            contending |= guided and w["rec"]["contending"]
            growth_wanted |= guided and w["rec"]["growth_wanted"]
        left = self.guard.tick(now, seen, contending, growth_wanted)
        state = self.guard.state()
        capped = state != "open"
        pressing, claims = [], []
        for w in works:
            demand, pool, rec = w["estimator"].demand, w["pool"], w["rec"]
            presses = w["auto"] and demand["fresh"] and (rec["contending"] or w["want"] > pool["size"])
            if not presses:
                left -= demand["busy"] * demand["share"]
                continue
            left += demand["leaked"] * demand["share"]
            pressing.append(w)
            claims.append(dict(id=w["id"], cost=w["pods"] * demand["share"], min=w["limits"]["min"],
                               max=max(w["limits"]["min"], w["want"], rec["need"] if capped else 0),
                               weight=pool["weight"], size=pool["size"]))
        units, _ = water_fill(max(left, 0.0), claims)
        blocked = False
        for w in pressing:
            size, least = w["pool"]["size"], w["limits"]["min"]
            if w["frozen"]:
                least = max(least, min(size, w["want"]))
            share = max(units[w["id"]], least)
            blocked |= not capped and w["estimator"].demand["queueing"] and share < w["want"]
            w["want"] = share if capped else min(w["want"], max(share, size))
        self.guard.blocked = self.guard.blocked + 1 if blocked else 0
        return state

    @staticmethod
    def share_budget(budget, works):
        claims = []
        for w in works:
            pool, rec = w["pool"], w["rec"]
            running = bool(pool["pod_inputs"])
            by_demand = w["auto"] and not w["frozen"] and running
            claimed = w["want"] if running else w["limits"]["min"]
            claims.append(dict(id=w["id"], pods=w["pods"], min=w["limits"]["min"], max=w["limits"]["max"],
                               bare=rec["bare"] if by_demand else claimed, need=rec["need"] if by_demand else claimed,
                               want=w["want"], weight=pool["weight"], size=pool["size"], frozen=w["frozen"],
                               urgent=not w["auto"] or w["estimator"].demand["queueing"], reserve=pool["reserve"],
                               tolerance=pool["policy"]["tolerance"] if w["auto"] else 0.0))
        shares, infeasible = allocate(budget, claims)
        for w in works:
            w["share"] = shares[w["id"]]
        return infeasible

    @staticmethod
    def affordable(pool, excess):
        existing = len(pool["pod_inputs"])
        planned = max(existing, pool["pods"])
        largest, sizes = pool["size"], 0
        for pod in pool["pod_inputs"]:
            seen = usable(pod.get("observation"))
            size = max(pool["size"], pod.get("ceiling", 0), seen["pool_size"] if seen else 0)
            largest, sizes = max(largest, size), sizes + size
        cost = largest + pool["reserve"]
        too_many = -(-excess // cost) if excess > 0 else 0
        by_maximum = max(0, max(pool["max"], planned) - sizes) // largest
        return existing + clamp(min(planned - existing - too_many, by_maximum), 0, planned - existing)
