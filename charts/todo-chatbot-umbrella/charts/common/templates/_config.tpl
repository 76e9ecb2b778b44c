{{/* Settings of a service: its ConfigMap, and Secrets that exist outside helm. */}}

{{- define "common.environment" -}}
PORT: {{ .Values.service.port | quote }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ tpl (toString $value) $ | quote }}
{{- end }}
{{- if .Values.global.tls.enabled }}
TLS_CA_FILE: /etc/tls/ca.crt
{{- if .Values.tls.serve }}
TLS_CERT_FILE: /etc/tls/tls.crt
TLS_KEY_FILE: /etc/tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{- define "common.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Chart.Name }}-config
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
data: {{- include "common.environment" . | nindent 2 }}
{{- end }}

{{/* Secrets from values, which helm keeps in the release's history: for a trial, not for real secrets. */}}
{{- define "common.secrets" -}}
{{- range $name, $keys := .Values.secrets }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ $name }}
  namespace: {{ include "common.namespace" $ }}
  labels: {{- include "common.labels" $ | nindent 4 }}
type: Opaque
stringData: {{- toYaml $keys | nindent 2 }}
{{- end }}
{{- end }}

{{- define "common.secretsWarning" -}}
{{- with .Values.secrets }}
WARNING: {{ keys . | sortAlpha | join ", " }} came from values, so helm keeps the content in the release's history.
         Make them outside helm instead (`invoke secrets.sync`), and leave `secrets` empty.
{{- end }}
{{- end }}
