{{- define "poolwright.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name; with the chart's behind it where it does not hold it already. */}}
{{- define "poolwright.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "poolwright.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "poolwright.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "poolwright.selectorLabels" -}}
app.kubernetes.io/name: {{ include "poolwright.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Not app.kubernetes.io/managed-by=poolwright: that label marks what the operator itself makes. */}}
{{- define "poolwright.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "poolwright.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: poolwright
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of what has none of its own. */}}
{{- define "poolwright.metadata" -}}
labels:
  {{- include "poolwright.labels" . | nindent 2 }}
{{- with .Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "poolwright.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "poolwright.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "poolwright.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Arguments of `poolwright run`. */}}
{{- define "poolwright.args" -}}
- run
{{- range .Values.watchNamespaces }}
- --namespace={{ . }}
{{- end }}
- --secrets={{ .Values.secrets }}
{{- if .Values.leaderElection.enabled }}
- --lease-namespace={{ .Release.Namespace }}
{{- else }}
- --no-leader-election
{{- end }}
- --pgbouncer-image={{ .Values.pgbouncerImage.repository }}
{{- if .Values.web.enabled }}
- --web-port={{ .Values.web.port }}
- --web-tls={{ .Values.web.tls.mode }}
{{- if eq .Values.web.tls.mode "files" }}
- --web-certificate=/etc/poolwright/web/tls.crt
- --web-key=/etc/poolwright/web/tls.key
{{- end }}
{{- if .Values.web.tokenSecretName }}
- --web-token-file=/etc/poolwright/token/token
{{- end }}
{{- else }}
- --no-web
{{- end }}
- --workers={{ .Values.workers }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The operator's rules; those of config/rbac/role.yaml, without list and watch of Secrets where they are polled. */}}
{{- define "poolwright.rules" -}}
{{- $poll := eq .Values.secrets "poll" -}}
{{- range $rule := (.Files.Get "files/rules.yaml" | fromYaml).rules }}
{{- if and $poll (has "secrets" $rule.resources) }}
{{- $rule = set (deepCopy $rule) "verbs" (without $rule.verbs "list" "watch") }}
{{- end }}
{{ list $rule | toYaml }}
{{- end }}
{{- end -}}

{{/* Rules by which the operator learns whose token it is and whether they may. */}}
{{- define "poolwright.reviews" -}}
{{- range (.Files.Get "files/rules.yaml" | fromYaml).reviews }}
{{ list . | toYaml }}
{{- end }}
{{- end -}}

{{- define "poolwright.subject" -}}
- kind: ServiceAccount
  name: {{ include "poolwright.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The operator asks the API server who its readers are: a right on the cluster. */}}
{{- define "poolwright.asksForReaders" -}}
{{- if and .Values.web.enabled (not .Values.web.tokenSecretName) }}yes{{ end -}}
{{- end -}}

{{- define "poolwright.webScheme" -}}
{{- ternary "HTTP" "HTTPS" (eq .Values.web.tls.mode "off") -}}
{{- end -}}

{{/* What the schema cannot say. */}}
{{- define "poolwright.check" -}}
{{- if and (eq .Values.web.tls.mode "files") (not .Values.web.tls.secretName) -}}
{{- fail "web.tls.secretName: must name a Secret with the keys tls.crt and tls.key where web.tls.mode is files" -}}
{{- end -}}
{{- if and (or .Values.serviceMonitor.enabled .Values.podMonitor.enabled) (not .Values.web.enabled) -}}
{{- fail "web.enabled: must be true where serviceMonitor or podMonitor is enabled: it serves the metrics" -}}
{{- end -}}
{{- if and .Values.podMonitor.enabled (not .Values.podMonitor.tokenSecret.name) -}}
{{- fail "podMonitor.tokenSecret.name: must name a Secret with a token that may read the metrics" -}}
{{- end -}}
{{- if and (not .Values.leaderElection.enabled) (gt (int .Values.replicas) 1) -}}
{{- fail (printf "replicas: must be 1 where leaderElection.enabled is false, or several operators would work at once; got %d" (int .Values.replicas)) -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) .Values.rbac.create -}}
{{- fail "serviceAccount.name: must name an existing ServiceAccount where serviceAccount.create is false" -}}
{{- end -}}
{{- end -}}
