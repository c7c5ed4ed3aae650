"""Random traces of one server, made from a seed: pools whose load wanders, on pods that restart, vanish, lie and lag.

The plant is a mean-value model (no events): what matters here is not that it is true, but that it visits many states.
The sizes follow the decisions of the reference, with delays and lost writes.
"""

import random

SHORT_POLICY = [("down_window_s", 3, 25), ("down_period_s", 1, 6), ("down_fraction", 0.1, 0.6), ("tolerance", 0.0, 0.2),
                ("target_utilization", 0.5, 0.95), ("max_wait_probability", 0.001, 0.4), ("up_factor", 1.2, 8.0),
                ("up_window_s", 0.0, 4.0), ("up_period_s", 0.0, 4.0)]
SHORT_GUARD = [("trial_max_s", 4, 8), ("lockout_s", 3, 20), ("probe_period_s", 2, 6), ("probe_period_max_s", 5, 20),
               ("clear_s", 4, 15), ("initial_safe", 2, 24), ("forget_s", 20, 400), ("blocked_ticks", 1, 4),
               ("max_error", 0.01, 0.3), ("trial_settle_s", 0.5, 2.0), ("trial_min_s", 1.0, 3.0), ("gain_min", 0.05, 0.5)]
SHORT_ESTIMATOR = [("histogram_half_life_s", 5, 60), ("need_window_s", 3, 15), ("stale_after_s", 1.5, 4.0),
                   ("max_gap_s", 4, 12), ("fast_samples", 1, 5), ("drain_s", 0.3, 3.0), ("contending_s", 2, 12)]


class Pod:
    def __init__(self, rng, size):
        self.size, self.held, self.active, self.waiting = size, rng.randint(0, size), 0, 0
        self.counters = {key: rng.randint(0, 10**9) for key in ("xact_count", "xact_time", "query_time", "wait_time")}
        self.pending = []  # (when it arrives, size)
        self.debt = 0.0    # busy seconds of transactions that are still open
        self.last = None


class Pool:
    def __init__(self, rng, index):
        self.id = f"pool-{index}"
        self.clients, self.peak = rng.uniform(5, 300), rng.uniform(50, 3000)
        self.think, self.work, self.gap = rng.uniform(0.2, 3.0), rng.uniform(0.002, 0.05), rng.choice([0, 0.01, 0.05])
        self.lock = rng.choice([0, 0, 0.3])
        self.leaked = 0
        low = rng.randint(0, 10)
        self.spec = dict(mode=rng.choice(["Auto"] * 8 + ["Recommend", "Fixed"]), min=low, max=max(1, low + rng.randint(0, 90)),
                         initial=rng.randint(1, 30), reserve=rng.choice([0, 0, 0, 1, 5]),
                         weight=rng.choice([0.5, 1.0, 1.0, 2.0, 5.0]), policy={})
        self.size = rng.randint(1, 20)
        self.planned = rng.randint(1, 3)
        self.pods = {f"{self.id}-{i}": Pod(rng, self.size) for i in range(self.planned)}


