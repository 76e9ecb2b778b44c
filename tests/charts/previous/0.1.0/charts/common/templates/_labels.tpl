{{/* Names and labels. Every object of a service is named after its chart. */}}

{{- define "common.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "common.labels" -}}
{{ include "common.selectorLabels" . }}
app.kubernetes.io/part-of: todo-chatbot
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "common.namespace" -}}
{{ .Values.global.namespace | default .Release.Namespace }}
{{- end }}

{{/* The image by a tag that never moves; an empty one is an error, `latest` is refused by the schema. */}}
{{- define "common.image" -}}
{{- $tag := required (printf "%s.image.tag: set it to the tag of a built image, which `invoke build` prints" .Chart.Name) .Values.image.tag -}}
{{- with .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ $tag }}
{{- end }}

{{- define "common.scheme" -}}
{{ ternary "HTTPS" "HTTP" (dig "tls" "enabled" false .Values.global) }}
{{- end }}
