"""What minikube, kind and k3d were recorded to say is told by its own rule, and by no other of the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from scripts import diagnose

KERNEL = "".join(f"\x1b[0;37mCONFIG_CHECK_{number}\x1b[0m: \x1b[0;32menabled\x1b[0m\n" for number in range(40))
LIMITER = (
    "error: error execution phase wait-control-plane: cannot obtain client without bootstrap: could not bootstrap the "
    "admin user in file admin.conf: unable to create ClusterRoleBinding: client rate limiter Wait returned an error: "
    "context deadline exceeded"
)
RECORDED = {
    "Exiting due to RSRC_INSUFFICIENT_CORES: Requested cpu count 4 is greater than the available cpus of 2": (
        "cluster-too-few-cpus"
    ),
    "X Requested cpu count 4 is greater than the available cpus of 2": "cluster-too-few-cpus",
    'X Exiting due to DRV_AS_ROOT: The "docker" driver should not be used with root privileges.': "cluster-as-root",
    "X Exiting due to DRV_UNSUPPORTED_OS: The driver 'x' is not supported on linux/amd64": "cluster-driver-unknown",
    "X Exiting due to PROVIDER_PODMAN_NOT_FOUND: The 'podman' provider was not found: exec: \"podman\": executable "
    "file not found in $PATH": "cluster-provider-missing",
    "X Exiting due to PR_KVM_USER_PERMISSION: libvirt group membership check failed": "cluster-permission",
    "! minikube cannot pull kicbase image from any docker registry, and is trying to download kicbase tarball from "
    "github release page via HTTP.": "cluster-download",
    "Exiting due to INET_LOOKUP_HOST: Failed to start host: recreate: creating host: create: creating: setting up "
    "container node: preparing volume for pp container: docker run --rm --name pp-preload-sidecar --entrypoint "
    "/usr/bin/test -v pp:/var gcr.io/k8s-minikube/kicbase:v0.0.50 -d /var/lib: exit status 125\nstdout:\n\nstderr:\n"
    "Unable to find image 'gcr.io/k8s-minikube/kicbase:v0.0.50' locally\ndocker: Error response from daemon: Get "
    '"https://gcr.io/v2/": dial tcp: lookup gcr.io on 10.255.255.53:53: no such host': "cluster-download",
    'Exiting due to INET_LOOKUP_HOST: Get "https://api.github.com/repos/kubernetes/kubernetes/releases/tags/v1.36.1": '
    "dial tcp: lookup api.github.com on 10.255.255.53:53: no such host": "cluster-download",
    "Exiting due to K8S_OLD_UNSUPPORTED: Kubernetes 1.20.0 is not supported by this release of minikube": (
        "cluster-kubernetes-version"
    ),
    "Exiting due to RSRC_OVER_ALLOC_MEM: Requested memory allocation 92160MB is more than your system limit 24105MB.": (
        "cluster-too-little-memory"
    ),
    'Exiting due to PROVIDER_DOCKER_NOT_RUNNING: "docker version" exit status 1: Cannot connect to the Docker daemon '
    "at unix:///nowhere/docker.sock. Is the docker daemon running?": ("cluster-engine-silent"),
    'Exiting due to GUEST_DRIVER_MISMATCH: The existing "pp" cluster was created using the "docker" driver, which is '
    'incompatible with requested "kvm2" driver.': "cluster-driver-differs",
    "Exiting due to MK_USAGE: Only alphanumeric and dashes '-' are permitted. Minimum 2 characters, starting with "
    "alphanumeric.": "cluster-name",
    "Exiting due to PROVIDER_NONE_NOT_FOUND: The 'none' provider was not found: running the 'none' driver as a regular "
    "user requires sudo permissions": "cluster-provider-missing",
    f"{KERNEL}{LIMITER}": "cluster-control-plane",
    LIMITER: "cluster-control-plane",
    "error: error execution phase certs/apiserver-kubelet-client: [certs] certificate apiserver-kubelet-client not "
    "signed by CA certificate ca: x509: certificate signed by unknown authority": "cluster-foreign-volume",
    "X Exiting due to GUEST_START: failed to start node": "cluster-control-plane",
    "X Exiting due to K8S_APISERVER_MISSING: wait 6m0s for node": "cluster-control-plane",
    "X Exiting due to SVC_NOT_FOUND: Service 'S' was not found in 'N' namespace.": "cluster-service",
    'X Exiting due to MK_USAGE: loading profile: cluster "P" does not exist': "cluster-profile-missing",
    'Profile "P" not found. Run "minikube profile list" to view all profiles.': "cluster-profile-missing",
    "X Exiting due to MK_ADDON_ENABLE: enable failed: run callbacks: x is not a valid addon": "cluster-usage",
    "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1": "cluster-control-plane",
    "ERROR: failed to create cluster: node(s) already exist for a cluster with the name 'x'": "kind-node-exists",
    'ERROR: failed to create cluster: failed to pull image "kindest/node:v1.36.1": command "docker pull '
    'kindest/node:v1.36.1" failed with error: exit status 1\n\nCommand Output: Error response from daemon: Get '
    '"https://registry.example.org/v2/": dial tcp: lookup registry.example.org on 10.0.0.53:53: no such host': (
        "node-image-missing"
    ),
    'ERROR: failed to create cluster: command "docker run --name fy-control-plane --hostname fy-control-plane --label '
    'io.x-k8s.kind.role=control-plane --privileged node" failed with error: exit status 125\n\nCommand Output: docker: '
    'Error response from daemon: Conflict. The container name "/fy-control-plane" is already in use by container '
    '"b6bf5b0baa1de534a1ea698ff5a0". You have to remove (or rename) that container to be able to reuse that name.': (
        "node-name-taken"
    ),
    'ERROR: failed to create cluster: command "docker run --name fy-control-plane --privileged x" failed with error: '
    "exit status 125\n\nCommand Output: docker: Error response from daemon: failed to create shim task: OCI runtime "
    "create failed: runc create failed: unable to start container process: unable to apply caps: operation not "
    "permitted: unknown": "node-rights",
    "ERROR: failed to create cluster: could not find a log line that matches "
    '"Reached target .*Multi-User System.*|detected cgroup v1"': "node-no-boot",
    "failed Cluster Creation: failed setup of server/agent node k3d-kk-server-0: failed to create node: runtime failed "
    "to create node 'k3d-kk-server-0': failed to create container for node 'k3d-kk-server-0': docker failed to pull "
    "image 'rancher/k3s:none': docker failed to pull the image": "node-image-missing",
    'ERROR: image: "a:1" not present locally': "image-absent",
    "Error response from daemon: reference does not exist": "image-absent",
    "Error response from daemon: container p is not running": "node-not-running",
    "* The control-plane node P host is not running: state=Stopped": "node-not-running",
    "toomanyrequests: You have reached your unauthenticated pull rate limit.": "registry-limit",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?": "engine-down",
    "The connection to the server 127.0.0.1:8443 was refused - did you specify the right host or port?": (
        "cluster-unreachable"
    ),
    'error: context "P" does not exist': "context-missing",
    "client rate limiter Wait returned an error: context deadline exceeded": "no-answer-in-time",
}
RECORDED |= {
    "Exiting due to GUEST_PROVISION: error provisioning guest: create: docker volume create minikube: exit status 1\n"
    "Error response from daemon: mkdir /var/lib/docker/volumes/minikube: no space left on device": "cluster-disk-full",
    "Exiting due to GUEST_PROVISION: docker network create 192.168.49.0/24: Error response from daemon: "
    "Pool overlaps with other one on this address space": "engine-networks-used-up",
    "FATA[0000] Failed to create cluster 'p' because a cluster with that name already exists": "kind-node-exists",
    "failed to create fsnotify watcher: too many open files": "node-no-boot",
}
NO_FAILURE = [
    '* "P" context has been updated to point to 192.168.49.2:8443',
    '* Stopping node "P"  ...\n* Powering off "P" via SSH ...\n* 1 node stopped.',
    "* Paused 10 containers in: kube-system, kubernetes-dashboard, istio-operator",
    '* Removed all traces of the "P" cluster.',
    "No kind clusters found.",
    "! You cannot change the CPUs for an existing minikube cluster. Please first delete the cluster.",
]
BELONG_TOGETHER = [
    {"cluster-driver-unknown", "cluster-as-root"},
    {"cluster-usage", "cluster-profile-missing"},
    {"cluster-usage", "cluster-name"},
    {"cluster-engine-silent", "cluster-provider-missing", "engine-down"},
    {"cluster-control-plane", "cluster-driver-differs"},
    {"cluster-control-plane", "cluster-disk-full", "disk-full"},
    {"cluster-control-plane", "engine-networks-used-up"},
    {"cluster-control-plane", "cluster-kubernetes-version"},
    {"cluster-control-plane", "cluster-foreign-volume"},
    {"cluster-control-plane", "no-answer-in-time"},
]


@pytest.mark.parametrize("text", RECORDED)
def test_what_was_recorded_is_told_by_its_own_rule(text: str) -> None:
    found = diagnose.explain_failure(text, {"program": "minikube"})
    assert found and found.rule == RECORDED[text]
    assert "docker login" not in found.remedy or found.rule == "registry-limit"


CLASSES = {
    name: rule
    for rule, names in yaml.safe_load(Path(__file__).with_name("minikube-classes.yaml").read_text()).items()
    for name in names.split()
}


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_that_minikube_ends_with_is_told_by_the_rule_that_fits(name: str) -> None:
    said = f"minikube start failed with exit status 1\nExiting due to {name}: something that nobody has recorded"
    found = diagnose.explain_failure(said, {"program": "minikube"})
    assert found and found.rule == CLASSES[name]
    assert name in found.meaning


@pytest.mark.parametrize("text", NO_FAILURE)
def test_what_is_no_failure_of_a_cluster_is_told_by_no_rule(text: str) -> None:
    assert diagnose.explain_failure(text, {"program": "minikube"}) is None


@pytest.mark.parametrize("text", RECORDED)
def test_every_pattern_of_every_rule_matches_only_its_own_texts(text: str) -> None:
    """Whatever the order of the rules is: a class that is listed before its cause is the one exception."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    hits = {
        rule.id
        for rule in diagnose.read_rules()
        for alternative in rule.alternatives
        for field, pattern in alternative.match.items()
        if alternative.symptom == "command" and field == "text" and pattern.search(plain)
        if "program" not in alternative.match or alternative.match["program"].search("minikube")
        if "stage" not in alternative.match or alternative.match["stage"].search("prepare")
    }
    assert RECORDED[text] in hits
    assert len(hits) == 1 or any(hits <= group for group in BELONG_TOGETHER)
