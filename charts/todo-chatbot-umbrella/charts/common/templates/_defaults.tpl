{{/*
Every value of a service, with its meaning and its default: of a chart under charts/, and of an entry under `services`.
`# --` explains a key, `# @schema` says what it may be where its default does not; null stands for the default. From these lines come the schema of the
umbrella chart and docs/values.md (`python -m scripts.release.values_doc`).
*/}}
{{- define "common.defaults" -}}
# -- Whether the service is installed.
enabled: true
# -- Name in labels and of the objects, in place of the key under `services` or the chart's name. Other services go on naming it by that key, in `networkPolicy` and in `common.host`.
# @schema {$ref: label}
nameOverride: ""
# -- Name of the objects, and start of the names of those that have a suffix. Empty: the name, after `global.fullnameOverride` where there is one. A URL follows it whose host is written as `{{ include "common.host" (list . "KEY") }}`.
# @schema {$ref: label}
fullnameOverride: ""
# -- Pods, while autoscaling is off. A claim that one node alone may write makes it one pod.
# @schema {minimum: 0}
replicaCount: 1
image:
  # -- Repository, without registry and tag.
  # @schema {pattern: "^([A-Za-z0-9.-]+:[0-9]+/)?[a-z0-9]+([._/-]+[a-z0-9]+)*$"}
  repository: ""
  # -- A tag that never moves; the pipeline passes a digest of the sources. `latest` is refused.
  # @schema {pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", not: {const: latest}}
  tag: ""
  # -- When the node asks the registry.
  # @schema {enum: [Always, IfNotPresent, Never]}
  pullPolicy: IfNotPresent
# -- Secrets for the registry, after those of `global.imagePullSecrets`.
# @schema {items: {$ref: reference}}
imagePullSecrets: []
# -- Command, in place of the image's ENTRYPOINT.
# @schema {items: {$ref: scalar}}
command: []
# -- Arguments, in place of the image's CMD.
# @schema {items: {$ref: scalar}}
args: []
service:
  # -- Name of the Service; may be a template. Empty: the name of the objects.
  name: ""
  # -- From where it can be reached: the cluster, every node's address, or a load balancer's.
  # @schema {enum: [ClusterIP, NodePort, LoadBalancer]}
  type: ClusterIP
  # -- Port of the Service. Without one the service is a worker: no Service, and no probes but those that it names.
  # @schema {type: [integer, "null"], minimum: 1, maximum: 65535}
  port: null
  # -- Port that the program listens on, which it is told as PORT. Unset: the Service's.
  # @schema {type: [integer, "null"], minimum: 1, maximum: 65535}
  targetPort: null
  # -- Port on every node, for the type NodePort.
  # @schema {type: [integer, "null"], minimum: 30000, maximum: 32767}
  nodePort: null
  # -- Annotations of the Service.
  # @schema {$ref: annotations}
  annotations: {}
# -- What a container is promised (`requests`) and may use at most (`limits`), also of what else nodes offer, such as `nvidia.com/gpu`. null leaves one out.
# @schema {$ref: resources}
resources:
  limits: {cpu: 500m, memory: 512Mi}
  requests: {cpu: 100m, memory: 128Mi}

# -- The ConfigMap `NAME-config`, which is the container's environment. A change replaces the pods. Values may be templates; null leaves one out.
# @schema {$ref: config}
config: {}
# -- Environment from Secrets that are made outside helm, so that no secret reaches a release's history.
# @schema {items: {$ref: secretEnv}}
secretEnv: []
# -- Environment: name to value, or a list of Kubernetes' `EnvVar`. A value may be a template, and may use `$(NAME)` of `secretEnv`.
# @schema {$ref: env}
env: {}
# -- More of `env`, added after it: a values file of your own need not repeat what stands there.
# @schema {$ref: env}
extraEnv: []
# -- Whole ConfigMaps and Secrets as environment: Kubernetes' `EnvFromSource`.
# @schema {items: {type: object, patternProperties: {"Ref$": {type: object}}}}
extraEnvFrom: []
# -- Secrets from values: name to keys. For a trial alone, since helm keeps them in the release's history.
# @schema {patternProperties: {"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": {$ref: secretKeys}}, additionalProperties: false}
secrets: {}

