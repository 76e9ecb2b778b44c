{{/* Settings of a service: its ConfigMap, its environment, and Secrets that exist outside helm. */}}

{{- define "common.environment" -}}
{{- with include "common.port" . -}}
PORT: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.config }}
{{- if not (kindIs "invalid" $value) }}
{{ ternary (quote $name) $name (regexMatch "(?i)^(y|n|yes|no|on|off|true|false|null)$" $name) }}: {{ tpl (include "common.text" $value) $ | quote }}
{{- end }}
{{- end }}
{{- if .Values.global.tls.enabled }}
TLS_CA_FILE: /etc/tls/ca.crt
{{- if .Values.tls.serve }}
TLS_CERT_FILE: /etc/tls/tls.crt
TLS_KEY_FILE: /etc/tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{/* Its content stands before its name: helm takes blanks off the end of an object's text, such as an unbreakable one. */}}
{{- define "common.configmap" -}}
{{- include "common.prepare" . -}}
apiVersion: v1
kind: ConfigMap
data: {{- include "common.environment" . | fromYaml | toYaml | nindent 2 }}
metadata:
  name: "{{ include "common.fullname" . }}-config"
  namespace: "{{ include "common.namespace" . }}"
  labels: {{- include "common.labels" . | nindent 4 }}
{{- end }}

{{/*
The environment that is no ConfigMap, as a list of EnvVar. Of Secrets first: a value may refer to what stands before it. With
`.Once` the ConfigMap is not there yet, and its content is part of this.
*/}}
{{- define "common.env" -}}
{{- $found := list }}
{{- with .Values.home }}
{{- $found = append $found (dict "name" "HOME" "value" .) }}
{{- end }}
{{- range .Values.secretEnv }}
{{- $reference := dict "name" .secret "key" .key "optional" (.optional | default false) }}
{{- $found = append $found (dict "name" (.name | default .key) "valueFrom" (dict "secretKeyRef" $reference)) }}
{{- end }}
{{- range list .Values.env .Values.extraEnv }}
{{- $found = concat $found (include "common.envOf" (list $ .) | fromJsonArray) }}
{{- end }}
{{- $names := list }}
{{- range $found }}
{{- if has .name $names }}
{{- fail (printf "%s: the variable %s stands twice in home, secretEnv, env and extraEnv" (include "common.path" $) .name) }}
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- with .Job }}
{{- $over := include "common.envOf" (list $ .env) | fromJsonArray }}
{{- $overNames := list }}
{{- range $over }}{{ $overNames = append $overNames .name }}{{ end }}
{{- $kept := list }}
{{- range $found }}{{ if not (has .name $overNames) }}{{ $kept = append $kept . }}{{ end }}{{ end }}
{{- $found = concat $kept $over }}
{{- $names = concat $names $overNames }}
{{- end }}
{{- if .Once }}
{{- $settings := include "common.environment" . | fromYaml }}
{{- range $names }}{{ $settings = omit $settings . }}{{ end }}
{{- range $name, $value := $settings }}{{ $found = append $found (dict "name" $name "value" $value) }}{{ end }}
{{- end }}
{{- if $found }}
{{- toYaml $found }}
{{- end }}
{{- end }}

{{/* `env` or `extraEnv`, a mapping or a list, as a list of EnvVar in JSON. */}}
{{- define "common.envOf" -}}
{{- $root := index . 0 }}
{{- $given := index . 1 }}
{{- $found := list }}
{{- if kindIs "slice" $given }}
{{- range $given }}
{{- if kindIs "invalid" .value }}
{{- $found = append $found (omit . "value") }}
{{- else }}
{{- $found = append $found (merge (dict "value" (tpl (include "common.text" .value) $root)) .) }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- else }}
{{- range $name, $value := $given }}
{{- if kindIs "map" $value }}
{{- $found = append $found (merge (dict "name" $name) $value) }}
{{- else if not (kindIs "invalid" $value) }}
{{- $found = append $found (dict "name" $name "value" (tpl (include "common.text" $value) $root)) }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}
{{- end }}

{{/* What a pod's Secrets, and ConfigMaps of others, were when it was made, where `global.secretVersions` says it. */}}
{{- define "common.secretsChecksum" -}}
{{- $names := list }}
{{- range .Values.secretEnv }}{{ $names = append $names .secret }}{{ end }}
{{- $names = concat $names (include "common.secretsOf" (dict "envFrom" .Values.extraEnvFrom) | fromJsonArray) }}
{{- range .Values.extraVolumes }}
{{- $names = concat $names (list (dig "secret" "secretName" "" .) (dig "configMap" "name" "" . | printf "configmap/%s")) }}
{{- range dig "projected" "sources" list . }}
{{- $names = concat $names (list (dig "secret" "name" "" .) (dig "configMap" "name" "" . | printf "configmap/%s")) }}
{{- end }}
{{- end }}
{{- range .Values.initContainers }}{{ $names = concat $names (include "common.secretsOf" . | fromJsonArray) }}{{ end }}
{{- range .Values.extraContainers }}{{ $names = concat $names (include "common.secretsOf" . | fromJsonArray) }}{{ end }}
{{- range list .Values.env .Values.extraEnv }}
{{- if kindIs "slice" . }}{{ $names = concat $names (include "common.secretsOf" (dict "env" .) | fromJsonArray) }}
{{- else }}{{ $names = concat $names (include "common.secretsOf" (dict "env" (values .)) | fromJsonArray) }}{{ end }}
{{- end }}
{{- $versions := list }}
{{- range $name := $names | uniq | sortAlpha }}
{{- with index $.Values.global.secretVersions $name }}{{ $versions = append $versions (printf "%s=%s" $name .) }}{{ end }}
{{- end }}
{{- with $versions }}{{ . | join "," | sha256sum }}{{ end }}
{{- end }}

{{/* Names of the Secrets in a container's environment, and of ConfigMaps as `configmap/NAME`, as JSON. */}}
{{- define "common.secretsOf" -}}
{{- $names := list }}
{{- range .env }}
{{- if kindIs "map" . }}
{{- $names = append $names (dig "valueFrom" "secretKeyRef" "name" "" .) }}
{{- $names = append $names (dig "valueFrom" "configMapKeyRef" "name" "" . | printf "configmap/%s") }}
{{- end }}
{{- end }}
{{- range .envFrom }}
{{- $names = append $names (dig "secretRef" "name" "" .) }}
{{- $names = append $names (dig "configMapRef" "name" "" . | printf "configmap/%s") }}
{{- end }}
{{- toJson $names }}
{{- end }}

{{/* Secrets from values, which helm keeps in the release's history: for a trial, not for real secrets. */}}
{{- define "common.secrets" -}}
{{- include "common.prepare" . -}}
{{- range $name, $keys := .Values.secrets }}
---
apiVersion: v1
kind: Secret
stringData: {{- toYaml $keys | nindent 2 }}
type: Opaque
metadata:
  name: "{{ $name }}"
  namespace: "{{ include "common.namespace" $ }}"
  labels: {{- include "common.labels" $ | nindent 4 }}
{{- end }}
{{- end }}

{{- define "common.secretsWarning" -}}
{{- with .Values.secrets }}
WARNING: {{ keys . | sortAlpha | join ", " }} came from values, so helm keeps the content in the release's history.
         Make them outside helm instead (`invoke secrets.sync`), and leave `secrets` empty.
{{- end }}
{{- end }}
