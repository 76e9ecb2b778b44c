{{- define "common.deployment" -}}
{{- include "common.prepare" . -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "common.metadata" . | nindent 2 }}
  {{- with .Values.deploymentAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with include "common.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  revisionHistoryLimit: {{ .Values.revisionHistoryLimit | int64 }}
  progressDeadlineSeconds: {{ .Values.progressDeadlineSeconds | int64 }}
  strategy: {{- include "common.strategy" . | nindent 4 }}
  selector:
    matchLabels: {{- include "common.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- mustMerge (include "common.podLabels" . | fromYaml) .Values.podLabels | toYaml | nindent 8 }}
      annotations: {{- mustMerge (include "common.podAnnotations" . | fromYaml) .Values.podAnnotations | toYaml | nindent 8 }}
    spec:
      {{- include "common.pod" . | nindent 6 }}
      topologySpreadConstraints: {{- include "common.spread" . | nindent 8 }}
      containers:
        - name: "{{ include "common.name" . }}"
          {{- include "common.program" . | nindent 10 }}
          {{- with include "common.port" . }}
          ports:
            - {name: http, containerPort: {{ . }}, protocol: TCP}
          {{- end }}
          {{- with .Values.command }}
          command: {{- include "common.words" . | nindent 12 }}
          {{- end }}
          {{- with .Values.args }}
          args: {{- include "common.words" . | nindent 12 }}
          {{- end }}
          {{- with .Values.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- range list "startup" "readiness" "liveness" }}
          {{- with include "common.probe" (list $ .) }}
          {{- . | nindent 10 }}
          {{- end }}
          {{- end }}
          {{- with include "common.lifecycle" . | fromYaml }}
          lifecycle: {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- range .Values.extraContainers }}
        - {{- include "common.container" (list $ .) | nindent 10 }}
        {{- end }}
      {{- with include "common.initContainers" . }}
      initContainers: {{- . | nindent 8 }}
      {{- end }}
      volumes: {{- include "common.volumes" . | nindent 8 }}
{{- end }}

{{/* Side by side, where a pod leaves only when its successor is ready; one after the other where both cannot write. */}}
{{- define "common.strategy" -}}
{{- if .Values.strategy }}
{{- toYaml .Values.strategy }}
{{- else if include "common.writtenByOne" . -}}
type: Recreate
{{- else -}}
type: RollingUpdate
rollingUpdate: {maxUnavailable: 0, maxSurge: 100%}
{{- end }}
{{- end }}

{{- define "common.podAnnotations" -}}
checksum/config: {{ print (include "common.environment" .) (.Values.secrets | empty | ternary "" (toJson .Values.secrets)) | sha256sum }}
{{- with include "common.secretsChecksum" . }}
checksum/secrets: {{ . }}
{{- end }}
{{- end }}

{{/* What pods of a service and of its jobs have in common. */}}
{{- define "common.pod" -}}
serviceAccountName: "{{ include "common.serviceAccountName" . }}"
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds | int64 }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "hostAliases" "priorityClassName" }}
{{- with index $.Values $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{- define "common.spread" -}}
{{- if kindIs "invalid" .Values.topologySpreadConstraints -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "common.selectorLabels" . | nindent 6 }}
{{- else }}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "common.selectorLabels" . | fromYaml)) }}
{{- $found := list }}
{{- range .Values.topologySpreadConstraints }}
{{- $found = append $found (hasKey . "labelSelector" | ternary . (merge (deepCopy $own) .)) }}
{{- end }}
{{- toYaml $found }}
{{- end }}
{{- end }}

