{{- define "common.service" -}}
{{- include "common.prepare" . -}}
{{- if .Values.service.port }}
apiVersion: v1
kind: Service
metadata:
  name: "{{ include "common.serviceName" . }}"
  namespace: "{{ include "common.namespace" . }}"
  labels: {{- include "common.labels" . | nindent 4 }}
  {{- with .Values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.service.type }}
  selector: {{- include "common.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .Values.service.port }}
      targetPort: http
      protocol: TCP
      {{- if and (ne .Values.service.type "ClusterIP") .Values.service.nodePort }}
      nodePort: {{ .Values.service.nodePort }}
      {{- end }}
{{- end }}
{{- end }}
