{{/*
The way in by host name, as an Ingress and as an HTTPRoute. Paths that keep their prefix and paths that lose it are two
Ingresses, since an annotation holds for all paths of one. As soon as one path of a host is a regular expression, ingress-nginx
takes all of that host for such, whatever their Ingress and pathType, without regard to case, and the longest text first: so
they are written as expressions there that mean what they say, all of which are longer the longer their paths are.
*/}}
{{- define "common.ingress" -}}
{{- include "common.prepare" . -}}
{{- $kept := list }}
{{- $stripped := list }}
{{- range .Values.ingress.paths }}
{{- if and .stripPrefix (ne .path "/") }}{{ $stripped = append $stripped . }}{{ else }}{{ $kept = append $kept . }}{{ end }}
{{- end }}
{{- if .Values.ingress.enabled }}
{{- if $kept }}
{{ include "common.ingressObject" (dict "root" . "paths" $kept "suffix" "" "annotations" dict) }}
{{- end }}
{{- if $stripped }}
{{- $annotations := dict "nginx.ingress.kubernetes.io/use-regex" "true" "nginx.ingress.kubernetes.io/rewrite-target" "/$2" }}
---
{{ include "common.ingressObject" (dict "root" . "paths" $stripped "suffix" "-stripped" "annotations" $annotations) }}
{{- end }}
{{- end }}
{{- if .Values.httpRoute.enabled }}
---
{{ include "common.httpRouteObject" . }}
{{- end }}
{{- end }}

{{- define "common.ingressObject" -}}
{{- $root := .root }}
{{- $paths := .paths }}
{{- $hosts := prepend $root.Values.ingress.hosts $root.Values.ingress.host | uniq }}
{{- $own := ternary .annotations dict (eq $root.Values.ingress.className "nginx") }}
{{- if and $root.Values.global.tls.enabled $root.Values.tls.serve (eq $root.Values.ingress.className "nginx") }}
{{- $own = merge (dict "nginx.ingress.kubernetes.io/backend-protocol" "HTTPS") $own }}
{{- end }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: "{{ include "common.fullname" $root }}{{ .suffix }}"
  namespace: "{{ include "common.namespace" $root }}"
  labels: {{- include "common.labels" $root | nindent 4 }}
  {{- with mustMergeOverwrite $own $root.Values.ingress.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  ingressClassName: "{{ $root.Values.ingress.className }}"
  {{- if $root.Values.ingress.tls.enabled }}
  tls:
    - hosts: {{- toYaml $hosts | nindent 8 }}
      secretName: "{{ $root.Values.ingress.tls.secretName | default (printf "%s-ingress-tls" (include "common.fullname" $root)) }}"
  {{- end }}
  rules:
    {{- range $host := $hosts }}
    - host: {{ $host | quote }}
      http:
        paths:
          {{- range $paths }}
          {{- if include "common.isExpression" (list $root $host .) }}
          - path: {{ include "common.expression" . | quote }}
            pathType: ImplementationSpecific
          {{- else }}
          - path: {{ .path | quote }}
            pathType: {{ .pathType | default "Prefix" }}
          {{- end }}
            backend: {service: {name: "{{ include "common.serviceName" $root }}", port: {name: http}}}
          {{- end }}
    {{- end }}
{{- end }}

{{/* Not empty where a path is written as an expression: `list root host path`. Who annotates it as one has written one. */}}
{{- define "common.isExpression" -}}
{{- $root := index . 0 }}
{{- $path := index . 2 }}
{{- $hosts := $root.Expressions | default (include "common.expressionHosts" $root | fromJsonArray) }}
{{- $plain := or (ne $root.Values.ingress.className "nginx") (and (eq $path.path "/") (ne (toString $path.pathType) "Exact")) }}
{{- $notes := $root.Values.ingress.annotations }}
{{- range list "use-regex" "rewrite-target" }}
{{- if and (not $path.stripPrefix) (hasKey $notes (printf "nginx.ingress.kubernetes.io/%s" .)) }}{{ $plain = true }}{{ end }}
{{- end }}
{{- if and (not $plain) (or $path.stripPrefix (ne (toString $path.pathType) "ImplementationSpecific")) (has (index . 1) $hosts) }}yes{{ end }}
{{- end }}

{{/* A path that loses its prefix, or stays, as an expression; the second group is what is left of it. */}}
{{- define "common.expression" -}}
{{- $rest := trimAll "/" .path -}}
/{{ with $rest }}(?-i:{{ regexQuoteMeta . }}){{ end }}{{ ternary "()()()()()$" "(/|$)(.*)" (eq (toString .pathType) "Exact") }}
{{- end }}

{{/* The hosts that a service takes a prefix off on, as JSON. */}}
{{- define "common.expressionHosts" -}}
{{- $found := list }}
{{- with .Values.ingress }}
{{- range $path := .paths }}
{{- if and $.Values.ingress.enabled (eq $.Values.ingress.className "nginx") $path.stripPrefix (ne $path.path "/") }}
{{- $found = prepend $.Values.ingress.hosts $.Values.ingress.host }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{- define "common.httpRouteObject" -}}
{{- $root := . }}
{{- with .Values.httpRoute -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "common.metadata" $root | nindent 2 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs: {{- toYaml .parentRefs | nindent 4 }}
  {{- with .hostnames }}
  hostnames: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range .paths }}
    - matches: [{path: {type: {{ ternary "Exact" "PathPrefix" (eq (toString .pathType) "Exact") }}, value: {{ .path | quote }}}}]
      {{- if .stripPrefix }}
      {{- $way := ternary "ReplaceFullPath" "ReplacePrefixMatch" (eq (toString .pathType) "Exact") }}
      filters: [{type: URLRewrite, urlRewrite: {path: {type: {{ $way }}, {{ untitle $way }}: /}}}]
      {{- end }}
      backendRefs: [{name: "{{ include "common.serviceName" $root }}", port: {{ $root.Values.service.port }}}]
    {{- end }}
{{- end }}
{{- end }}
