"""Observations of the pods of one pool -> demand, or a reason to doubt it."""

import math
from collections import deque

from .staffing import total as total_of

SILENT, MISSING, PAUSED, STALLED, WARMING_UP, NONE = (
    "no observation", "pod missing", "paused", "stalled", "warming up", "none")

COUNTERS = ("xact_count", "xact_time", "query_time", "wait_time")
GAUGES = ("sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login", "sv_being_canceled", "cl_active", "cl_waiting")


class Histogram:
    """Buckets that grow by 5 %, weights that halve with every half-life."""

    FIRST, RATIO, BUCKETS = 0.25, 1.05, 200

    def __init__(self, half_life):
        self.half_life = half_life
        self.weights = [0.0] * self.BUCKETS
        self.total = 0.0
        self.reference = None

    def add(self, value, now):
        if self.reference is None:
            self.reference = now
        age = now - self.reference
        if age > 20.0 * self.half_life:
            factor = math.exp2(-age / self.half_life)
            self.weights = [weight * factor for weight in self.weights]
            self.total *= factor
            self.reference = now
        weight = math.exp2((now - self.reference) / self.half_life)
        self.weights[self.bucket(value)] += weight
        self.total += weight

    def bucket(self, value):
        if value < self.FIRST:
            return 0
        exact = math.log(value * (self.RATIO - 1.0) / self.FIRST + 1.0) / math.log(self.RATIO)
        return int(min(exact, self.BUCKETS - 1.0))

    def percentile(self, share):
        if not self.total > 0.0:
            return 0.0
        passed = 0.0
        for bucket, weight in enumerate(self.weights):
            passed += weight
            if passed >= share * self.total:
                return self.edge(bucket)
        return self.edge(self.BUCKETS - 1)

    def edge(self, bucket):
        return self.FIRST * (self.RATIO ** (bucket + 1.0) - 1.0) / (self.RATIO - 1.0)


def occupied(seen):
    return seen["sv_active"] + seen["sv_tested"] + seen["sv_login"] + seen["sv_being_canceled"]


def held(seen):
    return occupied(seen) + seen["sv_idle"] + seen["sv_used"]


def usable(seen):
    """The observation with all keys, or None if it may not be used."""
    if seen is None or seen["pool_size"] < 1:
        return None
    if any(seen.get(key, 0) is None for key in COUNTERS):
        return None
    return {**dict.fromkeys(GAUGES, 0), **seen}


