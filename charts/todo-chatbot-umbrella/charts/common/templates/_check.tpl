{{/* What a schema cannot see wrong with the values of a service: helm stops with every problem, each by its key. */}}

{{- define "common.check" -}}
{{- $lines := concat (include "common.securityProblems" . | splitList "\n") (include "common.contradictions" . | splitList "\n") }}
{{- $problems := list }}
{{- range $lines }}{{ with trim . }}{{ $problems = append $problems . }}{{ end }}{{ end }}
{{- if $problems }}
{{- fail (printf "\n%s" (join "\n" $problems)) }}
{{- end }}
{{- end }}

{{/* A line of its own for what Pod Security refuses: `list root key value level`, where level is the least that allows it. */}}
{{- define "common.refused" -}}
{{- $root := index . 0 }}
{{- $rank := dict "restricted" 0 "baseline" 1 "privileged" 2 }}
{{- $level := $root.Values.global.podSecurity }}
{{- if lt (index $rank $level) (index $rank (index . 3)) }}
{{ include "common.path" $root }}.{{ index . 1 }}: {{ index . 2 | toJson }} is refused by Pod Security `{{ $level }}`: leave it out, or set global.podSecurity to {{ index . 3 }}
{{- end }}
{{- end }}

{{- define "common.securityProblems" -}}
{{- $root := . }}
{{- include "common.contextProblems" (list . "podSecurityContext" .Values.podSecurityContext) }}
{{- include "common.contextProblems" (list . "containerSecurityContext" .Values.containerSecurityContext) }}
{{- include "common.capabilityProblems" (list . "containerSecurityContext" .Values.containerSecurityContext) }}
{{- include "common.hostProblems" (list . "" (pick .Values "startupProbe" "readinessProbe" "livenessProbe" "lifecycle")) }}
{{- range $key := list "initContainers" "extraContainers" }}
{{- range $index, $container := index $root.Values $key }}
{{- $where := printf "%s[%d].securityContext" $key $index }}
{{- $own := $container.securityContext | default dict }}
{{- include "common.contextProblems" (list $root $where $own) }}
{{- if or (hasKey $own "capabilities") (hasKey $own "allowPrivilegeEscalation") }}
{{- $context := mustMergeOverwrite (deepCopy $root.Values.containerSecurityContext) $own }}
{{- include "common.capabilityProblems" (list $root $where $context) }}
{{- end }}
{{- include "common.hostProblems" (list $root (printf "%s[%d]." $key $index) $container) }}
{{- range $number, $port := $container.ports }}
{{- with $port.hostPort }}
{{- include "common.refused" (list $root (printf "%s[%d].ports[%d].hostPort" $key $index $number) . "privileged") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $index, $volume := .Values.extraVolumes }}
{{- range $kind := keys (omit $volume "name") | sortAlpha }}
{{- if eq $kind "hostPath" }}
{{- include "common.refused" (list $root (printf "extraVolumes[%d].hostPath" $index) $volume.name "privileged") }}
{{- else if not (has $kind (list "configMap" "csi" "downwardAPI" "emptyDir" "ephemeral" "image" "persistentVolumeClaim" "projected" "secret")) }}
{{- include "common.refused" (list $root (printf "extraVolumes[%d].%s" $index $kind) $volume.name "baseline") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of a security context of a pod or a container: `list root key context`. */}}
{{- define "common.contextProblems" -}}
{{- $root := index . 0 }}
{{- $key := index . 1 }}
{{- $context := index . 2 }}
{{- $forPod := eq $key "podSecurityContext" }}
{{- if and (hasKey $context "runAsNonRoot") (not $context.runAsNonRoot) (or $forPod (kindIs "bool" $context.runAsNonRoot)) }}
{{- include "common.refused" (list $root (printf "%s.runAsNonRoot" $key) $context.runAsNonRoot "baseline") }}
{{- end }}
{{- if and (not (kindIs "invalid" $context.runAsUser)) (eq (int $context.runAsUser) 0) }}
{{- include "common.refused" (list $root (printf "%s.runAsUser" $key) $context.runAsUser "baseline") }}
{{- end }}
{{- if $context.privileged }}
{{- include "common.refused" (list $root (printf "%s.privileged" $key) true "privileged") }}
{{- end }}
{{- if and (hasKey $context "procMount") (ne (toString $context.procMount) "Default") }}
{{- include "common.refused" (list $root (printf "%s.procMount" $key) $context.procMount "privileged") }}
{{- end }}
{{- range $profile := list "seccompProfile" "appArmorProfile" }}
{{- $type := (index $context $profile | default dict).type | default "RuntimeDefault" }}
{{- if not (has $type (list "RuntimeDefault" "Localhost")) }}
{{- include "common.refused" (list $root (printf "%s.%s.type" $key $profile) $type "privileged") }}
{{- end }}
{{- end }}
{{- if and $forPod (hasKey $context "seccompProfile") (not $context.seccompProfile) }}
{{- include "common.refused" (list $root (printf "%s.seccompProfile" $key) $context.seccompProfile "baseline") }}
{{- end }}
{{- with $context.seLinuxOptions }}
{{- if or .user .role (not (has (.type | default "") (list "" "container_t" "container_init_t" "container_kvm_t" "container_engine_t"))) }}
{{- include "common.refused" (list $root (printf "%s.seLinuxOptions" $key) . "privileged") }}
{{- end }}
{{- end }}
{{- if ($context.windowsOptions | default dict).hostProcess }}
{{- include "common.refused" (list $root (printf "%s.windowsOptions.hostProcess" $key) true "privileged") }}
{{- end }}
{{- $safe := list "kernel.shm_rmid_forced" "net.ipv4.ip_local_port_range" "net.ipv4.ip_unprivileged_port_start" "net.ipv4.tcp_syncookies" "net.ipv4.ping_group_range" "net.ipv4.ip_local_reserved_ports" "net.ipv4.tcp_keepalive_time" "net.ipv4.tcp_fin_timeout" "net.ipv4.tcp_keepalive_intvl" "net.ipv4.tcp_keepalive_probes" "net.ipv4.tcp_rmem" "net.ipv4.tcp_wmem" }}
{{- range $context.sysctls }}
{{- if not (has .name $safe) }}
{{- include "common.refused" (list $root (printf "%s.sysctls" $key) .name "privileged") }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of a container's security context alone: `list root key context`. */}}
{{- define "common.capabilityProblems" -}}
{{- $root := index . 0 }}
{{- $key := index . 1 }}
{{- $context := index . 2 }}
{{- if ne (toString $context.allowPrivilegeEscalation) "false" }}
{{- include "common.refused" (list $root (printf "%s.allowPrivilegeEscalation" $key) $context.allowPrivilegeEscalation "baseline") }}
{{- end }}
{{- $capabilities := $context.capabilities | default dict }}
{{- if not (has "ALL" ($capabilities.drop | default list)) }}
{{- include "common.refused" (list $root (printf "%s.capabilities.drop" $key) $capabilities.drop "baseline") }}
{{- end }}
{{- $usual := list "AUDIT_WRITE" "CHOWN" "DAC_OVERRIDE" "FOWNER" "FSETID" "KILL" "MKNOD" "NET_BIND_SERVICE" "SETFCAP" "SETGID" "SETPCAP" "SETUID" "SYS_CHROOT" }}
{{- range $capabilities.add }}
{{- if ne . "NET_BIND_SERVICE" }}
{{- include "common.refused" (list $root (printf "%s.capabilities.add" $key) . (ternary "baseline" "privileged" (has . $usual))) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A probe or a handler that asks another host than its pod: `list root prefix container`. */}}
{{- define "common.hostProblems" -}}
{{- $root := index . 0 }}
{{- $prefix := index . 1 }}
{{- $container := index . 2 }}
{{- $handlers := pick $container "startupProbe" "readinessProbe" "livenessProbe" }}
{{- range $key, $handler := $container.lifecycle }}{{ $_ := set $handlers (printf "lifecycle.%s" $key) $handler }}{{ end }}
{{- range $key, $handler := $handlers }}
{{- range $kind := list "httpGet" "tcpSocket" }}
{{- if and (kindIs "map" $handler) (kindIs "map" (index $handler $kind)) }}
{{- with (index $handler $kind).host }}
{{- include "common.refused" (list $root (printf "%s%s.%s.host" $prefix $key $kind) . "privileged") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Values that cannot hold together. */}}
{{- define "common.contradictions" -}}
{{- $path := include "common.path" . }}
{{- if .Values.autoscaling.enabled }}
{{- if include "common.writtenByOne" . }}
{{ $path }}.autoscaling.enabled: the claim of persistence lets only one pod write: switch one of them off, or use accessModes [ReadWriteMany]
{{- end }}
{{- range list "cpu" "memory" }}
{{- if not (index ($.Values.resources.requests | default dict) .) }}
{{ $path }}.autoscaling.enabled: it counts in percent of {{ $path }}.resources.requests.{{ . }}: set that
{{- end }}
{{- end }}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) }}
{{ $path }}.autoscaling.minReplicas: {{ .Values.autoscaling.minReplicas }} is more than maxReplicas, {{ .Values.autoscaling.maxReplicas }}
{{- end }}
{{- end }}
{{- if and (include "common.waits" .) (ge (int .Values.preStopSeconds) (int .Values.terminationGracePeriodSeconds)) }}
{{ $path }}.terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }} leaves no time after preStopSeconds, {{ .Values.preStopSeconds }}: raise it
{{- end }}
{{- if not .Values.service.port }}
{{- range $key := list "ingress" "httpRoute" }}
{{- if (index $.Values $key).enabled }}
{{ $path }}.{{ $key }}.enabled: there is no Service to lead to: set {{ $path }}.service.port
{{- end }}
{{- end }}
{{- if and (or .Values.networkPolicy.from .Values.networkPolicy.fromNamespaces .Values.networkPolicy.fromAnywhere) (not .Values.service.targetPort) }}
{{ $path }}.networkPolicy: nobody can call a service without a port: set {{ $path }}.service.port
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (ne .Values.ingress.className "nginx") (not .Values.ingress.annotations) }}
{{- range .Values.ingress.paths }}
{{- if .stripPrefix }}
{{ $path }}.ingress.paths: how the class {{ $.Values.ingress.className }} takes {{ .path }} off is its own: write its annotations into {{ $path }}.ingress.annotations
{{- end }}
{{- end }}
{{- end }}
{{- range list "startup" "readiness" "liveness" }}
{{- include "common.probeProblems" (list $ .) }}
{{- end }}
{{- if .Values.service.port }}
{{- with include "common.serviceName" . }}
{{- if gt (len .) 63 }}
{{ $path }}: a Service's name has at most 63 characters, {{ . }} has {{ len . }}: set {{ $path }}.service.name
{{- else if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .) }}
{{ $path }}: {{ . }} is no name for a Service, which has small letters, digits and hyphens and begins with a letter: set {{ $path }}.service.name
{{- end }}
{{- end }}
{{- end }}
{{- include "common.withoutEffect" . }}
{{- $type := .Values.strategy.type | default "RollingUpdate" }}
{{- if and .Values.strategy (include "common.writtenByOne" .) (ne $type "Recreate") }}
{{ $path }}.strategy: the claim of persistence lets only one pod write, and {{ $type }} starts another beside it: leave strategy out, or use accessModes [ReadWriteMany]
{{- end }}
{{- if and (eq $type "Recreate") .Values.strategy.rollingUpdate }}
{{ $path }}.strategy.rollingUpdate: goes with no type Recreate: leave one out
{{- end }}
{{- range $kind, $limit := .Values.resources.limits }}
{{- with index ($.Values.resources.requests | default dict) $kind }}
{{- if gt (include "common.quantity" . | float64) (include "common.quantity" $limit | float64) }}
{{ $path }}.resources.requests.{{ $kind }}: {{ . }} is more than the limit, {{ $limit }}: lower it
{{- end }}
{{- end }}
{{- end }}
{{- range $key := list "config" "env" "extraEnv" }}
{{- $given := index $.Values $key }}
{{- if kindIs "map" $given }}
{{- range $name, $value := $given }}
{{- if and (kindIs "float64" $value) (or (ge $value 9e15) (le $value -9e15)) }}
{{ $path }}.{{ $key }}.{{ $name }}: a number of so many digits loses some: put it in quotes
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.persistence.enabled (has "ReadWriteOncePod" .Values.persistence.accessModes) (gt (len .Values.persistence.accessModes) 1) }}
{{ $path }}.persistence.accessModes: ReadWriteOncePod goes with no other: leave one
{{- end }}
{{- if and .Values.persistence.enabled (has "ReadWriteOncePod" .Values.persistence.accessModes) }}
{{- range $name, $job := .Values.jobs }}
{{- if and $job (eq (toString $job.when) "after") (ne (toString $job.enabled) "false") }}
{{ $path }}.jobs.{{ $name }}.when: after the release its pod has the claim, which ReadWriteOncePod lets no other have: use ReadWriteOnce, or before
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.strategy (eq $type "RollingUpdate") }}
{{- $rolling := .Values.strategy.rollingUpdate | default dict }}
{{- if and (has (toString $rolling.maxSurge) (list "0" "0%")) (has (toString $rolling.maxUnavailable) (list "0" "0%")) }}
{{ $path }}.strategy.rollingUpdate: maxSurge and maxUnavailable of 0 let nothing be replaced: raise one of them
{{- end }}
{{- end }}
{{- range .Values.extraVolumes }}
{{- $kinds := keys (omit . "name") | sortAlpha }}
{{- if gt (len $kinds) 1 }}
{{ $path }}.extraVolumes: {{ .name }} is {{ join ", " $kinds }} at once: leave one
{{- end }}
{{- end }}
{{- $volumes := list }}
{{- range include "common.volumes" . | fromYamlArray }}{{ $volumes = append $volumes .name }}{{ end }}
{{- include "common.twice" (list "volumes: the name" $path $volumes) }}
{{- $paths := list }}
{{- range include "common.mounts" . | fromYamlArray }}{{ $paths = append $paths (clean .mountPath) }}{{ end }}
{{- if has "/" $paths }}
{{ $path }}: something is mounted on /, which hides the whole image: name a folder within it
{{- end }}
{{- include "common.twice" (list "persistence, writablePaths and extraVolumeMounts: the path" $path $paths) }}
{{- range .Values.extraVolumeMounts }}
{{- if not (has .name $volumes) }}
{{ $path }}.extraVolumeMounts: there is no volume {{ .name }}: name one of extraVolumes{{ if $.Values.persistence.enabled }}, or data{{ end }}
{{- end }}
{{- end }}
{{- range $key := list "initContainers" "extraContainers" }}
{{- range $index, $container := index $.Values $key }}
{{- range $mount := $container.volumeMounts }}
{{- if not (has $mount.name $volumes) }}
{{ $path }}.{{ $key }}[{{ $index }}].volumeMounts: there is no volume {{ $mount.name }}: name one of extraVolumes{{ if $.Values.persistence.enabled }}, or data{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $names := list (include "common.name" .) }}
{{- range concat .Values.initContainers .Values.extraContainers }}{{ $names = append $names .name }}{{ end }}
{{- include "common.twice" (list "initContainers and extraContainers: the name" $path $names) }}
{{- end }}

