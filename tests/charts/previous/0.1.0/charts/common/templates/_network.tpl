{{/* The NetworkPolicy of a service: exactly the flows its values name, both ways, plus DNS. */}}

{{- define "common.networkpolicy" -}}
{{- if .Values.networkPolicy.enabled }}
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
    - ports: [{port: {{ .Values.service.port }}, protocol: TCP}]
      {{- with .Values.networkPolicy.from }}
      from:
        {{- range . }}
        - podSelector:
            matchLabels: {app.kubernetes.io/name: {{ . }}, app.kubernetes.io/part-of: todo-chatbot}
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
        - ipBlock: {cidr: {{ .cidr }}}
    {{- end }}
{{- end }}
{{- end }}
