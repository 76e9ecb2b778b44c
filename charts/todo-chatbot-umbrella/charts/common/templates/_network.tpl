{{/* Exactly the flows that the values name, both ways, and DNS. */}}
{{- define "common.networkpolicy" -}}
{{- include "common.prepare" . -}}
{{- if .Values.global.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "common.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "common.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress: {{- include "common.callers" . | trim | default "[]" | nindent 4 }}
  egress:
    {{- include "common.egress" . | nindent 4 }}
{{- end }}
{{- end }}

{{/* Who may call: nothing where nobody may. */}}
{{- define "common.callers" -}}
{{- $port := include "common.port" . }}
{{- $namespaces := concat (compact (list .Values.global.networkPolicy.monitoringNamespace)) .Values.networkPolicy.fromNamespaces }}
{{- if not $port }}
{{- else if or .Values.networkPolicy.fromAnywhere .Values.ingress.enabled .Values.httpRoute.enabled }}
- ports: [{port: {{ $port }}, protocol: TCP}]
{{- else if or .Values.networkPolicy.from $namespaces }}
- ports: [{port: {{ $port }}, protocol: TCP}]
  from:
    {{- range .Values.networkPolicy.from }}
    - podSelector:
        matchLabels: {app.kubernetes.io/name: "{{ include "common.peer" (list $ .) }}", app.kubernetes.io/part-of: todo-chatbot}
    {{- end }}
    {{- range $namespaces }}
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: "{{ . }}"}
    {{- end }}
{{- end }}
{{- end }}

{{/* Whom a service, or a job of it, may call. */}}
{{- define "common.egress" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- range .Values.networkPolicy.to }}
- ports: [{port: {{ .port }}, protocol: TCP}]
  to:
    - podSelector:
        matchLabels: {app.kubernetes.io/name: "{{ include "common.peer" (list $ .name) }}", app.kubernetes.io/part-of: todo-chatbot}
{{- end }}
{{- range .Values.networkPolicy.external }}
- ports: [{port: {{ .port }}, protocol: TCP}]
  to:
    - ipBlock:
        cidr: "{{ .cidr }}"
        {{- with .except }}
        except: {{- toYaml . | nindent 10 }}
        {{- end }}
{{- end }}
{{- $aliases := dict }}
{{- range $alias := .Values.hostAliases }}{{ range $alias.hostnames }}{{ $_ := set $aliases . $alias.ip }}{{ end }}{{ end }}
{{- range .Values.networkPolicy.hosts }}
{{- $host := regexReplaceAll ":[0-9]+$" . "" }}
- ports: [{port: {{ regexFind "[0-9]+$" . }}, protocol: TCP}]
  to:
    {{- if regexMatch "^[^.]+[.][^.]+[.]svc([.].+)?$" $host }}
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: "{{ index (splitList "." $host) 1 }}"}
    {{- else if or (regexMatch "^[0-9]+([.][0-9]+){3}$" $host) (hasPrefix "[" $host) }}
    - ipBlock: {cidr: "{{ include "common.single" (trimAll "[]" $host) }}"}
    {{- else if index $aliases $host }}
    - ipBlock: {cidr: "{{ include "common.single" (index $aliases $host) }}"}
    {{- else if not (contains "." $host) }}
    - podSelector: {}
    {{- else if regexMatch "[.](internal|local|lan|home[.]arpa)$" $host }}
    - ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}
    - ipBlock: {cidr: "::/0", except: ["fe80::/10"]}
    {{- else }}
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16]
    - ipBlock: {cidr: "::/0", except: ["fc00::/7", "fe80::/10"]}
    {{- end }}
{{- end }}
{{- $ports := list }}
{{- range .Values.networkPolicy.urls }}
{{- $ports = concat $ports (include "common.portsOfUrl" (list $ .) | fromJsonArray) }}
{{- end }}
{{- range $ports | uniq }}
- ports: [{port: {{ . }}, protocol: TCP}]
  to:
    # 169.254.0.0/16 is where clouds hand out credentials.
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          - 169.254.0.0/16
{{- end }}
{{- end }}

{{/*
The ports that the URL in a Secret names, one for each of its hosts, as JSON: in the place of a URL, of JDBC, or as `port=`
in a query or a list of words. Where it names none it is the scheme's; where that is unknown, or the Secret is not there or
cannot be looked up as in `helm template`, the entry's own or PostgreSQL's. A file's has none.
*/}}
{{- define "common.portsOfUrl" -}}
{{- $root := index . 0 }}
{{- $entry := index . 1 }}
{{- $usual := dict "postgres" 5432 "postgresql" 5432 "mysql" 3306 "mariadb" 3306 "mongodb" 27017 "redis" 6379 "rediss" 6379 "valkey" 6379 "memcached" 11211 "clickhouse" 8123 "cockroachdb" 26257 "ldap" 389 "ldaps" 636 "mqtt" 1883 "mqtts" 8883 "ws" 80 "wss" 443 "smtps" 465 "amqp" 5672 "amqps" 5671 "nats" 4222 "kafka" 9092 "http" 80 "https" 443 "libsql" 443 "sqlserver" 1433 "smtp" 587 }}
{{- $secret := lookup "v1" "Secret" (include "common.namespace" $root) $entry.secret }}
{{- $url := dig "data" $entry.key "" $secret | b64dec | trim | trimPrefix "jdbc:" }}
{{- $scheme := regexFind "^[a-z]+" (lower $url) }}
{{- $fallback := index $usual $scheme | default $entry.port | default 5432 }}
{{- $authority := regexFind "^[^/?#]*" (regexReplaceAll "^[A-Za-z0-9+.-]+://" $url "") }}
{{- $ports := list }}
{{- $hosts := splitList "@" $authority | last }}
{{- $named := regexFind "(^|[?&;\\s])port=[0-9]+" $url | regexFind "[0-9]+$" }}
{{- if and $named (or (not $hosts) (contains "=" $hosts)) }}
{{- $ports = list (int $named) }}
{{- else if not (and (has $scheme (list "sqlite" "file")) (contains ":" $url)) }}
{{- range splitList "," $hosts }}
{{- $ports = append $ports (regexFind "[0-9]+$" (regexFind ":[0-9]+$" .) | default $fallback | int) }}
{{- end }}
{{- end }}
{{- toJson ($ports | uniq) }}
{{- end }}

{{/* One address as a range. */}}
{{- define "common.single" -}}
{{ . }}/{{ ternary "128" "32" (contains ":" .) }}
{{- end }}