{{/*
What stands in the values and does nothing, since what would use it is off. Of a chart's own service the defaults are among
the values, so that only what no default has is looked at.
*/}}
{{- define "common.withoutEffect" -}}
{{- $path := include "common.path" . }}
{{- range $key := list "persistence" "autoscaling" "ingress" "httpRoute" }}
{{- $given := index $.Given $key }}
{{- if and $given (not (hasKey $given "enabled")) }}
{{ $path }}.{{ $key }}: has no effect without {{ $path }}.{{ $key }}.enabled: set that to true, or to false
{{- end }}
{{- end }}
{{- if .Path }}
{{- $given := .Given.service | default dict }}
{{- if not .Values.service.port }}
{{- range $key := keys (omit $given "port" "targetPort") | sortAlpha }}
{{- if index $given $key }}
{{ $path }}.service.{{ $key }}: there is no Service without a port: set {{ $path }}.service.port
{{- end }}
{{- end }}
{{- else if and $given.nodePort (eq .Values.service.type "ClusterIP") }}
{{ $path }}.service.nodePort: a Service of type ClusterIP has none: set {{ $path }}.service.type to NodePort
{{- end }}
{{- end }}
{{- end }}

{{/* A quantity as a number: cores or bytes. */}}
{{- define "common.quantity" -}}
{{- $units := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "P" 1e15 "E" 1e18 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 }}
{{- $text := toString . }}
{{- mulf (regexFind "^[0-9.]+" $text | float64) (index $units (regexFind "[A-Za-z]*$" $text)) }}
{{- end }}