# -- Annotations of the pods.
# @schema {$ref: annotations}
podAnnotations: {}
# -- Labels of the pods; the chart's own cannot be changed.
# @schema {$ref: labels}
podLabels: {}
# -- Annotations of the Deployment.
# @schema {$ref: annotations}
deploymentAnnotations: {}
serviceAccount:
  # -- Make a service account, which may do nothing.
  create: true
  # -- Its name. Empty: the name of the objects, or `default` where none is made.
  # @schema {$ref: optionalName}
  name: ""
  # -- Its annotations.
  # @schema {$ref: annotations}
  annotations: {}

# -- Labels of the nodes that pods may run on.
# @schema {$ref: labels}
nodeSelector: {}
# -- Taints that pods bear: Kubernetes' `Toleration`.
# @schema {items: {type: object}}
tolerations: []
# -- Where pods prefer or have to run: Kubernetes' `Affinity`.
affinity: {}
# -- How pods are spread: Kubernetes' `TopologySpreadConstraint`, of the service's own pods where it has no `labelSelector`. Unset: over nodes, where that can be had. `[]`: not at all.
# @schema {type: [array, "null"], items: {type: object}}
topologySpreadConstraints: null
# -- Priority class of the pods.
# @schema {$ref: optionalName}
priorityClassName: ""
# -- Lines of the pods' /etc/hosts: Kubernetes' `HostAlias`.
# @schema {items: {$ref: hostAlias}}
hostAliases: []

# -- Containers that end before the service starts: Kubernetes' `Container`. Without an image they run the service's, with its environment and mounts, beside which theirs stand; all are hardened as the service is.
# @schema {items: {$ref: container}}
initContainers: []
# -- Containers beside the service's own, after it: Kubernetes' `Container`, hardened as the service is.
# @schema {items: {$ref: container}}
extraContainers: []
# -- Volumes: Kubernetes' `Volume`.
# @schema {items: {$ref: volume}}
extraVolumes: []
# -- Where the service's container mounts volumes: Kubernetes' `VolumeMount`. The claim is the volume `data`.
# @schema {items: {$ref: mount}}
extraVolumeMounts: []
persistence:
  # -- Keep the files of one folder in a claim, which outlives the release. A claim that one node alone may write (`ReadWriteOnce`, `ReadWriteOncePod`) makes it one pod, which ends before its successor starts.
  enabled: false
  # -- A claim that is there already, in place of one of the release's own.
  # @schema {$ref: optionalName}
  existingClaim: ""
  # -- Folder that is kept.
  # @schema {pattern: "^/[^:]*$"}
  mountPath: /data
  # -- Size of the claim.
  # @schema {pattern: "^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"}
  size: 1Gi
  # -- Storage class. Empty: `global.storageClass`, or the cluster's default. `-`: none, so that only a volume made by hand fits.
  # @schema {pattern: "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?|-)?$"}
  storageClass: ""
  # -- How it may be mounted.
  # @schema {minItems: 1, items: {enum: [ReadWriteOnce, ReadWriteOncePod, ReadWriteMany]}}
  accessModes: [ReadWriteOnce]
  # -- Annotations of the claim.
  # @schema {$ref: annotations}
  annotations: {}
# -- Folders that the program writes, beside /tmp: a path, or `path` with `size` (64Mi) and `seed`, which puts the image's files of that folder into it at each start (needs a shell and `cp` in the image). The rest of the root filesystem is read-only.
# @schema {items: {$ref: writablePath}}
writablePaths: []
# -- HOME of the program. Empty: as the image says.
# @schema {pattern: "^(/.*)?$"}
home: ""

# -- Pod security context, key by key over what stands here. A user's number: `runAsUser`, `runAsGroup`, `fsGroup`. What `global.podSecurity` forbids is refused.
# @schema {$ref: securityContext}
podSecurityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
# -- Security context of the service's container, and beneath those of the others.
# @schema {$ref: securityContext}
containerSecurityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}

