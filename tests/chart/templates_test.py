"""What the charts make of many values, and which values they refuse."""

import unittest

import yaml

from charts import (NAMESPACE, OPERATOR, POOLS, ROOT, HelmError, arguments_of, find, find_all, helm, helm_program, pod_of, render,
                    verbs_on)


def setUpModule():
    helm_program()


def operator_rules():
    documents = yaml.safe_load_all((ROOT / "config/rbac/role.yaml").read_text())
    return next(one["rules"] for one in documents if one["kind"] == "ClusterRole")


def asks_who(rule):
    return rule["resources"] in (["tokenreviews"], ["subjectaccessreviews"])


class Lint(unittest.TestCase):
    def test_helm_finds_nothing(self):
        for chart in (OPERATOR, POOLS):
            self.assertIn("0 chart(s) failed", helm("lint", "--strict", chart))

    def test_a_broken_template_is_found(self):
        with self.assertRaises(HelmError):
            helm("lint", "--strict", OPERATOR, "--set", "replicas=two")


class Defaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = render()

    def test_the_objects_are_these(self):
        self.assertEqual(sorted((one["kind"], one["metadata"]["name"]) for one in self.objects if "helm.sh/hook" not in
                                one["metadata"].get("annotations", {})), [
            ("ClusterRole", "poolwright"), ("ClusterRole", "poolwright-edit"), ("ClusterRole", "poolwright-monitoring-reader"),
            ("ClusterRole", "poolwright-view"),
            ("ClusterRoleBinding", "poolwright"), ("CustomResourceDefinition", "connectionpools.poolwright.dev"),
            ("Deployment", "poolwright"), ("PodDisruptionBudget", "poolwright"), ("Role", "poolwright-lease"),
            ("RoleBinding", "poolwright-lease"), ("Service", "poolwright"), ("ServiceAccount", "poolwright")])

    def test_two_replicas_elect_a_leader(self):
        self.assertEqual(find(self.objects, "Deployment")["spec"]["replicas"], 2)
        self.assertIn(f"--lease-namespace={NAMESPACE}", arguments_of(self.objects))

    def test_pods_are_restricted(self):
        pod = pod_of(self.objects)
        container = pod["containers"][0]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                        "capabilities": {"drop": ["ALL"]}})

    def test_the_image_is_that_of_the_version(self):
        version = (ROOT / "VERSION").read_text().strip()
        self.assertEqual(pod_of(self.objects)["containers"][0]["image"], f"poolwright/poolwright:{version}")

    def test_every_object_is_labelled(self):
        for one in self.objects:
            self.assertEqual(one["metadata"]["labels"]["app.kubernetes.io/instance"], "poolwright", one["metadata"]["name"])
            self.assertNotEqual(one["metadata"]["labels"]["app.kubernetes.io/managed-by"], "poolwright")

    def test_selectors_choose_the_pods(self):
        deployment = find(self.objects, "Deployment")
        labels = deployment["spec"]["template"]["metadata"]["labels"].items()
        for selector in (deployment["spec"]["selector"], find(self.objects, "PodDisruptionBudget")["spec"]["selector"]):
            self.assertLessEqual(selector["matchLabels"].items(), labels)

    def test_namespaced_objects_are_in_the_namespace_of_the_release(self):
        for one in self.objects:
            if one["kind"] not in ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"):
                self.assertEqual(one["metadata"]["namespace"], NAMESPACE, one["metadata"]["name"])


