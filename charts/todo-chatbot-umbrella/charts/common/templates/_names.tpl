{{/* What a definition works with, names and labels. */}}

{{/*
Lays the defaults beneath the values, once. Its argument is a service: the root of a chart, or what `common.services` makes of
an entry under `services`. Every definition of an object begins with it.
*/}}
{{- define "common.prepare" -}}
{{- include "common.prepareGlobals" . }}
{{- if not (hasKey . "Prepared") }}
{{- $given := deepCopy .Values }}
{{- include "common.dropNulls" $given }}
{{- $_ := set . "Given" $given }}
{{- $_ := set . "Values" (mustMergeOverwrite (include "common.defaults" . | fromYaml) (deepCopy $given)) }}
{{- $_ := set . "Prepared" true }}
{{- include "common.leaveOut" . }}
{{- include "common.fitRequests" . }}
{{- include "common.check" . }}
{{- range $key := list "podSecurityContext" "containerSecurityContext" }}
{{- range $field, $value := index $.Values $key }}
{{- if kindIs "invalid" $value }}{{ $_ := unset (index $.Values $key) $field }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Takes null away wherever a value with a default may stand, also within sections: it is as if nothing stood there. Elsewhere
null says something of its own, such as leaving out one limit, or one field of a security context.
*/}}
{{- define "common.dropNulls" -}}
{{- $values := . }}
{{- $sections := list "service" "image" "serviceAccount" "persistence" "probes" "startupProbe" "readinessProbe" "livenessProbe" "strategy" "tls" "autoscaling" "networkPolicy" "ingress" "httpRoute" }}
{{- range $key, $value := $values }}
{{- if kindIs "invalid" $value }}
{{- $_ := unset $values $key }}
{{- else if and (has $key $sections) (kindIs "map" $value) }}
{{- include "common.dropNulls" $value }}
{{- if not $value }}{{ $_ := unset $values $key }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Takes away what the values leave out of `resources` by null, and writes numbers as a person does. Of a chart's own values helm has taken such a key away before, so
that it is missing beside those that are there.
*/}}
{{- define "common.leaveOut" -}}
{{- $given := .Given.resources | default dict }}
{{- $resources := .Values.resources | default dict }}
{{- $taken := and (not .Path) (kindIs "map" .Given.resources) }}
{{- range $part := keys $resources }}
{{- if or (not (index $resources $part)) (and $taken (not (hasKey $given $part))) }}
{{- $_ := unset $resources $part }}
{{- else }}
{{- $own := index $given $part }}
{{- range $kind := keys (index $resources $part) }}
{{- $gone := and $own (not $.Path) (not (hasKey $own $kind)) }}
{{- if or $gone (kindIs "invalid" (index $resources $part $kind)) }}
{{- $_ := unset (index $resources $part) $kind }}
{{- else }}
{{- $_ := set (index $resources $part) $kind (include "common.text" (index $resources $part $kind)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set .Values "resources" $resources }}
{{- end }}

{{- define "common.prepareGlobals" -}}
{{- if not (hasKey . "PreparedGlobals") }}
{{- $given := deepCopy (.Values.global | default dict) }}
{{- include "common.dropNulls" $given }}
{{- $globals := mustMergeOverwrite (include "common.globals" . | fromYaml) $given }}
{{- $_ := set . "Values" (mustMerge (dict "global" $globals) (deepCopy .Values)) }}
{{- $_ := set . "PreparedGlobals" true }}
{{- end }}
{{- end }}

{{/*
All services of an umbrella chart that are installed, ready for every other definition: its subcharts, in the order of
Chart.yaml, and the entries under `services`. `into` gets them by name, and `names` in order; `root` is the umbrella.
*/}}
{{- define "common.services" -}}
{{- include "common.prepareGlobals" .root }}
{{- $found := dict }}
{{- $names := list }}
{{- range .root.Chart.Dependencies }}
{{- $chart := index $.root.Subcharts .Name }}
{{- if and $chart (ne (toString $chart.Chart.Type) "library") }}
{{- if and $chart.Prepared (not (hasKey $chart "Peers")) }}{{ $_ := set $chart "Early" true }}{{ end }}
{{- include "common.prepare" $chart }}
{{- $_ := set $found .Name $chart }}
{{- $names = append $names .Name }}
{{- end }}
{{- end }}
{{- range $name, $values := .root.Values.services }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$" $name) }}
{{- fail (printf "services.'%s': no name for a service: small letters, digits and hyphens, at most 53, beginning with a letter" $name) }}
{{- end }}
{{- $service := dict "Name" $name "Path" (printf "services.%s" $name) }}
{{- range list "Chart" "Release" "Capabilities" "Template" "Files" }}
{{- $_ := set $service . (index $.root .) }}
{{- end }}
{{- $_ := set $service "Values" (set (deepCopy ($values | default dict)) "global" $.root.Values.global) }}
{{- include "common.prepare" $service }}
{{- if $service.Values.enabled }}
{{- if hasKey $found $name }}
{{- fail (printf "services.%s: a chart has this name: set %s.enabled to false, or choose another name" $name $name) }}
{{- end }}
{{- $_ := set $found $name $service }}
{{- $names = append $names $name }}
{{- end }}
{{- end }}
{{- include "common.collisions" $found }}
{{- include "common.acquaint" $found }}
{{- $_ := set .into "found" $found }}
{{- $_ := set .into "names" $names }}
{{- end }}

{{/*
Tells all services how each is called, by its key, and on which hosts some take a prefix off. A subchart cannot look at its neighbours, so the umbrella does it in the
first template that helm runs; one that ran before would have called a service by a name that it does not have.
*/}}
{{- define "common.acquaint" -}}
{{- $peers := dict }}
{{- $renamed := list }}
{{- $expressions := list }}
{{- range $key, $root := . }}
{{- $expressions = concat $expressions (include "common.expressionHosts" $root | fromJsonArray) }}
{{- $_ := set $peers $key (dict "label" (include "common.name" $root) "service" (ternary (include "common.serviceName" $root) "" (gt (int $root.Values.service.port) 0))) }}
{{- if or $root.Values.nameOverride $root.Values.fullnameOverride }}{{ $renamed = append $renamed $key }}{{ end }}
{{- end }}
{{- range $root := . }}
{{- if and $root.Early $renamed }}
{{- fail (printf "%s: rendered before it could be told how %s is called, which needs helm's own order of templates" (include "common.path" $root) (join ", " $renamed)) }}
{{- end }}
{{- $_ := set $root "Peers" $peers }}
{{- $_ := set $root "Expressions" $expressions }}
{{- end }}
{{- end }}

{{/* The label of another service's pods: `list . "key"`. What is none of the release's is called as it is written. */}}
{{- define "common.peer" -}}
{{- with index ((index . 0).Peers | default dict) (index . 1) }}{{ .label }}{{ else }}{{ index . 1 }}{{ end }}
{{- end }}

{{/*
The host of another service, for values of `config` and `env`: `list . "key"`, or `list . "key" "name"` where its Service has
another name while nobody overrides it, which counts where the chart is installed alone.
*/}}
{{- define "common.host" -}}
{{- $peer := index ((index . 0).Peers | default dict) (index . 1) | default dict -}}
{{ $peer.service | default (include "common.prefixed" (list (index . 0) (last .))) }}
{{- end }}

{{- define "common.namespace" -}}
{{ .Values.global.namespace | default .Release.Namespace }}
{{- end }}

{{/* The name of a service in labels. */}}
{{- define "common.name" -}}
{{ .Values.nameOverride | default (.Name | default .Chart.Name) }}
{{- end }}

{{/* A name of the release: `list . "name"`. Values of `config` and `env` use it for the host of another service. */}}
{{- define "common.prefixed" -}}
{{- $root := index . 0 -}}
{{ with $root.Values.global.fullnameOverride }}{{ . }}-{{ end }}{{ index . 1 }}
{{- end }}

{{/* The name of a service's objects. */}}
{{- define "common.fullname" -}}
{{ .Values.fullnameOverride | default (include "common.prefixed" (list . (include "common.name" .))) }}
{{- end }}

{{/* A name that fits a label: of a longer one the start, and a digest that tells it from others. */}}
{{- define "common.short" -}}
{{- if le (len .) 63 }}{{ . }}{{ else }}{{ trunc 54 . | trimSuffix "-" }}-{{ sha256sum . | trunc 8 }}{{ end }}
{{- end }}

{{- define "common.serviceName" -}}
{{ tpl .Values.service.name . | default (include "common.fullname" .) }}
{{- end }}

{{- define "common.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (ternary (include "common.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "common.selectorLabels" -}}
app.kubernetes.io/name: "{{ include "common.name" . }}"
app.kubernetes.io/instance: "{{ .Release.Name }}"
{{- end }}

{{/* Of pods. The chart's version is not among them: a new chart must not replace pods that stay the same. */}}
{{- define "common.podLabels" -}}
{{ include "common.selectorLabels" . }}
app.kubernetes.io/part-of: todo-chatbot
{{- end }}

{{- define "common.labels" -}}
{{ include "common.podLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "common.metadata" -}}
name: "{{ include "common.fullname" . }}"
namespace: "{{ include "common.namespace" . }}"
labels: {{- include "common.labels" . | nindent 2 }}
{{- end }}

{{- define "common.image" -}}
{{- range list "repository" "tag" }}
{{- if not (index $.Values.image .) }}
{{- fail (printf "%s.image.%s: missing" (include "common.path" $) .) }}
{{- end }}
{{- end }}
{{- with .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{/* Where the values of a service stand, for messages. */}}
{{- define "common.path" -}}
{{ .Path | default .Chart.Name }}
{{- end }}

{{/* `http` or `https`: how services call each other. Values of `config` may use it. */}}
{{- define "common.scheme" -}}
{{ ternary "https" "http" .Values.global.tls.enabled }}
{{- end }}

{{/* The port that the program listens on; nothing for a worker. */}}
{{- define "common.port" -}}
{{- with .Values.service.targetPort | default .Values.service.port }}{{ int . }}{{ end }}
{{- end }}

{{/* A number or truth as a person wrote it: YAML's 12345678 is no 1.2345678e+07. */}}
{{- define "common.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) (lt . 9e15) (gt . -9e15) -}}
{{ int64 . }}
{{- else -}}
{{ toString . }}
{{- end }}
{{- end }}