probes:
  # -- Where it is asked by HTTP whether the process is alive, also at the start; any answer from 200 to 399 is good. Empty: whether its port is open.
  # @schema {pattern: "^(/.*)?$"}
  livenessPath: ""
  # -- Where it is asked by HTTP whether it can serve now. Empty: whether its port is open.
  # @schema {pattern: "^(/.*)?$"}
  readinessPath: ""
# -- Fields of Kubernetes' `Probe`, over what stands here; a handler (`httpGet`, `tcpSocket`, `exec`, `grpc`) takes the place of the path in `probes`. `enabled: false`: none. It may take periodSeconds × failureThreshold until the program serves.
# @schema {$ref: probe}
startupProbe: {periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 60}
# -- As above: whether it gets requests. A machine that is busy for some seconds takes no pod away.
# @schema {$ref: probe}
readinessProbe: {periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 5}
# -- As above: whether it is started anew.
# @schema {$ref: probe}
livenessProbe: {periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 3}
# -- Handlers at a container's start and end: Kubernetes' `Lifecycle`. `preStop` takes the place of `preStopSeconds`.
# @schema {patternProperties: {"^(postStart|preStop)$": {type: [object, "null"]}}}
lifecycle: {}
# -- Seconds a pod goes on serving before it is asked to end, so that no new connection is lost.
# @schema {minimum: 0, maximum: 60}
preStopSeconds: 3
# -- Seconds until a pod that is to end is killed: more than `preStopSeconds` and the 10 s a service may take to finish its requests.
# @schema {minimum: 1}
terminationGracePeriodSeconds: 20
# -- How pods are replaced: Kubernetes' `DeploymentStrategy`. Empty: all side by side, as far as the quota has room, an old one leaves when a new one is ready; one after the other where a claim lets only one node write.
# @schema {$ref: strategy}
strategy: {}
# -- Seconds without progress after which a rollout has failed.
# @schema {minimum: 1}
progressDeadlineSeconds: 120
# -- Old ReplicaSets that are kept.
# @schema {minimum: 0}
revisionHistoryLimit: 5

tls:
  # -- Serve https with the certificate of the Secret `NAME-tls`, while `global.tls.enabled`. Off: only trust its authority when calling others.
  serve: false
autoscaling:
  # -- HorizontalPodAutoscaler, which needs a metrics server; `replicaCount` is then ignored.
  enabled: false
  # -- Fewest pods.
  # @schema {minimum: 1}
  minReplicas: 1
  # -- Most pods.
  # @schema {minimum: 1}
  maxReplicas: 4
  # -- Average CPU use aimed at, in percent of the request.
  # @schema {minimum: 1}
  targetCPUUtilizationPercentage: 70
  # -- Average memory use aimed at, in percent of the request; the limit is two to four times as much. A service that idles at its request is not scaled.
  # @schema {minimum: 1}
  targetMemoryUtilizationPercentage: 150
  # -- Seconds use must stay low before a pod is removed.
  # @schema {minimum: 0, maximum: 3600}
  scaleDownStabilizationSeconds: 120
networkPolicy:
  # -- Anyone may call it, also from outside the cluster. So it is where it has an `ingress` or an `httpRoute`.
  fromAnywhere: false
  # -- Services that may call it, by name.
  # @schema {items: {$ref: name}}
  from: []
  # -- Namespaces whose pods may call it.
  # @schema {items: {$ref: name}}
  fromNamespaces: []
  # -- Services it calls, by name and the port their program listens on.
  # @schema {items: {$ref: peer}}
  to: []
  # -- Ranges of addresses outside the cluster it calls.
  # @schema {items: {$ref: external}}
  external: []
  # -- Hosts it calls, as `name:port`: a name without a dot stands for the pods of its own namespace, NAME.NAMESPACE.svc for that namespace's, an address and a name of `hostAliases` for themselves. Of a name that private networks alone have (`.internal`, `.local`, `.lan`, `.home.arpa`) the port is opened to every address, of any other to every address that is not private.
  # @schema {items: {$ref: address}}
  hosts: []
  # -- URLs in Secrets that it calls: their ports, as the cluster holds them at the time, are opened to every address outside.
  # @schema {items: {$ref: url}}
  urls: []