class Plant:
    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        self.now = rng.uniform(0, 1e5)
        self.pools = [Pool(rng, i) for i in range(rng.choice([1, 1, 2, 3]))]
        self.budget = rng.randint(5, 200)
        self.contention, self.coherence = rng.choice([(0.02, 0.0004), (0.05, 0.002), (0.005, 0.00005), (0.3, 0.01)])
        self.fault_rate = rng.choice([0.0, 0.0, 0.01, 0.05, 0.2])
        self.parameters = self.draw_parameters()
        self.lost_writes = rng.choice([0.0, 0.1])

    def draw_parameters(self):
        rng, result = self.rng, {}
        if rng.random() < 0.25:
            return result  # the defaults

        def draw(ranges):
            chosen = [entry for entry in ranges if rng.random() < 0.7]
            return {key: rng.randint(low, high) if isinstance(low, int) and key in ("fast_samples", "blocked_ticks")
                    else rng.uniform(low, high) for key, low, high in chosen}

        result = {"estimator": draw(SHORT_ESTIMATOR), "guard": draw(SHORT_GUARD)}
        if rng.random() < 0.1:
            result["guard"]["enabled"] = False
        for pool in self.pools:
            pool.spec["policy"] = draw(SHORT_POLICY)
        return result

    def step(self):
        """One second of load, then the record that the sizing gets."""
        rng = self.rng
        elapsed = rng.choice([1.0, 1.0, 1.0, rng.uniform(0.7, 1.3)])
        if rng.random() < self.fault_rate * 0.2:
            elapsed = rng.uniform(2, 40)
        self.now += elapsed
        if rng.random() < 0.01:
            self.budget = rng.randint(5, 200)
        running = sum(pod.active for pool in self.pools for pod in pool.pods.values())
        slow = 1 + self.contention * max(0, running - 1) + self.coherence * running * max(0, running - 1)
        for pool in self.pools:
            self.wander(pool)
            for pod in pool.pods.values():
                self.serve(pool, pod, slow, elapsed)
        return {"time": self.now, "server": "s", "budget": self.budget, "parameters": self.parameters,
                "pools": [self.show(pool) for pool in rng.sample(self.pools, len(self.pools))]}

    def wander(self, pool):
        rng = self.rng
        if rng.random() < 0.06:
            pool.clients = rng.choice([pool.peak, rng.uniform(1, pool.peak), rng.uniform(1, 40), 0])
        if rng.random() < 0.03:
            pool.leaked = rng.choice([0, 0, 1, 3, 10])
        if rng.random() < 0.01:
            pool.spec["max"] = max(1, pool.spec["min"] + rng.randint(0, 60))
            pool.spec["mode"] = rng.choice(["Auto"] * 8 + ["Recommend", "Fixed"])
        if rng.random() < self.fault_rate * 0.3:
            self.change_pods(pool)

    def change_pods(self, pool):
        rng = self.rng
        pool.planned = rng.randint(1, 4)
        names = list(pool.pods)
        if len(names) > 1 and rng.random() < 0.5:
            del pool.pods[rng.choice(names)]
        else:
            pool.pods[f"{pool.id}-{rng.randint(0, 99)}"] = Pod(rng, pool.size)
        if rng.random() < 0.05:
            pool.pods.clear()

    def serve(self, pool, pod, slow, elapsed):
        rng = self.rng
        while pod.pending and pod.pending[0][0] <= self.now:
            pod.size = pod.pending.pop(0)[1]
        service = pool.work * slow + pool.gap + pool.lock
        clients = pool.clients / max(1, len(pool.pods)) * rng.uniform(0.8, 1.2)
        limit = max(0.0, min(pod.size, pod.held + 20) - pool.leaked / max(1, len(pool.pods)))
        rate = min(clients / (pool.think + service), limit / service)
        busy = rate * service
        waiting = max(0.0, clients - rate * (pool.think + service))
        pod.active = min(pod.size, int(rng.gauss(busy, busy ** 0.5 / 2) + 0.5)) if busy > 0 else 0
        pod.active = max(0, pod.active)
        pod.waiting = int(waiting)
        pod.held = max(pod.active, min(pod.held + 20, pod.size)) if pod.held <= pod.size else pod.held - rng.randint(0, 2)
        pod.held = max(pod.held, pod.active)
        self.count(pod, pool, rate, busy, waiting, elapsed)

    def count(self, pod, pool, rate, busy, waiting, elapsed):
        rng, counters = self.rng, pod.counters
        credited = busy * elapsed + pod.debt
        pod.debt = credited * rng.uniform(0, 0.9) if rng.random() < 0.1 else 0.0
        credited -= pod.debt
        outside = credited * pool.gap / (pool.gap + pool.work + pool.lock)
        counters["xact_count"] += int(rate * elapsed)
        counters["xact_time"] += int((credited + waiting * elapsed) * 1e6)
        counters["query_time"] += int((credited - outside + waiting * elapsed) * 1e6)
        counters["wait_time"] += int(waiting * elapsed * rng.uniform(0.8, 1.2) * 1e6)

    def show(self, pool):
        pods = []
        for name, pod in pool.pods.items():
            entry = {"name": name, "ceiling": max([pod.size] + [size for _, size in pod.pending])}
            observation = self.observe(pod)
            if observation is not None:
                entry["observation"] = observation
            pods.append(entry)
        self.rng.shuffle(pods)
        return {"id": pool.id, **pool.spec, "pods": pool.planned, "size": pool.size, "leaked": pool.leaked,
                "pod_inputs": pods}

    def observe(self, pod):
        rng = self.rng
        free = max(0, pod.held - pod.active)
        used = rng.randint(0, free)
        seen = {"time": self.now - rng.choice([0.0, 0.0, rng.uniform(0, 0.5)]), "pool_size": pod.size, "reserve": 0,
                **pod.counters, "sv_active": pod.active, "sv_idle": free - used, "sv_used": used,
                "cl_active": pod.active, "cl_waiting": pod.waiting}
        if rng.random() >= self.fault_rate:
            pod.last = seen
            return seen
        fault = rng.randint(0, 8)
        if fault == 0:
            return None
        if fault == 1:
            return pod.last
        if fault == 2:
            seen[rng.choice(["xact_count", "xact_time", "query_time", "wait_time"])] = None
        elif fault == 3:
            pod.counters = dict.fromkeys(pod.counters, 0)
        elif fault == 4:
            seen["time"] -= rng.uniform(0, 5)
        elif fault == 5:
            seen["paused"] = True
        elif fault == 6:
            seen["time"] += rng.uniform(0, 3)
        elif fault == 7:
            seen.update(sv_active=0, sv_idle=0, sv_used=0, sv_login=1, cl_waiting=rng.randint(1, 50))
        else:
            seen["pool_size"] = 0
        return seen

    def apply(self, decisions):
        rng = self.rng
        for pool in self.pools:
            size = next(d["size"] for d in decisions if d["id"] == pool.id)
            if size == pool.size or rng.random() < self.lost_writes:
                continue
            pool.size = size
            for pod in pool.pods.values():
                earliest = pod.pending[-1][0] if pod.pending else self.now
                pod.pending.append((max(earliest, self.now + rng.uniform(0, 3)), size))
