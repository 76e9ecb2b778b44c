{{/*
What runs once with each install and upgrade, as helm's hooks. Before an install nothing of the release is there: such a job
brings its account with it, takes its settings from the values, and has no claim. Its pods are not the service's, which would
get requests: it brings its flows with it too, which end with it.
*/}}
{{- define "common.jobs" -}}
{{- include "common.prepare" . -}}
{{- range $name, $given := .Values.jobs }}
{{- $own := deepCopy ($given | default dict) }}
{{- include "common.dropNulls" $own }}
{{- $job := mustMergeOverwrite (include "common.jobDefaults" $ | fromYaml) $own (dict "name" $name) }}
{{- if $job.enabled }}
{{- $scope := dict "Job" $job "Once" (eq $job.when "before") "Prepared" true "PreparedGlobals" true }}
{{- range list "Name" "Path" "Peers" "Chart" "Release" "Capabilities" "Template" "Files" }}
{{- $_ := set $scope . (index $ .) }}
{{- end }}
{{- $values := deepCopy $.Values }}
{{- $_ := mustMergeOverwrite $values.image $job.image }}
{{- $_ := set $values "secretEnv" (concat $values.secretEnv $job.secretEnv) }}
{{- $_ := set $values "resources" (default $values.resources $job.resources) }}
{{- $_ := set $scope "Values" $values }}
{{- include "common.jobObjects" $scope }}
{{- end }}
{{- end }}
{{- end }}

{{- define "common.jobDefaults" -}}
# -- Whether it runs.
enabled: true
# -- `before` the release is installed or upgraded, or `after` it.
# @schema {enum: [before, after]}
when: before
# -- Order among jobs: smaller numbers first.
weight: 0
# -- Image, key by key in place of the service's.
# @schema {$ref: image}
image: {}
# -- Command, in place of the image's ENTRYPOINT. A job has this or `args`.
# @schema {items: {$ref: scalar}}
command: []
# -- Arguments, in place of the image's CMD.
# @schema {items: {$ref: scalar}}
args: []
# -- Environment, name by name over the service's: as its `env`.
# @schema {$ref: env}
env: {}
# -- Environment from Secrets, beside the service's.
# @schema {items: {$ref: secretEnv}}
secretEnv: []
# -- As the service's, which they are where this is empty.
# @schema {$ref: resources}
resources: {}
# -- Attempts after the first, each later than the one before.
# @schema {minimum: 0}
backoffLimit: 2
# -- Seconds until it has failed: fewer than the pipeline's `timeouts.deploy`.
# @schema {minimum: 1}
activeDeadlineSeconds: 240
# -- Annotations of the pod.
# @schema {$ref: annotations}
podAnnotations: {}
{{- end }}

{{- define "common.jobName" -}}
{{ include "common.short" (printf "%s-%s" (include "common.fullname" .) .Job.name) }}
{{- end }}

{{- define "common.jobLabels" -}}
app.kubernetes.io/name: "{{ include "common.short" (printf "%s-%s" (include "common.name" .) .Job.name) }}"
app.kubernetes.io/instance: "{{ .Release.Name }}"
app.kubernetes.io/part-of: todo-chatbot
app.kubernetes.io/component: job
{{- end }}

{{/* Metadata of a hook: `list scope "suffix of the name" weight`. What failed stays, to be looked at. */}}
{{- define "common.hookMetadata" -}}
{{- $root := index . 0 -}}
name: "{{ include "common.jobName" $root }}{{ index . 1 }}"
namespace: "{{ include "common.namespace" $root }}"
labels:
  {{- include "common.jobLabels" $root | nindent 2 }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
annotations:
  helm.sh/hook: {{ ternary "pre-install,pre-upgrade" "post-install,post-upgrade" (eq $root.Job.when "before") }}
  helm.sh/hook-weight: {{ index . 2 | int64 | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- define "common.jobObjects" -}}
{{- $path := printf "%s.jobs.%s" (include "common.path" .) .Job.name }}
{{- if not (or .Job.command .Job.args) }}
{{- fail (printf "%s: it needs a command or args; the image's own would run the service, which does not end" $path) }}
{{- end }}
{{- $before := sub .Job.weight 1 }}
{{- if .Once }}
{{- $_ := set .Values "serviceAccount" (dict "name" (include "common.jobName" .) "create" true) }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "common.hookMetadata" (list . "" $before) | nindent 2 }}
automountServiceAccountToken: false
{{- end }}
{{- if .Values.global.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "common.hookMetadata" (list . "" $before) | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "common.jobLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "common.egress" . | nindent 4 }}
{{- range .Values.networkPolicy.to }}
---
# The way in where the job calls, beside the service's own.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "common.hookMetadata" (list $ (printf "-to-%s" .name) $before) | nindent 2 }}
spec:
  podSelector:
    matchLabels: {app.kubernetes.io/name: "{{ include "common.peer" (list $ .name) }}", app.kubernetes.io/part-of: todo-chatbot}
  policyTypes: [Ingress]
  ingress:
    - ports: [{port: {{ .port }}, protocol: TCP}]
      from:
        - podSelector:
            matchLabels: {{- include "common.jobLabels" $ | nindent 14 }}
{{- end }}
{{- end }}
---
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "common.hookMetadata" (list . "" .Job.weight) | nindent 2 }}
    helm.sh/hook-output-log-policy: hook-failed
    todo-chatbot/values: "{{ $path }}"
spec:
  backoffLimit: {{ .Job.backoffLimit | int64 }}
  activeDeadlineSeconds: {{ .Job.activeDeadlineSeconds | int64 }}
  template:
    metadata:
      labels: {{- include "common.jobLabels" . | nindent 8 }}
      {{- $annotations := .Job.podAnnotations }}
      {{- with include "common.secretsChecksum" . }}
      {{- $annotations = merge (dict "checksum/secrets" .) $annotations }}
      {{- end }}
      {{- with $annotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: Never
      {{- include "common.pod" . | nindent 6 }}
      {{- with include "common.seeds" . }}
      initContainers: {{- . | nindent 8 }}
      {{- end }}
      containers:
        - name: "{{ .Job.name }}"
          {{- include "common.program" . | nindent 10 }}
          {{- with .Job.command }}
          command: {{- include "common.words" . | nindent 12 }}
          {{- end }}
          {{- with .Job.args }}
          args: {{- include "common.words" . | nindent 12 }}
          {{- end }}
          {{- with .Values.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
      volumes: {{- include "common.volumes" . | nindent 8 }}
{{- end }}
