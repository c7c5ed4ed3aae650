"""Defaults of every constant, under the keys of an observation log."""

POLICY = {
    "target_utilization": 0.70, "max_wait_probability": 0.03,
    "up_factor": 8.0, "up_step": 8, "up_period_s": 1.0, "up_window_s": 0.0,
    "down_window_s": 120.0, "down_fraction": 0.25, "down_period_s": 15.0,
    "tolerance": 0.10, "leak_compensation": 0.5,
}

ESTIMATOR = {
    "fast_samples": 3, "drain_s": 1.0, "histogram_half_life_s": 120.0, "histogram_percentile": 0.95,
    "need_window_s": 15.0, "bare_utilization": 0.9, "bare_beta": 1.0,
    "stale_after_s": 3.0, "max_gap_s": 10.0, "min_step_s": 0.2, "contending_s": 10.0,
}

GUARD = {
    "enabled": True, "initial_safe": 16.0, "growth_factor": 2.0, "trial_share": 0.7, "trial_settle_s": 1.5,
    "trial_min_s": 3.0, "trial_max_s": 15.0, "max_error": 0.04, "gain_min": 0.25, "min_ratio": 1.20,
    "test_shrink": 0.75, "blocked_ticks": 4, "lockout_s": 60.0, "probe_period_s": 20.0, "probe_period_max_s": 120.0,
    "probe_step": 0.15, "probe_step_max": 0.6, "gain_probe": 0.30, "gain_epsilon": 0.02, "clear_s": 30.0,
    "forget_s": 1800.0,
}

POOL = {"mode": "Auto", "min": 5, "max": 25, "initial": 25, "reserve": 0, "weight": 1.0, "pods": 1, "size": 1, "leaked": 0}


def filled(given, defaults):
    return {**defaults, **given}
