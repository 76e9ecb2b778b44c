"""Pods on the real engine, from start to end."""

import asyncio

import pytest

from embedded.node import pause

pytestmark = pytest.mark.engine
NAMESPACE = "demo"


def main(pod):
    return pod["status"]["containerStatuses"][0]


def waiting(pod):
    return (pod.get("status", {}).get("containerStatuses") or [{"state": {}}])[0]["state"].get("waiting", {})


async def test_starts_answers_and_ends(cluster):
    cluster.pod(
        "web",
        "echo $WHO; trap 'echo bye; exit 0' TERM; while true; do sleep 1 & wait $!; done",
        main={
            "env": [{"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        },
    )
    pod = await cluster.ready("web")
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["podIP"].startswith("10.244.")
    assert main(pod)["image"] == "docker.io/library/bb:1"
    await cluster.begins("web", "web\n")
    assert await cluster.run("web", "exit 7") == (7, "")
    assert [reason for reason, _ in cluster.events("web")].count("Started") == 1
    cluster.store.delete("pods", NAMESPACE, "web")
    await cluster.gone("web")
    assert ("Killing", "Stopping container main") in cluster.events("web")


async def test_deleted_pod_fails_when_it_has_to_be_killed(cluster):
    seen = []
    cluster.store.on_event(lambda resource, event: seen.append(event.object) if resource == "pods" else None)
    cluster.pod("deaf", "echo up; exec sleep 1000")
    await cluster.ready("deaf")
    await cluster.begins("deaf", "up\n")  # the runtime itself, which a container is until then, ends at SIGTERM
    cluster.store.delete("pods", NAMESPACE, "deaf")
    await cluster.gone("deaf")
    last = seen[-1]["status"]
    assert (last["phase"], last["containerStatuses"][0]["state"]["terminated"]["exitCode"]) == ("Failed", 137)
    reasons = {c["type"]: (c["status"], c.get("reason")) for c in last["conditions"]}
    assert reasons["Ready"] == ("False", "PodFailed")
    assert reasons["PodReadyToStartContainers"] == ("False", None)


async def test_hooks_and_sidecar_run_in_order(cluster):
    script = "trap 'echo main >> /w/log; exit 0' TERM; echo up; while true; do sleep 1 & wait $!; done"
    mount = {"volumeMounts": [{"name": "w", "mountPath": "/w"}]}
    side = script.replace("echo main", "echo side")
    cluster.pod(
        "order",
        script,
        main=mount
        | {
            "lifecycle": {
                "postStart": {"exec": {"command": ["sh", "-c", "echo post >> /w/log"]}},
                "preStop": {"exec": {"command": ["sh", "-c", "echo pre >> /w/log"]}},
            }
        },
        terminationGracePeriodSeconds=120,
        initContainers=[
            {"name": "first", "image": "bb:1", "command": ["sh", "-c", "echo init > /w/log"]} | mount,
            {"name": "side", "image": "bb:1", "restartPolicy": "Always", "command": ["sh", "-c", side]} | mount,
        ],
        volumes=[{"name": "w", "hostPath": {"path": str(cluster.state / "w"), "type": "DirectoryOrCreate"}}],
    )
    pod = await cluster.ready("order")
    await cluster.begins("order", "up\n")
    assert [c["name"] for c in pod["status"]["initContainerStatuses"]] == ["first", "side"]
    cluster.store.delete("pods", NAMESPACE, "order")
    await cluster.gone("order")
    assert (cluster.state / "w" / "log").read_text().split() == ["init", "post", "pre", "main", "side"]


async def test_a_container_that_ends_before_it_is_watched_is_not_taken_to_run(cluster, monkeypatch):
    host = cluster.node._host
    start = host.docker.start

    async def start_and_end(container: str) -> None:
        ended = host.exits.expect(container)
        await start(container)
        if not (await host.docker.inspect(container))["Name"].startswith("/k8s_POD"):
            await asyncio.wait([ended])

    monkeypatch.setattr(host.docker, "start", start_and_end)
    cluster.pod("brief", "exit 3", restartPolicy="Never")
    pod = await cluster.until("brief", lambda pod: pod["status"].get("phase") == "Failed")
    assert main(pod)["state"]["terminated"]["exitCode"] == 3


async def test_an_image_of_sandboxes_that_somebody_removes_is_made_again(cluster):
    await cluster.node._docker.call("DELETE", f"/images/{pause.IMAGE}", params={"force": "true"})
    assert await cluster.node._docker.image(pause.IMAGE) is None
    cluster.pod("late")
    await cluster.ready("late")
    assert "FailedCreatePodSandBox" not in [reason for reason, _ in cluster.events("late")]


async def test_failing_container_backs_off(cluster):
    cluster.pod("crash", "echo oops; exit 3")
    pod = await cluster.until("crash", lambda pod: waiting(pod).get("reason") == "CrashLoopBackOff")
    assert pod["status"]["phase"] == "Running"
    assert main(pod)["restartCount"] == 1
    assert main(pod)["lastState"]["terminated"]["exitCode"] == 3
    uid = pod["metadata"]["uid"]
    text = f"back-off 10s restarting failed container=main pod=crash_{NAMESPACE}({uid})"
    assert waiting(pod)["message"] == text
    assert ("BackOff", f"Back-off restarting failed container main in pod crash_{NAMESPACE}({uid})") in cluster.events(
        "crash"
    )
    assert await cluster.log("crash", previous=True) == "oops\n"


async def test_out_of_memory(cluster):
    cluster.pod(
        "eater", "exec tail /dev/zero", main={"resources": {"limits": {"memory": "24Mi"}}}, restartPolicy="Never"
    )
    pod = await cluster.until("eater", lambda pod: pod["status"]["phase"] == "Failed")
    ended = main(pod)["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


async def test_job_pod_completes(cluster):
    cluster.pod("job", "echo -n done > /dev/termination-log", restartPolicy="OnFailure")
    pod = await cluster.until("job", lambda pod: pod["status"].get("phase") == "Succeeded")
    assert main(pod)["state"]["terminated"]["message"] == "done"
    assert await cluster.log("job") == ""


async def test_last_words_fall_back_to_the_log(cluster):
    cluster.pod(
        "sad", "echo why; exit 1", main={"terminationMessagePolicy": "FallbackToLogsOnError"}, restartPolicy="Never"
    )
    pod = await cluster.until("sad", lambda pod: pod["status"].get("phase") == "Failed")
    assert main(pod)["state"]["terminated"]["message"] == "why\n"


@pytest.mark.parametrize(
    ("extra", "reason", "message"),
    [
        (
            {"image": "todo:absent"},
            "ImagePullBackOff",
            'Back-off pulling image "todo:absent": ErrImagePull: failed to pull',
        ),
        (
            {"image": "todo:absent", "imagePullPolicy": "Never"},
            "ErrImageNeverPull",
            "is not present with pull policy of Never",
        ),
        ({"image": "Foo"}, "InvalidImageName", "must be lowercase"),
        ({"envFrom": [{"configMapRef": {"name": "no"}}]}, "CreateContainerConfigError", 'configmap "no" not found'),
        ({"securityContext": {"runAsNonRoot": True}}, "CreateContainerConfigError", "image will run as root"),
        ({"command": ["/nope"]}, "CrashLoopBackOff", "back-off 10s"),
    ],
)
async def test_what_cannot_start_says_why(cluster, extra, reason, message):
    cluster.pod("bad", main=extra)
    pod = await cluster.until("bad", lambda pod: waiting(pod).get("reason") == reason)
    assert message in waiting(pod)["message"]
    assert not main(pod)["ready"]


async def test_missing_command_is_a_start_error(cluster):
    cluster.pod("none", main={"command": ["/nope"]}, restartPolicy="Never")
    pod = await cluster.until("none", lambda pod: pod["status"].get("phase") == "Failed")
    ended = main(pod)["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert 'exec: "/nope"' in ended["message"]


async def test_pod_that_never_started_can_be_deleted(cluster):
    cluster.pod("bad", main={"image": "todo:absent"})
    await cluster.until("bad", lambda pod: waiting(pod).get("reason") == "ErrImagePull")
    cluster.store.delete("pods", NAMESPACE, "bad")
    await cluster.gone("bad")


async def test_liveness_failure_restarts(cluster):
    ask = ["sh", "-c", "! cat /dev/shm/broken"]
    probe = {"exec": {"command": ask}, "periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 60}
    cluster.pod("ill", main={"livenessProbe": probe})
    await cluster.ready("ill")
    await cluster.run("ill", "echo is broken > /dev/shm/broken")
    await cluster.until("ill", lambda pod: main(pod)["restartCount"] == 1)
    said = cluster.events("ill")
    assert ("Killing", "Container main failed liveness probe, will be restarted") in said
    assert ("Unhealthy", "Liveness probe failed: is broken") in said


async def test_readiness_follows_the_probe(cluster):
    web = "mkdir /tmp/w; touch /tmp/w/ok; exec httpd -f -p 8080 -h /tmp/w"
    probe = {
        "httpGet": {"path": "/ok", "port": "http"},
        "periodSeconds": 1,
        "failureThreshold": 1,
        "timeoutSeconds": 60,
    }
    ports = [{"name": "http", "containerPort": 8080}]
    cluster.pod("web", web, main={"readinessProbe": probe, "ports": ports})
    await cluster.ready("web")
    await cluster.run("web", "busybox rm /tmp/w/ok")
    pod = await cluster.until("web", lambda pod: not main(pod)["ready"])
    assert main(pod)["restartCount"] == 0
    assert ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404") in cluster.events("web")


async def test_security_context(cluster):
    secure = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    cluster.pod(
        "safe",
        main={"securityContext": secure, "volumeMounts": [{"name": "tmp", "mountPath": "/work"}]},
        securityContext={"runAsUser": 10001, "runAsGroup": 10002, "fsGroup": 10003, "runAsNonRoot": True},
        volumes=[{"name": "tmp", "emptyDir": {}}],
    )
    await cluster.ready("safe")
    assert (await cluster.run("safe", "id"))[1].split() == ["uid=10001", "gid=10002", "groups=10002,10003"]
    assert (await cluster.run("safe", "touch /x"))[0] == 1
    assert (await cluster.run("safe", "touch /work/x"))[0] == 0
    status = (await cluster.run("safe", "cat /proc/1/status"))[1]
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


async def test_mounted_configuration_follows_changes(cluster):
    cluster.store.create(
        "configmaps", {"metadata": {"name": "c", "namespace": NAMESPACE}, "data": {"a": "1", "b": "x"}}
    )
    mounts = [{"name": "c", "mountPath": "/c"}, {"name": "c", "mountPath": "/one", "subPath": "a"}]
    cluster.pod("conf", main={"volumeMounts": mounts}, volumes=[{"name": "c", "configMap": {"name": "c"}}])
    await cluster.ready("conf")
    cluster.store.modify("configmaps", NAMESPACE, "c", lambda obj: obj.update(data={"a": "2"}))
    assert await cluster.run("conf", "cat /c/a /one; ls /c") == (0, "21a\n")


async def test_missing_volume_source_holds_the_pod_back(cluster):
    cluster.pod("conf", volumes=[{"name": "c", "secret": {"secretName": "late"}}])
    missing = ("FailedMount", 'MountVolume.SetUp failed for volume "c" : secret "late" not found')
    await cluster.until("conf", lambda _: missing in cluster.events("conf"))
    cluster.store.create("secrets", {"metadata": {"name": "late", "namespace": NAMESPACE}, "data": {}})
    await cluster.ready("conf")


async def test_restart_takes_running_pods_over(cluster, containers_of):
    cluster.pod("kept")
    before = await cluster.ready("kept")
    await cluster.restart()
    after = await cluster.ready("kept")
    assert main(after)["containerID"] == main(before)["containerID"]
    assert main(after)["restartCount"] == 0
    assert after["status"]["podIP"] == before["status"]["podIP"]
    cluster.pod("next")
    assert (await cluster.ready("next"))["status"]["podIP"] != before["status"]["podIP"]


async def test_machine_that_was_rebooted_starts_its_pods_again(cluster, containers_of):
    cluster.pod("kept")
    await cluster.ready("kept")
    await cluster.restart(lambda: cluster.docker("kill", *containers_of()))
    pod = await cluster.until("kept", lambda pod: main(pod)["restartCount"] == 1 and main(pod)["ready"])
    ended = main(pod)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (255, "Unknown")


async def test_engine_that_was_restarted_gets_its_pods_back_at_once(cluster, containers_of, monkeypatch):
    """As after a restart of the Engine: its events end, its containers are gone when it is heard again."""
    cluster.pod("kept")
    await cluster.ready("kept")
    exits = cluster.node._host.exits
    (listening,) = [task for task in cluster.node._running if task.get_coro().__qualname__ == "Exits.follow"]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    cluster.docker("kill", *containers_of())
    cluster.node._spawn(exits.follow())
    pod = await cluster.until("kept", lambda pod: main(pod)["restartCount"] == 1 and main(pod)["ready"])
    ended = main(pod)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (255, "Unknown")
    assert "BackOff" not in [reason for reason, _ in cluster.events("kept")]


async def test_lost_sandbox_is_made_anew(cluster, containers_of):
    cluster.pod("kept")
    await cluster.ready("kept")
    sandbox = containers_of("label=io.kubernetes.container.name=POD")
    cluster.docker("rm", "--force", *sandbox)
    await cluster.until("kept", lambda pod: main(pod)["restartCount"] == 1 and main(pod)["ready"])
    assert "SandboxChanged" in [reason for reason, _ in cluster.events("kept")]


async def test_pods_removed_meanwhile_leave_nothing(cluster, containers_of):
    cluster.pod("gone")
    await cluster.ready("gone")
    await cluster.node.stop()
    cluster.store.delete("pods", NAMESPACE, "gone", grace=0)
    cluster.node = cluster._node()
    await cluster.node.start()
    assert containers_of() == []


async def test_usage_is_measured(cluster, monkeypatch):
    cluster.pod("busy", "while true; do :; done", main={"resources": {"limits": {"cpu": "100m"}}})
    await cluster.ready("busy")
    ids = cluster.node._ids()
    containers = [container for found in ids.values() for container in found.values()]
    used = {"cpu": 0.0}
    async with asyncio.timeout(300):
        while not used["cpu"]:  # it always works, but a busy machine may not let it
            cluster.node._statistics.sample(containers)
            await asyncio.sleep(0.1)
            used = cluster.node.usage()["pods"].get((NAMESPACE, "busy"), {}).get("main", used)
    assert used["memory"] > 0


async def test_a_kill_for_memory_is_told_where_the_engine_does_not(cluster, monkeypatch):
    inspect = cluster.node._docker.inspect

    async def silent(container):
        found = await inspect(container)
        return found | {"State": found["State"] | {"OOMKilled": False}}

    monkeypatch.setattr(cluster.node._docker, "inspect", silent)
    bounded = {"resources": {"limits": {"memory": "24Mi"}}}
    cluster.pod("eater", "exec tail /dev/zero", main=bounded, restartPolicy="Never")
    cluster.pod("broken", "exit 3", main=bounded, restartPolicy="Never")
    reasons = {}
    for name in ("eater", "broken"):
        pod = await cluster.until(name, lambda pod: pod["status"].get("phase") == "Failed")
        reasons[name] = main(pod)["state"]["terminated"]["reason"]
    assert reasons == {"eater": "OOMKilled", "broken": "Error"}
