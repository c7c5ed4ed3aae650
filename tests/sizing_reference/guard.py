"""The knee guard of one server: concurrency beyond the proven one must be earned, saturation is tested and probed."""

import math

from .staffing import total


def gain_of(trial, outcome):
    """With a long queue the work rate counts; otherwise the time that a transaction stays."""
    if trial["before"]["waiting"] >= trial["before"]["concurrency"]:
        return outcome["work"] - 1.0
    return 1.0 / max(outcome["residence"], 1e-6) - 1.0


def measure_point(pools, samples):
    """Means over the newest samples of all pools: concurrency, waiting, rate of each pool, error of the work rate."""
    concurrency = waiting = variance = work = 0.0
    rates = {}
    for pool in pools:
        window = list(pool["window"])[-samples:] if samples > 0 else []
        if not window:
            continue
        count = float(len(window))
        rate = total(x["transactions"] for x in window) / count
        concurrency += max(0.0, total(float(x["active"] - x["leaked"]) for x in window) / count) * pool["share"]
        waiting += total(x["waiting"] for x in window) / count
        rates[pool["id"]] = rate
        service = pool["busy"] / pool["transactions"] if pool["transactions"] > 0.0 else 0.0
        work += service * rate
        if len(window) >= 2:
            squares = 0.0
            for x in window:
                squares += (x["transactions"] - rate) * (x["transactions"] - rate)
            variance += service * service * squares / (count - 1.0) / count
    error = math.sqrt(variance) / work if work > 0.0 else 1.0
    return dict(concurrency=concurrency, waiting=waiting, rates=rates, error=error)


def work_rate(rates, services):
    return max(total(rates[key] * services[key] for key in sorted(rates) if key in services), 1e-6)


