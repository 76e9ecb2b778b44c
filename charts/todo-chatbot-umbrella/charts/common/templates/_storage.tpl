{{/* What a service writes: scratch space, and a claim that outlives the release. */}}

{{- define "common.pvc" -}}
{{- include "common.prepare" . -}}
{{- with .Values.persistence }}
{{- if and .enabled (not .existingClaim) }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "common.metadata" $ | nindent 2 }}
  annotations: {{- mustMerge (dict "helm.sh/resource-policy" "keep") .annotations | toYaml | nindent 4 }}
spec:
  accessModes: {{- toYaml .accessModes | nindent 4 }}
  {{- with .storageClass | default $.Values.global.storageClass }}
  storageClassName: "{{ trimAll "-" . }}"
  {{- end }}
  resources:
    requests: {storage: "{{ .size }}"}
{{- end }}
{{- end }}
{{- end }}

{{/* Not empty where a claim lets one node, or one pod, write: two pods side by side could wait for each other for ever. */}}
{{- define "common.writtenByOne" -}}
{{- if and .Values.persistence.enabled (not (has "ReadWriteMany" .Values.persistence.accessModes)) }}yes{{ end }}
{{- end }}

{{- define "common.persistenceNote" -}}
{{- if and (include "common.writtenByOne" .) (gt (int .Values.replicaCount) 1) }}
NOTE: {{ include "common.path" . }} runs as one pod, not {{ .Values.replicaCount }}: its claim is {{ join ", " .Values.persistence.accessModes }}.
{{- end }}
{{- end }}

{{/* Paths that something is mounted on by the values, so that nothing of the chart's own goes there. */}}
{{- define "common.mountedPaths" -}}
{{- $paths := list }}
{{- range .Values.writablePaths }}{{ $paths = append $paths (kindIs "map" . | ternary . (dict "path" .)).path }}{{ end }}
{{- range .Values.extraVolumeMounts }}{{ $paths = append $paths .mountPath }}{{ end }}
{{- if .Values.persistence.enabled }}{{ $paths = append $paths .Values.persistence.mountPath }}{{ end }}
{{- $cleaned := list }}
{{- range $paths }}{{ $cleaned = append $cleaned (clean .) }}{{ end }}
{{- toJson $cleaned }}
{{- end }}

{{- define "common.mounts" -}}
{{- $taken := include "common.mountedPaths" . | fromJsonArray }}
{{- if not (has "/tmp" $taken) }}
- {name: tmp, mountPath: /tmp}
{{- end }}
{{- range $index, $path := .Values.writablePaths }}
- {name: writable-{{ $index }}, mountPath: {{ (kindIs "map" $path | ternary $path (dict "path" $path)).path | quote }}}
{{- end }}
{{- if and .Values.persistence.enabled (not .Once) }}
- {name: data, mountPath: {{ .Values.persistence.mountPath | quote }}}
{{- end }}
{{- if .Values.global.tls.enabled }}
- {name: tls, mountPath: /etc/tls, readOnly: true}
{{- end }}
{{- range .Values.extraVolumeMounts }}
{{- if not (and $.Once (eq .name "data")) }}
- {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "common.volumes" -}}
{{- if not (has "/tmp" (include "common.mountedPaths" . | fromJsonArray)) }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end }}
{{- range $index, $path := .Values.writablePaths }}
- name: writable-{{ $index }}
  emptyDir: {sizeLimit: "{{ (kindIs "map" $path | ternary $path dict).size | default "64Mi" }}"}
{{- end }}
{{- if and .Values.persistence.enabled (not .Once) }}
- name: data
  persistentVolumeClaim: {claimName: "{{ .Values.persistence.existingClaim | default (include "common.fullname" .) }}"}
{{- end }}
{{- if .Values.global.tls.enabled }}
# Renewed in place: the service reads the new certificate by itself.
- name: tls
  secret:
    secretName: "{{ include "common.fullname" . }}-tls"
    defaultMode: 0440
    {{- if .Once }}
    optional: true
    {{- end }}
    {{- if not .Values.tls.serve }}
    items: [{key: ca.crt, path: ca.crt}]
    {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
