{{/* Who a service is towards the API server, and what it may do there: nothing, and no pod mounts a token. */}}
{{- define "common.access" -}}
{{- include "common.prepare" . -}}
{{- if .Values.serviceAccount.create }}
{{- $name := include "common.serviceAccountName" . }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: "{{ $name }}"
  namespace: "{{ include "common.namespace" . }}"
  labels: {{- include "common.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: "{{ $name }}"
  namespace: "{{ include "common.namespace" . }}"
  labels: {{- include "common.labels" . | nindent 4 }}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: "{{ $name }}"
  namespace: "{{ include "common.namespace" . }}"
  labels: {{- include "common.labels" . | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: "{{ $name }}"}
subjects:
  - {kind: ServiceAccount, name: "{{ $name }}", namespace: "{{ include "common.namespace" . }}"}
{{- end }}
{{- end }}
