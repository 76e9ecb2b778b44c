{{- define "common.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
spec:
  {{- with include "common.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: 120
  # A pod leaves only when its successor is ready.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "common.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "common.podLabels" . | nindent 8 }}
      annotations:
        checksum/config: {{ include "common.environment" . | sha256sum }}
    spec:
      serviceAccountName: {{ .Chart.Name }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      securityContext: {{- include "common.podSecurityContext" . | nindent 8 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "common.selectorLabels" . | nindent 14 }}
      {{- with .Values.global.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "common.image" . | quote }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          securityContext: {{- include "common.containerSecurityContext" . | nindent 12 }}
          ports:
            - {name: http, containerPort: {{ .Values.service.port }}, protocol: TCP}
          envFrom:
            - configMapRef: {name: {{ .Chart.Name }}-config}
          {{- with .Values.secretEnv }}
          env:
            {{- range . }}
            - name: {{ .key }}
              valueFrom:
                secretKeyRef: {name: {{ .secret }}, key: {{ .key }}, optional: {{ .optional | default false }}}
            {{- end }}
          {{- end }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
          {{- include "common.probes" . | nindent 10 }}
          lifecycle:
            # Time for every node to stop sending new connections, before the service is asked to end.
            preStop: {sleep: {seconds: {{ .Values.preStopSeconds }}}}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- if .Values.global.tls.enabled }}
            - {name: tls, mountPath: /etc/tls, readOnly: true}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {sizeLimit: 64Mi}
        {{- if .Values.global.tls.enabled }}
        # Renewed in place: the service reads the new certificate by itself.
        - name: tls
          secret:
            secretName: {{ .Chart.Name }}-tls
            defaultMode: 0440
            {{- if not .Values.tls.serve }}
            items: [{key: ca.crt, path: ca.crt}]
            {{- end }}
        {{- end }}
{{- end }}

{{/* Asked every second until it runs, then less often. Only readiness depends on other services. */}}
{{- define "common.probes" -}}
{{- $scheme := ternary "HTTPS" "HTTP" (and .Values.global.tls.enabled .Values.tls.serve) -}}
startupProbe:
  httpGet: {path: {{ .Values.probes.livenessPath }}, port: http, scheme: {{ $scheme }}}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 60
readinessProbe:
  httpGet: {path: {{ .Values.probes.readinessPath }}, port: http, scheme: {{ $scheme }}}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 3
livenessProbe:
  httpGet: {path: {{ .Values.probes.livenessPath }}, port: http, scheme: {{ $scheme }}}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
{{- end }}