class Guard:
    def __init__(self, parameters):
        self.p = parameters
        self.open = True
        self.proven = parameters["initial_safe"]
        self.ceiling = 0.0
        self.trial = None
        self.last_tick = None
        self.blocked = 0
        self.locked_until, self.locked_concurrency = -1e18, 0.0
        self.direction, self.step, self.next_probe, self.period = -1, 0.0, 0.0, 0.0
        self.failed = 0
        self.calm = 0.0
        self.ceiling_set = 0.0

    def state(self):
        if self.open:
            return "open"
        return "testing" if self.trial and self.trial["kind"] == "test" else "saturated"

    def cap(self):
        return self.proven * self.p["growth_factor"] if self.open else self.ceiling

    def tick(self, now, pools, contending, growth_wanted):
        step = 1.0 if self.last_tick is None else max(0.0, min(10.0, now - self.last_tick))
        self.last_tick = now
        if self.trial and any(x["doubtful"] and self.trial["services"].get(x["id"], 0.0) > 0.0 for x in pools):
            self.interrupt(now)
        if self.open:
            self.tick_open(now, pools, contending, growth_wanted, step)
        else:
            self.tick_saturated(now, pools, contending, step)
        return self.cap()

    def tick_open(self, now, pools, contending, growth_wanted, step):
        concurrency = total(x["busy"] * x["share"] for x in pools)
        if self.trial:
            outcome = self.measure(now, pools)
            if outcome:
                trial, self.trial = self.trial, None
                self.judge_growth(now, pools, contending, trial, outcome)
                if not self.open:
                    return
        elif growth_wanted and concurrency >= self.p["trial_share"] * self.proven:
            self.begin("growth", now, pools, 3, 0.0)
        if not contending:
            kept = max(0.0, 1.0 - step / self.p["forget_s"])
            self.proven = max(self.p["initial_safe"], concurrency, self.proven * kept)

    def judge_growth(self, now, pools, contending, trial, outcome):
        grown, ratio, work, error = outcome["after"]["concurrency"], outcome["ratio"], outcome["work"], outcome["error"]
        threshold = 1.0 + self.p["gain_min"] * (ratio - 1.0)
        if ratio >= self.p["min_ratio"]:
            if work >= threshold:
                self.proven = max(self.proven, grown)
                return
            locked = now < self.locked_until and grown <= 1.5 * self.locked_concurrency
            if work + 2.0 * error >= threshold or grown < self.p["initial_safe"] or locked:
                return
            ceiling = self.p["test_shrink"] * grown
            if work + 2.0 * error < 0.9:
                ceiling = min(ceiling, trial["before"]["concurrency"])
            self.begin_test(now, pools, 3, grown, ceiling)
        elif not contending:
            self.proven = max(self.proven, grown)
        elif self.blocked >= self.p["blocked_ticks"] and now >= self.locked_until:
            self.begin_test(now, pools, 4, grown, self.p["test_shrink"] * grown)

    def tick_saturated(self, now, pools, contending, step):
        self.calm = max(0.0, self.calm - 2.0 * step) if contending else self.calm + step
        if self.calm >= self.p["clear_s"]:
            self.proven = max(self.p["initial_safe"], self.ceiling)
            self.reopen()
        elif self.trial:
            outcome = self.measure(now, pools)
            if outcome:
                trial, self.trial = self.trial, None
                self.judge_step(now, trial, outcome)
        elif now >= self.next_probe and contending:
            settled = now - self.ceiling_set - self.p["trial_settle_s"]
            self.begin("probe", now, pools, int(min(self.p["trial_max_s"], max(4.0, settled))), self.ceiling)
            factor = 1.0 + self.step if self.direction > 0 else 1.0 / (1.0 + self.step)
            self.ceiling = max(0.5 * self.p["initial_safe"], self.ceiling * factor)

    def judge_step(self, now, trial, outcome):
        error, ratio = outcome["error"], outcome["ratio"]
        gain = gain_of(trial, outcome)
        least = max(self.p["gain_epsilon"], 0.5 * error)
        if self.direction < 0:
            kept = gain >= least
        else:
            kept = ratio > 1.03 and gain >= max(least, self.p["gain_probe"] * (ratio - 1.0))
        if trial["kind"] == "test" and gain < -max(0.05, error):
            self.proven = max(self.proven, trial["restore"])
            self.locked_until, self.locked_concurrency = now + self.p["lockout_s"], trial["restore"]
            self.reopen()
            return
        self.ceiling_set = now
        if kept:
            self.step = min(self.p["probe_step_max"], self.step * 1.5)
            self.period = self.p["probe_period_s"]
            self.next_probe = now + 1.0
            self.failed = 0
            return
        self.ceiling = trial["restore"]
        self.direction = -self.direction
        self.step = self.p["probe_step"]
        self.failed += 1
        if self.failed >= 2:
            self.period = min(self.p["probe_period_max_s"], self.period * 1.5)
        self.next_probe = now + (self.p["probe_period_s"] if self.failed < 2 else self.period)

    def begin(self, kind, now, pools, samples, restore):
        before = measure_point(pools, samples)
        services = {x["id"]: (x["busy"] * x["share"] / x["transactions"] if x["transactions"] > 0.0 else 0.0)
                    for x in pools}
        self.trial = dict(kind=kind, start=now, before=before, services=services,
                          work=work_rate(before["rates"], services), restore=restore)

    def begin_test(self, now, pools, samples, concurrency, ceiling):
        self.begin("test", now, pools, samples, concurrency)
        self.open = False
        self.ceiling = max(ceiling, 0.75 * self.p["initial_safe"])
        self.ceiling_set = now
        self.direction, self.step, self.failed = -1, self.p["probe_step"], 0
        self.calm, self.blocked = 0.0, 0
        if self.period <= 0.0:
            self.period = self.p["probe_period_s"]

    def reopen(self):
        self.open, self.ceiling, self.trial = True, 0.0, None

    def interrupt(self, now):
        trial, self.trial = self.trial, None
        if trial["kind"] == "test":
            self.reopen()
        elif trial["kind"] == "probe":
            self.ceiling = trial["restore"]
            self.ceiling_set = now
            self.next_probe = now + self.p["probe_period_s"]

    def measure(self, now, pools):
        elapsed = now - self.trial["start"] - self.p["trial_settle_s"]
        if elapsed < self.p["trial_min_s"]:
            return None
        window = math.floor(min(elapsed, self.p["trial_max_s"]))
        before, after = self.trial["before"], measure_point(pools, int(window))
        work = work_rate(after["rates"], self.trial["services"]) / self.trial["work"]
        error = work * math.sqrt(after["error"] * after["error"] + before["error"] * before["error"])
        inside = after["concurrency"] + after["waiting"]
        outcome = dict(after=after, work=work, error=error,
                       ratio=after["concurrency"] / max(before["concurrency"], 1e-6),
                       residence=inside / max(before["concurrency"] + before["waiting"], 1e-6) / work)
        if self.trial["kind"] != "growth" and error > self.p["max_error"] and window < self.p["trial_max_s"]:
            clear_loss = gain_of(self.trial, outcome) < -(0.05 + 4.0 * error)
            return outcome if clear_loss else None
        return outcome