{{/* A default request that is more than the limit that somebody set becomes that limit. */}}
{{- define "common.fitRequests" -}}
{{- $given := (.Given.resources | default dict).requests | default dict }}
{{- $requests := .Values.resources.requests | default dict }}
{{- range $kind, $limit := .Values.resources.limits }}
{{- with index $requests $kind }}
{{- if and (not (hasKey $given $kind)) (gt (include "common.quantity" . | float64) (include "common.quantity" $limit | float64)) }}
{{- $_ := set $requests $kind $limit }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
What two services of a release cannot both have: names and labels of their objects, ports of the nodes, routes. The chart's own
policies have names too.
*/}}
{{- define "common.collisions" -}}
{{- $taken := dict }}
{{- range $name, $root := . }}
{{- $path := include "common.path" $root }}
{{- range list "default-deny" "smoke-test" "smoke-test-targets" }}
{{- $_ := set $taken (printf "the name %s" (include "common.prefixed" (list $root .))) "the chart" }}
{{- end }}
{{- range $claim := include "common.claims" $root | fromJsonArray }}
{{- with index $taken $claim.what }}
{{- fail (printf "%s.%s: %s has %s already: choose another" $path $claim.key . $claim.what) }}
{{- end }}
{{- $_ := set $taken $claim.what $path }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a service takes for itself alone, as JSON: `key` says by which value, `what` in words. */}}
{{- define "common.claims" -}}
{{- $fullname := include "common.fullname" . }}
{{- $found := list (dict "key" "fullnameOverride" "what" (printf "the name %s" $fullname)) }}
{{- $found = append $found (dict "key" "nameOverride" "what" (printf "the label %s" (include "common.name" .))) }}
{{- if .Values.service.port }}
{{- $found = append $found (dict "key" "service.name" "what" (printf "the Service %s" (include "common.serviceName" .))) }}
{{- if and (ne .Values.service.type "ClusterIP") .Values.service.nodePort }}
{{- $found = append $found (dict "key" "service.nodePort" "what" (printf "the node port %v" .Values.service.nodePort)) }}
{{- end }}
{{- end }}
{{- if .Values.serviceAccount.create }}
{{- $found = append $found (dict "key" "serviceAccount.name" "what" (printf "the service account %s" (include "common.serviceAccountName" .))) }}
{{- end }}
{{- range $name := keys .Values.secrets | sortAlpha }}
{{- $found = append $found (dict "key" "secrets" "what" (printf "the Secret %s" $name)) }}
{{- end }}
{{- if .Values.ingress.enabled }}
{{- $stripped := dict }}
{{- range $path := .Values.ingress.paths }}
{{- if and $path.stripPrefix (ne $path.path "/") }}{{ $_ := set $stripped "name" (printf "%s-stripped" $fullname) }}{{ end }}
{{- range prepend $.Values.ingress.hosts $.Values.ingress.host | uniq }}
{{- $found = append $found (dict "key" "ingress.paths" "what" (printf "%s of the host %s, of the class %s" (include "common.route" $path) . $.Values.ingress.className)) }}
{{- end }}
{{- end }}
{{- range prepend (values $stripped) $fullname }}
{{- $found = append $found (dict "key" "ingress" "what" (printf "the Ingress %s" .)) }}
{{- end }}
{{- end }}
{{- range $name, $job := .Values.jobs }}
{{- if ne (toString ($job | default dict).enabled) "false" }}
{{- $scope := dict "Values" $.Values "Name" $.Name "Chart" $.Chart "Job" (dict "name" $name) }}
{{- $key := printf "jobs.%s" $name }}
{{- $found = append $found (dict "key" $key "what" (printf "the name %s" (include "common.jobName" $scope))) }}
{{- $found = append $found (dict "key" $key "what" (printf "the label %s" (include "common.short" (printf "%s-%s" (include "common.name" $) $name)))) }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{- define "common.route" -}}
the path {{ .path }}{{ with .pathType }}{{ if ne . "Prefix" }} ({{ . }}){{ end }}{{ end }}
{{- end }}

