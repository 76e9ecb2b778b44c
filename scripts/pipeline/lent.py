"""An autoscaler that `verify.scaling` lends to a service for its proof: taken back by the next deploy where that was
killed. Whoever deploys holds the lock, so no proof needs it any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from scripts.context.run import Run
from scripts.kube import objects
from scripts.settings.model import Outcome

KIND = "horizontalpodautoscalers"
REPLICAS_BEFORE = "todo-chatbot/replicas-before"  # annotation of a lent one: the release's replicas without it


def take_back(run: Run) -> Iterator[Outcome]:
    """Remove what a proof has left, and give the service the replicas back that it had before."""
    if run.dry:
        return
    kubectl, place = run.session.kubectl, ("--namespace", run.namespace)
    for item in kubectl.visible(KIND, run.namespace)[0]:
        before = (item["metadata"].get("annotations") or {}).get(REPLICAS_BEFORE, "")
        if not before.isdecimal():
            continue
        target = item["spec"]["scaleTargetRef"]["name"]
        kubectl.effect("delete", KIND, objects.name_of(item), *place, "--ignore-not-found")
        kubectl.effect("scale", f"deployment/{target}", f"--replicas={before}", *place)
        text = f"the autoscaler that a proof had left behind is gone; replicas: {before}, as before it"
        yield Outcome("deploy", target, "done", 0.0, text)