{{/*
The service's program, for a container of its own: image, environment, mounts. With `.Once` it runs before the release's own
objects are there, and takes nothing from them.
*/}}
{{- define "common.program" -}}
image: {{ include "common.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.containerSecurityContext | nindent 2 }}
{{- $from := .Values.extraEnvFrom }}
{{- if not .Once }}
{{- $from = prepend $from (dict "configMapRef" (dict "name" (printf "%s-config" (include "common.fullname" .)))) }}
{{- end }}
{{- with $from }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "common.env" . }}
env: {{- . | nindent 2 }}
{{- end }}
volumeMounts: {{- include "common.mounts" . | nindent 2 }}
{{- end }}

{{/* A container of somebody's own, on the hardened ground of the service's; without an image it is the service's program. */}}
{{- define "common.container" -}}
{{- $root := index . 0 }}
{{- $given := index . 1 }}
{{- $ground := dict "securityContext" (deepCopy $root.Values.containerSecurityContext) }}
{{- if not $given.image }}
{{- $ground = include "common.program" $root | fromYaml }}
{{- end }}
{{- $own := deepCopy $given }}
{{- include "common.dropNulls" $own }}
{{- range $key := list "command" "args" }}
{{- with index $own $key }}{{ $_ := set $own $key (include "common.words" . | fromYamlArray) }}{{ end }}
{{- end }}
{{- range list "startupProbe" "readinessProbe" "livenessProbe" }}{{ include "common.execWords" (index $own .) }}{{ end }}
{{- range list "postStart" "preStop" }}{{ include "common.execWords" (index ($own.lifecycle | default dict) .) }}{{ end }}
{{- with $own.env }}{{ $_ := set $own "env" (include "common.envOf" (list $root .) | fromJsonArray) }}{{ end }}
{{- range $list, $key := dict "env" "name" "volumeMounts" "mountPath" "envFrom" "" }}
{{- if index $own $list }}
{{- $_ := set $own $list (include "common.beside" (list (index $ground $list) (index $own $list) $key) | fromJsonArray) }}
{{- end }}
{{- end }}
{{- mustMergeOverwrite $ground $own | toYaml }}
{{- end }}

{{/* Two lists in one, as JSON: `list first second key`, where of two with the same `key` the second stays. */}}
{{- define "common.beside" -}}
{{- $key := index . 2 }}
{{- $taken := list }}
{{- range index . 1 }}{{ $taken = append $taken (get . $key) }}{{ end }}
{{- $found := list }}
{{- range index . 0 }}{{ if or (not $key) (not (has (get . $key) $taken)) }}{{ $found = append $found . }}{{ end }}{{ end }}
{{- concat $found (index . 1) | toJson }}
{{- end }}

{{- define "common.initContainers" -}}
{{- include "common.seeds" . }}
{{- range .Values.initContainers }}
- {{- include "common.container" (list $ .) | nindent 2 }}
{{- end }}
{{- end }}

{{/* Containers that put the image's own files into writable folders. */}}
{{- define "common.seeds" -}}
{{- range $index, $path := .Values.writablePaths }}
{{- if and (kindIs "map" $path) $path.seed }}
- name: seed-{{ $index }}
  image: {{ include "common.image" $ | quote }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  securityContext: {{- toYaml $.Values.containerSecurityContext | nindent 4 }}
  command: [sh, -c, 'cp -R "$0/." "$1/"', {{ $path.path | quote }}, /seed]
  {{- with $.Values.resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - {name: writable-{{ $index }}, mountPath: /seed}
{{- end }}
{{- end }}
{{- end }}

{{/* Command or arguments: Kubernetes takes texts only. */}}
{{- define "common.words" -}}
{{- range . }}
- {{ include "common.text" . | quote }}
{{- end }}
{{- end }}

{{/* Makes texts of the words that a handler runs, where it runs some. */}}
{{- define "common.execWords" -}}
{{- if kindIs "map" . }}
{{- if kindIs "map" .exec }}
{{- with .exec.command }}{{ $_ := set $.exec "command" (include "common.words" . | fromYamlArray) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
A probe of the kind startup, readiness or liveness. The values' fields come first; without a handler of theirs it asks by
HTTP, or where there is no path whether the port is open. Nothing where there is no port either.
*/}}
{{- define "common.probe" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $given := index $root.Values (printf "%sProbe" $kind) }}
{{- $path := index $root.Values.probes (ternary "readinessPath" "livenessPath" (eq $kind "readiness")) }}
{{- $handler := dict }}
{{- if or (hasKey $given "exec") (hasKey $given "grpc") }}
{{- else if and (or $path (hasKey $given "httpGet")) (not (hasKey $given "tcpSocket")) }}
{{- $scheme := ternary "HTTPS" "HTTP" (and $root.Values.global.tls.enabled $root.Values.tls.serve) }}
{{- $handler = dict "httpGet" (dict "path" ($path | default "/") "port" "http" "scheme" $scheme) }}
{{- else if include "common.port" $root }}
{{- $handler = dict "tcpSocket" (dict "port" "http") }}
{{- end }}
{{- $probe := mustMergeOverwrite $handler (deepCopy (omit $given "enabled")) }}
{{- include "common.execWords" $probe }}
{{- if and (ne (toString $given.enabled) "false") (or $probe.httpGet $probe.tcpSocket $probe.exec $probe.grpc) -}}
{{ $kind }}Probe: {{- toYaml $probe | nindent 2 }}
{{- end }}
{{- end }}

{{/* Time for every node to stop sending new connections, before the service is asked to end. */}}
{{- define "common.lifecycle" -}}
{{- $own := dict }}
{{- if include "common.waits" . }}
{{- $own = dict "preStop" (dict "sleep" (dict "seconds" .Values.preStopSeconds)) }}
{{- end }}
{{- $all := merge $own (deepCopy .Values.lifecycle) }}
{{- range list "postStart" "preStop" }}{{ include "common.execWords" (index $all .) }}{{ end }}
{{- toYaml $all }}
{{- end }}

{{/* Not empty where it does that by `preStopSeconds`. */}}
{{- define "common.waits" -}}
{{- if and (include "common.port" .) .Values.preStopSeconds (not .Values.lifecycle.preStop) }}yes{{ end }}
{{- end }}