class Estimator:
    def __init__(self, parameters):
        self.p = parameters
        self.tracks = {}
        self.window = deque(maxlen=60)
        self.histogram = Histogram(parameters["histogram_half_life_s"])
        self.demand = dict(load=0.0, busy=0.0, transactions=0.0, service=0.0, share=1.0, waiting=0, leaked=0,
                           queueing=False, opening=False, fresh=False, doubt=SILENT)
        self.now = -math.inf

    def remembered(self):
        return self.histogram.percentile(self.p["histogram_percentile"])

    def last_held(self, name):
        return held(self.tracks[name]["last"]) if name in self.tracks else 0

    def observe(self, now, pool):
        self.demand["fresh"] = False
        if not now > self.now:
            return
        self.now = now
        listed = {pod["name"] for pod in pool["pod_inputs"]}
        self.tracks = {name: track for name, track in self.tracks.items() if name in listed}
        news = [self.follow(pod, now) for pod in pool["pod_inputs"]]
        sample = self.sum_current(now)
        sample["leaked"] = pool["leaked"]
        sample["complete"] = sample["pods"] == len(listed)
        if sample["pods"] == 0:
            self.demand["doubt"] = SILENT
        elif sample["paused"]:
            self.demand["doubt"] = PAUSED
        elif any(news):
            self.take(sample)
        elif not sample["complete"]:
            self.demand["doubt"] = MISSING

    def take(self, sample):
        if self.window and sample["time"] - self.window[-1]["time"] > self.p["max_gap_s"]:
            self.window.clear()
        self.window.append(sample)
        self.demand = self.measure(sample)
        if self.demand["doubt"] == NONE:
            self.histogram.add(self.demand["load"], sample["time"])

    def follow(self, pod, now):
        seen = usable(pod.get("observation"))
        if seen is None or seen["time"] > now + 1.0 or now - seen["time"] > self.p["stale_after_s"]:
            return False
        track = self.tracks.get(pod["name"])
        if track is None:
            self.tracks[pod["name"]] = {"last": seen, "rates": None}
            return False
        if seen["time"] - track["last"]["time"] < self.p["min_step_s"]:
            return False
        rates = self.rates(track["last"], seen)
        track["last"] = seen
        if rates is None:
            return False
        track["rates"] = rates
        return True

    def rates(self, before, after):
        step = after["time"] - before["time"]
        if step > self.p["max_gap_s"] or any(after[key] < before[key] for key in COUNTERS):
            return None
        waited = after["wait_time"] - before["wait_time"]
        total = after["xact_time"] - before["xact_time"]
        statements = after["query_time"] - before["query_time"]
        counted = max(0.0, total - waited) / 1e6 / step
        busy = min(counted, float(held(after)))
        kept = busy / counted if counted > 0.0 else 0.0
        between = max(0.0, total - statements) / 1e6 / step
        return dict(time=after["time"], transactions=(after["xact_count"] - before["xact_count"]) / step, busy=busy,
                    between=min(between * kept, float(held(after))), waited=waited / 1e6 / step)

    def sum_current(self, now):
        total = dict(time=now, transactions=0.0, busy=0.0, between=0.0, waited=0.0, waiting=0, active=0,
                     at_limit=0, busiest=0, pods=0, paused=False)
        for name in sorted(self.tracks):
            last, rates = self.tracks[name]["last"], self.tracks[name]["rates"]
            if rates is None or now - rates["time"] > self.p["stale_after_s"]:
                continue
            total["pods"] += 1
            for key in ("transactions", "busy", "between", "waited"):
                total[key] += rates[key]
            total["waiting"] += last["cl_waiting"]
            total["active"] += occupied(last)
            total["busiest"] = max(total["busiest"], occupied(last) + last["cl_waiting"])
            total["paused"] |= last.get("paused", False)
            if held(last) >= last["pool_size"]:
                total["at_limit"] += last["cl_waiting"]
        return total

    def measure(self, now):
        fast = list(self.window)[-self.p["fast_samples"]:]
        count = float(len(fast))
        transactions = total_of(x["transactions"] for x in fast) / count
        busy = self.busy_servers(fast, now["leaked"])
        service = busy / transactions if transactions > 0.0 else 0.05
        waiting, pods = now["waiting"], max(1, now["pods"])
        opening = waiting > 0 and now["at_limit"] == 0
        queueing = waiting > 0 and not opening and (now["waited"] > 0.02 * max(now["busy"], 0.05) or waiting >= pods)
        load = busy
        span = now["time"] - fast[0]["time"]
        growth = max(0.0, (waiting - fast[0]["waiting"]) / span) if span > 0.0 else 0.0
        if queueing and growth > 0.1 * transactions:
            load = max(load, float(now["active"] - now["leaked"]))
        if waiting > 0:
            drain = self.p["drain_s"]
            load += growth * min(service, 1.0) + waiting * min(service, drain) / drain
        if pods > 1 and now["active"] > 0:
            skew = float(now["busiest"]) * pods / (now["active"] + waiting)
            load *= max(1.0, min(1.25, 0.5 + 0.5 * skew))
        doubt = WARMING_UP if len(fast) < 2 else NONE
        if not all(x["complete"] for x in fast):
            doubt = MISSING
        elif opening and transactions <= 0.0:
            doubt = STALLED
        return dict(load=load, busy=busy, transactions=transactions, service=service, share=self.statement_share(),
                    waiting=waiting, leaked=now["leaked"], queueing=queueing, opening=opening, fresh=True, doubt=doubt)

    @staticmethod
    def busy_servers(fast, leaked):
        count = float(len(fast))
        counted = total_of(x["busy"] for x in fast) / count
        seen = max(0.0, total_of(x["active"] for x in fast) / count - leaked)
        if seen > counted + 2.0 * math.sqrt(max(counted, 1.0) / count) + 0.5:
            return seen
        return min(counted, seen) if leaked > 0 and seen > 0.0 else counted

    def statement_share(self):
        recent = list(self.window)[-15:]
        busy = total_of(x["busy"] for x in recent)
        between = total_of(x["between"] for x in recent)
        return max(0.1, min(1.0, 1.0 - between / busy)) if busy > 0.2 else self.demand["share"]