{{/* What the API server would refuse of a probe: `list root kind`. */}}
{{- define "common.probeProblems" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $path := include "common.path" $root }}
{{- $given := index $root.Values (printf "%sProbe" $kind) }}
{{- $key := ternary "readinessPath" "livenessPath" (eq $kind "readiness") }}
{{- $handlers := keys (pick $given "httpGet" "tcpSocket" "exec" "grpc") | sortAlpha }}
{{- if and (hasKey $given "exec") (not $given.exec.command) }}
{{ $path }}.{{ $kind }}Probe.exec.command: missing
{{- end }}
{{- if gt (len $handlers) 1 }}
{{ $path }}.{{ $kind }}Probe: {{ join ", " $handlers }} at once: leave one
{{- end }}
{{- if and (not (include "common.port" $root)) (ne (toString $given.enabled) "false") }}
{{- if and $given.httpGet (not (dig "httpGet" "port" "" $given)) }}
{{ $path }}.{{ $kind }}Probe.httpGet.port: missing, since the service has no port
{{- else if and (index $root.Values.probes $key) (not $handlers) }}
{{ $path }}.probes.{{ $key }}: there is no port to ask: set {{ $path }}.service.port, or service.targetPort where it has no Service
{{- end }}
{{- end }}
{{- if and (ne $kind "readiness") (gt (int $given.successThreshold) 1) }}
{{ $path }}.{{ $kind }}Probe.successThreshold: {{ $given.successThreshold }} is refused, this kind of probe takes 1 alone
{{- end }}
{{- if and (eq $kind "readiness") $given.terminationGracePeriodSeconds }}
{{ $path }}.readinessProbe.terminationGracePeriodSeconds: a readiness probe ends nothing: leave it out
{{- end }}
{{- end }}

{{/* A line for each name that stands twice: `list what path names`. */}}
{{- define "common.twice" -}}
{{- $what := index . 0 }}
{{- $path := index . 1 }}
{{- $seen := list }}
{{- range index . 2 }}
{{- if has . $seen }}
{{ $path }}.{{ $what }} {{ . }} stands twice
{{- end }}
{{- $seen = append $seen . }}
{{- end }}
{{- end }}