ingress:
  # -- Write an Ingress. Services that name the same host share it, each with its paths.
  enabled: false
  # -- Ingress class.
  # @schema {minLength: 1}
  className: nginx
  # -- Host name.
  # @schema {pattern: "^([*][.])?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}
  host: todo.local
  # -- More host names.
  # @schema {items: {$ref: hostname}}
  hosts: []
  # -- Paths that lead here. `stripPrefix` takes the path off before the service sees it (of the class nginx; for another one write its annotations).
  # @schema {minItems: 1, items: {$ref: route}}
  paths: [{path: /}]
  # -- Annotations for the ingress controller.
  # @schema {$ref: annotations}
  annotations: {}
  tls:
    # -- Serve https.
    enabled: false
    # -- Secret of type kubernetes.io/tls with the hosts' certificate. Empty: `NAME-ingress-tls`.
    # @schema {$ref: optionalName}
    secretName: ""
httpRoute:
  # -- Write an HTTPRoute of the Gateway API, whose kinds the cluster must know.
  enabled: false
  # -- Gateways that it hangs on: Gateway API's `ParentReference`.
  # @schema {minItems: 1, items: {$ref: named}}
  parentRefs: [{name: gateway}]
  # -- Host names. Empty: all of the Gateway's.
  # @schema {items: {$ref: hostname}}
  hostnames: []
  # -- Paths that lead here; `stripPrefix` takes the path off before the service sees it.
  # @schema {minItems: 1, items: {$ref: route}}
  paths: [{path: /}]
  # -- Annotations of the HTTPRoute.
  # @schema {$ref: annotations}
  annotations: {}

# -- What runs once with each install and upgrade, in the service's image and environment, such as a migration: by name. If it fails, so does the upgrade.
# @schema {patternProperties: {"^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$": {$ref: job}}, additionalProperties: false}
jobs: {}
{{- end }}

{{/* What all services of a release share: `global`. */}}
{{- define "common.globals" -}}
# -- Registry, with a path if it has one, put before every image's repository; no slash at the end. Empty: images are on the node.
# @schema {pattern: "^([^/].*[^/])?$"}
imageRegistry: ""
# -- Storage class of what is stored. Empty: the cluster's default.
storageClass: ""
# -- Namespace of all objects. Empty: the release's.
# @schema {$ref: label}
namespace: ""
# -- Put, with a hyphen, before the names of all objects of the release, so that two releases can share a namespace. URLs whose host is `common.host` follow it.
# @schema {pattern: "^([a-z]([-a-z0-9]{0,30}[a-z0-9])?)?$"}
fullnameOverride: ""
# -- Secrets for the registry.
# @schema {items: {$ref: reference}}
imagePullSecrets: []
# -- Environment mode; the charts' own services are told it as ENVIRONMENT.
# @schema {enum: [dev, ci, secure]}
environment: dev
tls:
  # -- Services call each other by https, with certificates from the Secrets `NAME-tls`, which the umbrella chart makes and renews.
  enabled: false
networkPolicy:
  # -- Refuse every connection but those the services' values name, and DNS.
  enabled: true
  # -- Namespace whose pods may also reach the services, to read /metrics. Empty: none.
  # @schema {$ref: label}
  monitoringNamespace: ""
# -- What pods may ask for, in the words of Pod Security. The namespace's labels have to allow it too.
# @schema {enum: [restricted, baseline, privileged]}
podSecurity: restricted
# -- Secret to version, as the cluster holds them. Pods that read one of them carry a digest of these versions, and are replaced when one changes. The pipeline passes it.
# @schema {$ref: texts}
secretVersions: {}
# -- Objects of your own, which the release owns: each a mapping, or a text that is a template.
# @schema {items: {$ref: object}}
extraObjects: []
{{- end }}
