"""A real Prometheus scrapes /metrics: the rules load, and every query of the dashboard and of the PgBouncer mixin finds something."""

import contextlib
import tempfile
import unittest

from monitoring_parts import DASHBOARD, Prometheus, dashboard_queries, serve_fixture
from fixture import TOKEN, Fixture

# What the dashboards of the PgBouncer mixin ask, with its label and its (old) names.
MIXIN = [
    'sum by (pgbouncer_cluster) (pgbouncer_pools_server_active_connections{job=~".+"})',
    'sum by (pgbouncer_cluster, database) (pgbouncer_pools_client_active_connections)',
    'sum by (pgbouncer_cluster) (pgbouncer_pools_client_waiting_connections)',
    'max by (pgbouncer_cluster) (pgbouncer_pools_client_maxwait_seconds)',
    'sum by (pgbouncer_cluster) (rate(pgbouncer_stats_queries_pooled_total[15s]))',
    '1000 * sum(rate(pgbouncer_stats_queries_duration_seconds_total[15s]))',
    'sum by (database) (rate(pgbouncer_stats_sql_transactions_pooled_total[15s]))',
    'sum by (database) (rate(pgbouncer_stats_received_bytes_total[15s]))',
    'sum by (database) (rate(pgbouncer_stats_sent_bytes_total[15s]))',
    'sum(pgbouncer_stats_totals_server_assignments_total)',
    'pgbouncer_databases_pool_size{force_user!=""}',
]
class PrometheusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory())
        target = cls.stack.enter_context(Fixture(serve_fixture(), pools=30, tls="own"))
        cls.prometheus = cls.stack.enter_context(Prometheus(target.url, TOKEN, folder))
        cls.prometheus.until(lambda: cls.prometheus.query("count_over_time(poolwright_build_info[1m]) >= 6"), "a few scrapes")

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_scrapes_succeed(self):
        [target] = self.prometheus.get("/api/v1/targets")["activeTargets"]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))

    def test_no_sample_is_lost_to_another_with_the_same_labels(self):
        scraped = self.prometheus.query("scrape_samples_scraped")[0]["value"][1]
        kept = self.prometheus.query("scrape_samples_post_metric_relabeling")[0]["value"][1]
        self.assertEqual(scraped, kept)

    def test_help_and_type_are_understood(self):
        metadata = self.prometheus.get("/api/v1/metadata")
        self.assertEqual(metadata["poolwright_pool_utilization_ratio"][0]["type"], "gauge")
        self.assertEqual(metadata["poolwright_apply_seconds"][0]["type"], "histogram")
        self.assertEqual(metadata["pgbouncer_stats_queries_pooled_total"][0]["type"], "counter")

    def test_every_query_of_the_dashboard_finds_something(self):
        queries = list(dashboard_queries())
        self.assertGreater(len(queries), 20)
        for title, expression in queries:
            with self.subTest(title):
                self.assertNotIn("$", expression)
                found = self.prometheus.query(expression)
                self.assertTrue(found, expression)

    def test_every_variable_of_the_dashboard_finds_something(self):
        for variable in DASHBOARD["templating"]["list"]:
            if variable["type"] != "query":
                continue
            series, label = variable["definition"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            self.assertTrue(self.prometheus.get(f"/api/v1/label/{label}/values", **{"match[]": series.replace("$namespace", ".*")}))

    def test_dashboards_of_the_mixin_find_their_series(self):
        for expression in MIXIN:
            with self.subTest(expression):
                self.assertTrue(self.prometheus.query(expression))

    def test_rules_are_evaluated_and_raise_what_the_operator_raises(self):
        def all_evaluated():
            groups = self.prometheus.get("/api/v1/rules")["groups"]
            return groups and all(rule["health"] == "ok" for group in groups for rule in group["rules"])

        self.prometheus.until(all_evaluated, "an evaluation of every rule")
        self.prometheus.until(lambda: self.prometheus.query('ALERTS{alertname="PgbouncerDown"}'), "an alert about the PgBouncer that is down")
        [down] = self.prometheus.query('ALERTS{alertname="PgbouncerDown"}')
        [own] = self.prometheus.query('poolwright_alert{alert="PgbouncerDown"}')
        self.assertEqual(down["metric"]["pod"], own["metric"]["pod"])


if __name__ == "__main__":
    unittest.main()
