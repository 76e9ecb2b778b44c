{{/* How many pods there are, and how few there may be for a moment. */}}

{{/*
An autoscaler's number is its own: it is left out, or said as it is where the Deployment is there already. Left out of what
helm owned before, the API server would take it for 1, until the autoscaler looks.
*/}}
{{- define "common.replicas" -}}
{{- if not .Values.autoscaling.enabled }}
{{- ternary (min 1 .Values.replicaCount) .Values.replicaCount (eq (include "common.writtenByOne" .) "yes") }}
{{- else }}
{{- with lookup "apps/v1" "Deployment" (include "common.namespace" .) (include "common.fullname" .) }}
{{- min $.Values.autoscaling.maxReplicas (max $.Values.autoscaling.minReplicas .spec.replicas) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "common.hpa" -}}
{{- include "common.prepare" . -}}
{{- with .Values.autoscaling }}
{{- if .enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "common.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "{{ include "common.fullname" $ }}"}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .targetCPUUtilizationPercentage }}}
    - type: Resource
      resource:
        name: memory
        target: {type: Utilization, averageUtilization: {{ .targetMemoryUtilizationPercentage }}}
  # Out at once, in slowly: a short lull must not cost the next peak.
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 0
      selectPolicy: Max
      policies:
        - {type: Pods, value: 2, periodSeconds: 15}
        - {type: Percent, value: 100, periodSeconds: 15}
    scaleDown:
      stabilizationWindowSeconds: {{ .scaleDownStabilizationSeconds }}
      policies: [{type: Pods, value: 1, periodSeconds: 30}]
{{- end }}
{{- end }}
{{- end }}

{{/* Only where there are two: a budget for one pod would forbid draining its node. */}}
{{- define "common.pdb" -}}
{{- include "common.prepare" . -}}
{{- if gt (int (ternary .Values.autoscaling.minReplicas (include "common.replicas" .) .Values.autoscaling.enabled)) 1 }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "common.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "common.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}
