{{/* Names and labels. Every object of a service is named after its chart. */}}

{{- define "common.namespace" -}}
{{ .Values.global.namespace | default .Release.Namespace }}
{{- end }}

{{- define "common.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
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

{{- define "common.image" -}}
{{- with .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{/* `http` or `https`: how services call each other. Values of `config` may use it. */}}
{{- define "common.scheme" -}}
{{ ternary "https" "http" .Values.global.tls.enabled }}
{{- end }}
