{{/* Exactly the flows that the values name, both ways, and DNS. */}}
{{- define "common.networkpolicy" -}}
{{- if .Values.global.networkPolicy.enabled }}
{{- $port := .Values.service.port }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "common.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- if .Values.networkPolicy.fromAnywhere }}
    - ports: [{port: {{ $port }}, protocol: TCP}]
    {{- else if or .Values.networkPolicy.from .Values.global.networkPolicy.monitoringNamespace }}
    - ports: [{port: {{ $port }}, protocol: TCP}]
      from:
        {{- range .Values.networkPolicy.from }}
        - podSelector:
            matchLabels: {app.kubernetes.io/name: {{ . }}, app.kubernetes.io/part-of: todo-chatbot}
        {{- end }}
        {{- with .Values.global.networkPolicy.monitoringNamespace }}
        - namespaceSelector:
            matchLabels: {kubernetes.io/metadata.name: {{ . }}}
        {{- end }}
    {{- end }}
  egress:
    - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    {{- range .Values.networkPolicy.to }}
    - ports: [{port: {{ .port }}, protocol: TCP}]
      to:
        - podSelector:
            matchLabels: {app.kubernetes.io/name: {{ .name }}, app.kubernetes.io/part-of: todo-chatbot}
    {{- end }}
    {{- range .Values.networkPolicy.external }}
    - ports: [{port: {{ .port }}, protocol: TCP}]
      to:
        - ipBlock:
            cidr: {{ .cidr }}
            {{- with .except }}
            except: {{- toYaml . | nindent 14 }}
            {{- end }}
    {{- end }}
{{- end }}
{{- end }}