class Rights(unittest.TestCase):
    def test_they_are_those_of_config_rbac(self):
        self.assertEqual(find(render(), "ClusterRole", "poolwright")["rules"], operator_rules())

    def test_polled_secrets_are_neither_listed_nor_watched(self):
        rules = find(render(secrets="poll"), "ClusterRole", "poolwright")["rules"]
        self.assertEqual(verbs_on(rules, "", "secrets"), verbs_on(operator_rules(), "", "secrets") - {"list", "watch"})
        others = [rule for rule in rules if "secrets" not in rule["resources"]]
        self.assertEqual(others, [rule for rule in operator_rules() if "secrets" not in rule["resources"]])

    def test_nobody_has_a_wildcard(self):
        for one in find_all(render(), "ClusterRole") + find_all(render(watchNamespaces=["shop"]), "Role"):
            for rule in one["rules"]:
                self.assertNotIn("*", rule["verbs"] + rule.get("resources", []) + rule.get("apiGroups", []))

    def test_named_namespaces_get_roles_and_nothing_is_cluster_wide(self):
        objects = render(watchNamespaces=["shop", "billing"], crds={"install": False}, rbac={"aggregate": False},
                         web={"tokenSecretName": "readers"})
        self.assertEqual([one["metadata"]["name"] for one in objects if one["kind"].startswith("Cluster")], [])
        for namespace in ("shop", "billing"):
            self.assertEqual(find(objects, "Role", "poolwright", namespace)["rules"], [one for one in operator_rules() if not asks_who(one)])
            binding = find(objects, "RoleBinding", "poolwright", namespace)
            self.assertEqual(binding["roleRef"]["name"], "poolwright")
            self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": "poolwright", "namespace": NAMESPACE}])
        self.assertEqual([word for word in arguments_of(objects) if "--namespace" in word], ["--namespace=shop", "--namespace=billing"])

    def test_the_lease_is_the_only_right_in_the_own_namespace(self):
        objects = render(watchNamespaces=["shop"])
        self.assertEqual([one["metadata"]["name"] for one in find_all(objects, "Role", namespace=NAMESPACE)], ["poolwright-lease"])
        self.assertEqual(find(objects, "Role", "poolwright-lease")["rules"],
                         [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "patch"]}])

    def test_roles_of_the_cluster_are_extended(self):
        stored = list(yaml.safe_load_all((ROOT / "config/rbac/aggregate.yaml").read_text()))
        for role in stored:
            rendered = find(render(), "ClusterRole", role["metadata"]["name"])
            self.assertEqual(rendered["rules"], role["rules"])
            self.assertLessEqual(role["metadata"]["labels"].items(), rendered["metadata"]["labels"].items())
        self.assertEqual(len(find_all(render(rbac={"aggregate": False, "reader": False}), "ClusterRole")), 1)

    def test_readers_are_asked_for_by_a_right_on_the_cluster(self):
        objects = render(watchNamespaces=["shop"])
        self.assertEqual(find(objects, "ClusterRole", "poolwright-reviews")["rules"], [one for one in operator_rules() if asks_who(one)])
        self.assertEqual(find(objects, "ClusterRoleBinding", "poolwright-reviews")["roleRef"]["name"], "poolwright-reviews")
        for values in ({"web": {"enabled": False}}, {"web": {"tokenSecretName": "t"}}):
            self.assertEqual([rule for rule in find(render(**values), "ClusterRole", "poolwright")["rules"] if asks_who(rule)], [])
            self.assertEqual(find_all(render(**values), "ClusterRole", "poolwright-monitoring-reader"), [])

    def test_readers_may_read_what_the_reader_of_config_rbac_may(self):
        stored = yaml.safe_load((ROOT / "config/rbac/monitoring_reader.yaml").read_text())
        self.assertEqual(find(render(), "ClusterRole", "poolwright-monitoring-reader")["rules"], stored["rules"])
        self.assertEqual(find_all(render(), "ClusterRoleBinding", "poolwright-monitoring-reader"), [])
        prometheus = {"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}
        binding = find(render(rbac={"readers": [prometheus]}), "ClusterRoleBinding", "poolwright-monitoring-reader")
        self.assertEqual(binding["subjects"], [prometheus])

    def test_none_where_they_are_not_wanted(self):
        objects = render(rbac={"create": False, "aggregate": False, "reader": False})
        self.assertEqual([one for one in objects if "Role" in one["kind"]], [])


class Switches(unittest.TestCase):
    def test_the_crd_is_kept_unless_told_otherwise(self):
        keep = ("helm.sh/resource-policy", "keep")
        self.assertIn(keep, find(render(), "CustomResourceDefinition")["metadata"]["annotations"].items())
        self.assertNotIn("annotations", find(render(crds={"keep": False}), "CustomResourceDefinition")["metadata"])
        self.assertEqual(find_all(render(crds={"install": False}), "CustomResourceDefinition"), [])

    def test_the_crd_is_that_of_the_tree(self):
        source = yaml.safe_load((ROOT / "crds/poolwright.dev_connectionpools.yaml").read_text())
        self.assertEqual(find(render(), "CustomResourceDefinition")["spec"], source["spec"])

    def test_one_replica_needs_no_lease_and_no_budget(self):
        objects = render(replicas=1, leaderElection={"enabled": False})
        self.assertIn("--no-leader-election", arguments_of(objects))
        self.assertEqual(find_all(objects, "PodDisruptionBudget") + find_all(objects, "Role"), [])
        self.assertEqual(find(objects, "Deployment")["spec"]["strategy"], {"type": "Recreate"})

    def test_a_digest_wins_over_the_tag(self):
        digest = "sha256:" + "0" * 64
        for image, expected in (({"tag": "9.9"}, "poolwright/poolwright:9.9"),
                                ({"tag": "9.9", "digest": digest}, f"poolwright/poolwright@{digest}"),
                                ({"repository": "localhost:5000/pw", "digest": digest}, f"localhost:5000/pw@{digest}")):
            self.assertEqual(pod_of(render(image=image))["containers"][0]["image"], expected)

    def test_pods_are_placed_as_asked(self):
        pod = pod_of(render(affinity={"nodeAffinity": {}}, tolerations=[{"key": "a"}], nodeSelector={"b": "c"}, priorityClassName="high",
                            topologySpreadConstraints=[{"maxSkew": 1}], imagePullSecrets=[{"name": "login"}],
                            resources={"limits": {"cpu": "1"}}))
        self.assertEqual(pod["affinity"], {"nodeAffinity": {}})
        self.assertEqual(pod["tolerations"], [{"key": "a"}])
        self.assertEqual((pod["nodeSelector"], pod["priorityClassName"]), ({"b": "c"}, "high"))
        self.assertEqual((pod["topologySpreadConstraints"], pod["imagePullSecrets"]), ([{"maxSkew": 1}], [{"name": "login"}]))
        self.assertEqual(pod["containers"][0]["resources"]["limits"]["cpu"], "1")

    def test_labels_and_annotations_reach_every_object(self):
        for one in render(commonLabels={"team": "data"}, commonAnnotations={"a.example/b": "c"}):
            self.assertEqual(one["metadata"]["labels"]["team"], "data", one["kind"])
            self.assertEqual(one["metadata"]["annotations"]["a.example/b"], "c", one["kind"])

    def test_names_follow_release_and_overrides(self):
        for release, values, name in (("poolwright", {}, "poolwright"), ("db", {}, "db-poolwright"), ("my-poolwright", {}, "my-poolwright"),
                                      ("db", {"nameOverride": "pools"}, "db-pools"), ("db", {"fullnameOverride": "pw"}, "pw"),
                                      ("x" * 53, {}, "x" * 50)):
            self.assertEqual(find(render(release=release, **values), "Deployment")["metadata"]["name"], name)

    def test_an_own_service_account_is_used(self):
        objects = render(serviceAccount={"create": False, "name": "mine"})
        self.assertEqual(find_all(objects, "ServiceAccount"), [])
        self.assertEqual(pod_of(objects)["serviceAccountName"], "mine")
        self.assertEqual(find(objects, "ClusterRoleBinding")["subjects"][0]["name"], "mine")

    def test_arguments_and_environment_are_passed_on(self):
        objects = render(extraArgs=["--context=a b"], extraEnv=[{"name": "A", "value": "b"}], workers=9, log={"level": "debug"},
                         pgbouncerImage={"repository": "registry.example/pgbouncer"})
        self.assertIn("--context=a b", arguments_of(objects))
        self.assertIn({"name": "A", "value": "b"}, pod_of(objects)["containers"][0]["env"])
        for word in ("--workers=9", "--log-level=debug", "--pgbouncer-image=registry.example/pgbouncer"):
            self.assertIn(word, arguments_of(objects))

    def test_the_web_server_is_probed_and_served(self):
        objects = render(web={"port": 9443})
        container = pod_of(objects)["containers"][0]
        self.assertEqual(container["ports"], [{"name": "web", "containerPort": 9443, "protocol": "TCP"}])
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            self.assertEqual(container[probe]["httpGet"], {"path": path, "port": "web", "scheme": "HTTPS"})
        self.assertEqual(find(objects, "Service")["spec"]["ports"], [{"name": "web", "port": 9443, "targetPort": "web", "protocol": "TCP"}])
        self.assertIn("--web-port=9443", container["args"])

    def test_the_web_server_can_be_off_or_without_tls(self):
        off = render(web={"enabled": False})
        self.assertIn("--no-web", arguments_of(off))
        self.assertEqual(find_all(off, "Service"), [])
        self.assertNotIn("livenessProbe", pod_of(off)["containers"][0])
        plain = pod_of(render(web={"tls": {"mode": "off"}}))["containers"][0]
        self.assertEqual(plain["readinessProbe"]["httpGet"]["scheme"], "HTTP")
        self.assertIn("--web-tls=off", plain["args"])

    def test_certificates_and_tokens_are_mounted(self):
        pod = pod_of(render(web={"tls": {"mode": "files", "secretName": "web-tls"}, "tokenSecretName": "readers"}))
        mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
        secrets = {one["name"]: one["secret"]["secretName"] for one in pod["volumes"]}
        self.assertEqual((mounts, secrets), ({"web": "/etc/poolwright/web", "token": "/etc/poolwright/token"},
                                             {"web": "web-tls", "token": "readers"}))
        for word in ("--web-certificate=/etc/poolwright/web/tls.crt", "--web-key=/etc/poolwright/web/tls.key",
                     "--web-token-file=/etc/poolwright/token/token"):
            self.assertIn(word, pod["containers"][0]["args"])
        self.assertNotIn("volumes", pod_of(render()))

    def test_monitors_scrape_the_service_and_the_pods(self):
        service = find(render(serviceMonitor={"enabled": True, "labels": {"release": "prom"}, "interval": "15s"}), "ServiceMonitor")
        endpoint = service["spec"]["endpoints"][0]
        self.assertEqual((endpoint["port"], endpoint["path"], endpoint["scheme"], endpoint["interval"], endpoint["honorLabels"]),
                         ("web", "/metrics", "https", "15s", True))
        self.assertEqual(endpoint["tlsConfig"], {"insecureSkipVerify": True})
        self.assertLessEqual(service["spec"]["selector"]["matchLabels"].items(), find(render(), "Service")["metadata"]["labels"].items())
        pods = find(render(podMonitor={"enabled": True, "tokenSecret": {"name": "t"}}, web={"tls": {"mode": "off"}}), "PodMonitor")
        endpoint = pods["spec"]["podMetricsEndpoints"][0]
        self.assertEqual((endpoint["scheme"], endpoint["authorization"]["credentials"]), ("http", {"name": "t", "key": "token"}))
        self.assertNotIn("tlsConfig", endpoint)

    def test_the_test_pod_lists_pools_where_the_operator_looks(self):
        for namespaces, expected in (([], [["status", "--all-namespaces"]]),
                                     (["a", "b"], [["status", "--namespace=a"], ["status", "--namespace=b"]])):
            objects = render(watchNamespaces=namespaces)
            pod = find(objects, "Pod")
            self.assertEqual(pod["metadata"]["annotations"]["helm.sh/hook"], "test")
            self.assertEqual([one["args"] for one in pod["spec"]["containers"]], expected)
            container, operator = pod["spec"]["containers"][0], pod_of(objects)["containers"][0]
            self.assertEqual((container["image"], container["securityContext"]), (operator["image"], operator["securityContext"]))
            selector = find(objects, "Deployment")["spec"]["selector"]["matchLabels"].items()
            self.assertFalse(selector <= pod["metadata"]["labels"].items(), "it must not become a pod of the Deployment")

    def test_the_network_policy_lets_out_what_is_needed(self):
        spec = find(render(networkPolicy={"enabled": True, "serverPorts": [5433], "ingressFrom": [{"podSelector": {}}]}), "NetworkPolicy")["spec"]
        self.assertLessEqual(spec["podSelector"]["matchLabels"].items(),
                             find(render(), "Deployment")["spec"]["template"]["metadata"]["labels"].items())
        self.assertEqual(spec["ingress"], [{"ports": [{"port": "web", "protocol": "TCP"}], "from": [{"podSelector": {}}]}])
        self.assertEqual(sorted({port["port"] for rule in spec["egress"] for port in rule["ports"]}), [53, 443, 5433, 6432, 6443])
        self.assertEqual(find(render(networkPolicy={"enabled": True}, web={"enabled": False}), "NetworkPolicy")["spec"]["ingress"], [])

    def test_alerts_become_a_rule(self):
        rule = find(render(prometheusRule={"enabled": True, "labels": {"release": "prom"}, "namespace": "monitoring",
                                           "runbookBaseUrl": "https://runbooks.example/"}), "PrometheusRule")
        stored = yaml.safe_load((OPERATOR / "files/alerts.yaml").read_text())
        names = [[alert["alert"] for alert in group["rules"]] for group in rule["spec"]["groups"]]
        self.assertEqual(names, [[alert["alert"] for alert in group["rules"]] for group in stored["groups"]])
        self.assertEqual((rule["metadata"]["labels"]["release"], rule["metadata"]["namespace"]), ("prom", "monitoring"))
        first = rule["spec"]["groups"][0]["rules"][0]
        self.assertEqual(first["annotations"]["runbook_url"], f"https://runbooks.example/{first['alert']}.md")
        self.assertEqual(first["annotations"]["summary"], stored["groups"][0]["rules"][0]["annotations"]["summary"])

    def test_the_dashboard_is_found_by_grafana(self):
        dashboard = find(render(dashboard={"enabled": True}), "ConfigMap")
        self.assertEqual(dashboard["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(yaml.safe_load(dashboard["data"]["poolwright.json"]),
                         yaml.safe_load((OPERATOR / "files/dashboard.json").read_text()))

    def test_extra_manifests_are_templates(self):
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra"}}
        self.assertEqual(find(render(extraManifests=[config]), "ConfigMap")["metadata"]["name"], "poolwright-extra")
        self.assertEqual(find(render(extraManifests=[yaml.safe_dump(config)]), "ConfigMap")["metadata"]["name"], "poolwright-extra")


class Kustomize(unittest.TestCase):
    """The one file has what the chart makes of its defaults."""

    def test_the_same_pods_and_service(self):
        stored = list(yaml.safe_load_all((ROOT / "config/install.yaml").read_text()))
        rendered = render()
        for kind in ("Deployment", "Service", "PodDisruptionBudget"):
            expected, found = find(rendered, kind)["spec"], find(stored, kind)["spec"]
            for one in (expected, found):
                one.get("template", {}).pop("metadata", None)
            self.assertEqual(found, expected, kind)

    def test_the_same_objects(self):
        stored = {(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all((ROOT / "config/install.yaml").read_text())}
        self.assertEqual(stored - {("Namespace", NAMESPACE)}, {(one["kind"], one["metadata"]["name"]) for one in render()
                                                               if "helm.sh/hook" not in one["metadata"].get("annotations", {})})


REFUSED = [
    ({"replicas": 11}, "replicas"),
    ({"replicas": "two"}, "replicas"),
    ({"replicas": 2, "leaderElection": {"enabled": False}}, "must be 1 where leaderElection.enabled is false"),
    ({"secrets": "push"}, "secrets"),
    ({"workers": 0}, "workers"),
    ({"watchNamespaces": ["Shop"]}, "watchNamespaces"),
    ({"watchNamespaces": ["a", "a"]}, "watchNamespaces"),
    ({"image": {"digest": "sha256:12"}}, "digest"),
    ({"image": {"repository": "a:b@c"}}, "repository"),
    ({"log": {"level": "loud"}}, "level"),
    ({"leaderelection": {"enabled": False}}, "leaderelection"),
    ({"crds": {"instal": True}}, "instal"),
    ({"commonLabels": {"a": 1}}, "commonLabels"),
    ({"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable"),
    ({"terminationGracePeriodSeconds": 1}, "terminationGracePeriodSeconds"),
    ({"serviceAccount": {"create": False}}, "serviceAccount.name: must name"),
    ({"extraManifests": [1]}, "extraManifests"),
    ({"web": {"port": 80}}, "port"),
    ({"web": {"tls": {"mode": "files"}}}, "web.tls.secretName: must name a Secret"),
    ({"web": {"tls": {"mode": "on"}}}, "mode"),
    ({"web": {"enabled": False}, "serviceMonitor": {"enabled": True}}, "web.enabled: must be true"),
    ({"podMonitor": {"enabled": True}}, "podMonitor.tokenSecret.name: must name"),
    ({"serviceMonitor": {"interval": "30"}}, "interval"),
]


class Refusals(unittest.TestCase):
    def test_each_names_the_value(self):
        for values, expected in REFUSED:
            with self.subTest(values=values):
                with self.assertRaises(HelmError) as refused:
                    render(**values)
                self.assertIn(expected, str(refused.exception))

    def test_pools_without_a_spec_or_with_a_bad_name(self):
        for pools, expected in (({"orders": {}}, "spec"), ({"Orders": {"spec": {}}}, "Orders"), ({"a": {"spec": {}, "nmespace": "b"}}, "nmespace")):
            with self.subTest(pools=pools), self.assertRaises(HelmError) as refused:
                render(POOLS, pools=pools)
            self.assertIn(expected, str(refused.exception))


class PoolsChart(unittest.TestCase):
    SPEC = {"postgres": {"host": "db.shop.svc"}, "databases": [{"name": "orders", "credentialsSecretRef": {"name": "orders-app"}}]}

    def test_nothing_by_default(self):
        self.assertEqual(render(POOLS), [])

    def test_pools_are_made_of_values(self):
        pools = {"orders": {"spec": self.SPEC}, "billing": {"spec": self.SPEC, "namespace": "billing", "labels": {"a": "b"},
                                                             "annotations": {"poolwright.dev/reconcile": "disabled"}}}
        objects = render(POOLS, namespace="shop", pools=pools, commonLabels={"team": "data"})
        orders, billing = find(objects, "ConnectionPool", "orders", "shop"), find(objects, "ConnectionPool", "billing", "billing")
        self.assertEqual(orders["spec"], self.SPEC)
        self.assertLessEqual({"a": "b", "team": "data"}.items(), billing["metadata"]["labels"].items())
        self.assertEqual(billing["metadata"]["annotations"], {"poolwright.dev/reconcile": "disabled"})
        self.assertNotIn("annotations", orders["metadata"])

    def test_a_pool_wins_over_the_defaults(self):
        pools = {"orders": {"spec": {**self.SPEC, "pgbouncer": {"replicas": 3}}}}
        spec = find(render(POOLS, pools=pools, defaults={"pgbouncer": {"replicas": 1, "version": "1.24"}}), "ConnectionPool")["spec"]
        self.assertEqual(spec["pgbouncer"], {"replicas": 3, "version": "1.24"})


if __name__ == "__main__":
    unittest.main()
