"""Demand -> size per pod: up at once in bounded steps, down slowly and not below what the window needed."""

import math
from collections import deque

from .estimator import NONE, WARMING_UP
from .staffing import beta_for, clamp, round_up, staff, total


class Recommender:
    def __init__(self, parameters):
        self.p = parameters
        self.needs = deque()  # (time, now, larger of now and past, load)
        self.last = dict(now=1, past=1, compensation=0, window_max=1, need=1, bare=1, target=1, want=1,
                         growth_wanted=False, contending=False)
        self.started = math.inf
        self.last_up = self.last_down = self.pressed = -1e18

    def note_step(self, now, before, after):
        if after > before:
            self.last_up = now
        if after < before:
            self.last_down = now

    def recommend(self, now, demand, remembered, pool, pods, limits):
        policy = pool["policy"]
        size = clamp(pool["size"], limits["min"], limits["max"])
        if not demand["fresh"] or demand["doubt"] == WARMING_UP:
            contending = now - self.pressed <= self.p["contending_s"]
            self.last = {**self.last, "want": size, "growth_wanted": False, "contending": contending}
            return self.last

        compensation = min(-(-demand["leaked"] // pods), int(policy["leak_compensation"] * limits["max"] + 1e-9))

        def needed(load):
            wanted = staff(load / pods, policy["target_utilization"], beta_for(policy["max_wait_probability"]))
            return clamp(wanted + compensation, limits["min"], limits["max"])

        result = dict(compensation=compensation, now=needed(demand["load"]),
                      past=needed(min(remembered, float(limits["max"]) * pods)))
        trusted = demand["doubt"] == NONE
        if trusted:
            self.remember(now, result, demand["load"], policy)
        if demand["queueing"] or demand["load"] > 0.9 * size * pods:
            self.pressed = now
        result["contending"] = now - self.pressed <= self.p["contending_s"]
        highest = max((need[2] for need in self.needs if need[0] >= now - policy["down_window_s"]), default=0)
        result["window_max"] = clamp(highest, limits["min"], limits["max"])
        result["target"] = max(result["now"], result["window_max"])
        result["want"] = size
        result["growth_wanted"] = False
        if result["now"] > size:
            grown = self.step_up(now, demand, policy, result["now"], size)
            result["growth_wanted"] = grown > size
            if not demand["opening"]:
                result["want"] = grown
        elif trusted:
            result["want"] = self.step_down(now, policy, result["window_max"], size, limits)
        self.set_needs(now, demand, pods, limits, result)
        self.last = result
        return result

    def remember(self, now, result, load, policy):
        self.started = min(self.started, now)
        self.needs.append((now, result["now"], max(result["now"], result["past"]), load))
        window = max(policy["down_window_s"], policy["up_window_s"], self.p["need_window_s"])
        while self.needs[0][0] < now - window:
            self.needs.popleft()

    def step_up(self, now, demand, policy, asked, size):
        if now - self.last_up < policy["up_period_s"]:
            return size
        asked = min([asked] + [need[1] for need in self.needs if need[0] >= now - policy["up_window_s"]])
        if demand["waiting"] == 0 and asked <= size * (1.0 + policy["tolerance"]):
            return size
        step = max(round_up(size * policy["up_factor"]), size + policy["up_step"])
        return max(size, min(asked, step))

    def step_down(self, now, policy, window_max, size, limits):
        if window_max > size - 1 or window_max >= size * (1.0 - policy["tolerance"]):
            return size
        if now - self.last_down < policy["down_period_s"] or now - self.started < policy["down_window_s"]:
            return size
        covered = sum(1 for need in self.needs if need[0] >= now - policy["down_window_s"])
        if float(covered) < 0.4 * policy["down_window_s"]:
            return size
        smallest = min(size - 1, round_up(size * (1.0 - policy["down_fraction"])))
        return max(window_max, smallest, limits["min"])

    def set_needs(self, now, demand, pods, limits, result):
        recent = []
        if not demand["queueing"]:
            recent = [need for need in self.needs if need[0] >= now - self.p["need_window_s"]]
        sizes, loads, count = float(result["now"]), demand["load"], 1.0
        if recent:
            sizes, loads, count = total(need[1] for need in recent), total(need[3] for need in recent), float(len(recent))
        result["need"] = clamp(round_up(sizes / count), limits["min"], limits["max"])
        lean = staff(loads / count / pods, self.p["bare_utilization"], self.p["bare_beta"])
        result["bare"] = clamp(lean, limits["min"], max(limits["min"], min(result["want"], limits["max"])))
