"""Servers for a load: utilization and square-root staffing, the factor derived from a probability of waiting."""

import functools
import math


def wait_probability(beta):
    density = math.exp(-0.5 * beta * beta) / math.sqrt(2.0 * math.pi)
    below = 0.5 * math.erfc(-beta / math.sqrt(2.0))
    return 1.0 / (1.0 + beta * below / density)


@functools.lru_cache(maxsize=1024)
def beta_for(probability):
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if wait_probability(middle) > probability:
            low = middle
        else:
            high = middle
    return high


def staff(load, utilization, beta):
    if not load > 0.0:
        return 0
    needed = math.ceil(max(load / utilization, load + beta * math.sqrt(load)) - 1e-9)
    return min(needed, 1_000_000)


def round_up(value):
    return math.ceil(value - 1e-9)


def total(values):
    """Left to right: sum() of newer Pythons compensates rounding and so differs in the last bit."""
    result = 0.0
    for value in values:
        result += value
    return result


def clamp(value, low, high):
    return max(low, min(high, value))


def limits_per_pod(pool, pods):
    largest = max(1, pool["max"] // pods)
    smallest = clamp(-(-pool["min"] // pods), 1, largest)
    return {"min": smallest, "max": largest, "initial": clamp(pool["initial"] // pods, smallest, largest)}
