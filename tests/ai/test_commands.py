"""What an answer proposes is judged word by word; what is not known is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.ai.commands import ServedKinds, judge_line

SERVED = ServedKinds.default("chatbot-dev")


@pytest.mark.parametrize(
    "line",
    [
        "kubectl get pods",
        "kubectl get pods -n chatbot-dev -o wide",
        "kubectl -n chatbot-dev get pods",
        "kubectl --namespace=chatbot-dev describe pod backend-6b7-x",
        "$ kubectl describe pod backend-6b7-x",
        "kubectl logs backend-6b7-x --previous --tail=50",
        "kubectl logs -p backend-6b7-x -c backend",
        "kubectl logs -l app.kubernetes.io/name=backend --prefix",
        "kubectl logs deployment/backend --since=10m",
        "kubectl get deploy/backend -o jsonpath='{.spec.replicas}'",
        "kubectl get deploy,rs,po",
        "kubectl get hpa.autoscaling backend",
        "kubectl top pods",
        "kubectl events --for pod/backend-6b7-x",
        "kubectl rollout status deployment/backend",
        "kubectl rollout history deployment/backend",
        "kubectl explain deployment.spec",
        "kubectl get nodes",
        "helm history todo-chatbot",
        "helm get values todo-chatbot -n chatbot-dev",
        "docker image ls",
        "docker history todo-chatbot/backend:1",
    ],
)
def test_reading_is_allowed(line: str) -> None:
    verdict = judge_line(line, SERVED)
    assert (verdict.kind, verdict.reason) == ("read", "")


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale deployment/backend --replicas=3",
        "kubectl scale deployment backend --replicas 3 -n chatbot-dev",
        "kubectl set image deployment/backend backend=todo-chatbot/backend:2",
        "kubectl set resources deployment/backend --limits=memory=512Mi",
        "kubectl rollout restart deployment/backend",
        "kubectl autoscale deployment/backend --min=2 --max=4 --cpu-percent=70",
        'kubectl patch hpa backend --type=merge --patch \'{"spec":{"maxReplicas":6}}\'',
    ],
)
def test_a_change_is_told_from_reading(line: str) -> None:
    assert judge_line(line, SERVED).kind == "change"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kubectl delete pod backend-6b7-x", "nothing is deleted"),
        ("kubectl delete namespace chatbot-dev", "nothing is deleted"),
        ("kubectl get secret database-secrets -o yaml", "Secrets are not read"),
        ("kubectl get pods,secrets", "Secrets are not read"),
        ("kubectl get pod/x secret/y", "Secrets are not read"),
        ("kubectl describe secrets", "Secrets are not read"),
        ("kubectl get pods -n kube-system", "outside of the namespace"),
        ("kubectl get pods --namespace=default", "outside of the namespace"),
        ("kubectl get pods -nkube-system", "outside of the namespace"),
        ("kubectl get pods -A", "outside of the namespace"),
        ("kubectl scale deployment/backend --replicas=0 --all-namespaces", "outside of the namespace"),
        ("kubectl exec -it backend-6b7-x -- env", "runs a program"),
        ("kubectl cp x:/etc/passwd .", "copies files"),
        ("kubectl run x --image=busybox", "belongs to nothing"),
        ("kubectl apply -f https://example.org/x.yaml", "needs its manifest"),
        ("kubectl apply", "needs its manifest"),
        ("kubectl get pods | xargs kubectl delete pod", "only single commands"),
        ("kubectl get pods; rm -rf /", "only single commands"),
        ("kubectl get pods && curl x", "only single commands"),
        ("kubectl get pods $(cat /etc/passwd)", "only single commands"),
        ("kubectl get pods > /etc/passwd", "only single commands"),
        ("kubectl logs <pod-name>", "<pod-name> has to be filled in"),
        ("kubectl get pods --kubeconfig /tmp/x", "not for an answer to set"),
        ("kubectl get pods --as=system:admin", "not for an answer to set"),
        ("kubectl get --raw /api/v1/secrets", "not for an answer to set"),
        ("kubectl get pods --token=abc", "not for an answer to set"),
        ("kubectl get pods --made-up", "not a flag that is known"),
        ("kubectl get pods -o custom-columns-file=/etc/shadow", "not a form of output"),
        ("kubectl get unicorns", "no kind 'unicorns'"),
        ("kubectl scale deployments --all --replicas=0", "--all is not a flag"),
        ("kubectl scale deployments --replicas=0", "has to name what it changes"),
        ("kubectl label nodes n1 a=b", "belong to the whole cluster"),
        ("kubectl --namespace kube-system get pods", "outside of the namespace"),
        ("kubectl -n chatbot-dev delete pod x", "nothing is deleted"),
        ("kubectl --v=9 get pods", "not a flag that is known"),
        ("kubectl drain n1", "empties a node"),
        ("kubectl certificate approve x", "not a command that is known"),
        ("helm upgrade todo-chatbot charts/x", "invoke deploy"),
        ("helm uninstall todo-chatbot", "invoke deploy"),
        ("docker run -v /:/x alpine", "docker run"),
        ("docker system prune -af", "docker system prune"),
        ("docker -H tcp://x ps", "-H is not a flag"),
        ("rm -rf /", "rm is not one of"),
        ("kubectl 'get", "not a command line"),
        ("kubectl", "without a verb"),
        ("kubectl get", "of what?"),
        ("kubectl logs -f backend-6b7-x", "does not end"),
        ("kubectl logs backend-6b7-x --follow=true", "does not end"),
        ("kubectl logs -pf backend-6b7-x", "does not end"),
        ("kubectl get pods -wojson", "does not end"),
        ("kubectl get pods --watch-only", "does not end"),
        ("kubectl wait --for=delete pod/x", "may not end"),
        ("kubectl wait --for=delete pod/x --timeout=1h", "at most 60s"),
        ("kubectl rollout status deploy/backend --timeout=0s", "at most 60s"),
        ("kubectl delete pod x --dry-run=none --as=a --as-group=system:masters", "nothing is deleted"),
        ("kubectl scale deploy/backend --replicas=1 --dry-run=none", "is not needed"),
        ("kubectl label pod x a=b --dry-run", "is not needed"),
        ("kubectl get pods --as_group=system:masters", "not a flag that is known"),
        ("kubectl --as system:admin get pods", "not for an answer to set"),
        ("kubectl --dry-run=none delete pod x", "is not needed"),
        ("kubectl get pods -A", "outside of the namespace"),
        ("kubectl get pods -Aojson", "outside of the namespace"),
        ("kubectl get -f /etc/passwd", "--filename"),
        ("kubectl get -k .", "is not for an answer"),
        ("kubectl get all -o yaml", "name the kinds"),
        ("kubectl get Secrets", "Secrets are not read"),
        ("kubectl get secrets.v1.", "Secrets are not read"),
        ("kubectl get secret/database-secrets", "Secrets are not read"),
        ("kubectl get po,secret -o name", "Secrets are not read"),
        ("kubectl get externalsecrets", "Secrets are not read"),
        ("kubectl get secrets -o jsonpath='{.items[*].data}'", "Secrets are not read"),
        ("kubectl get secrets -o custom-columns=A:.data", "Secrets are not read"),
        ("kubectl get pods -o go-template='{{.}}'", "not a form of output"),
        ("kubectl get pods --template='{{.}}'", "not for an answer to set"),
        ("kubectl get pods -o go-template-file=/etc/passwd", "not a form of output"),
        ("kubectl get pods -o jsonpath-file=/etc/passwd", "not a form of output"),
        ("kubectl config view --raw", "not a command that is known"),
        ("kubectl config set-context x", "not a command that is known"),
        ("kubectl cluster-info dump", "not a command that is known"),
        ("kubectl create token todo-ai-writer", "needs its manifest"),
        ("kubectl gett pods", "not a command that is known"),
        ("kubectl GET pods", "not a command that is known"),
        ("kubectl ge\u0442 pods", "not a command that is known"),
        ("kubectl get pods --namespace", "lacks its value"),
        ("kubectl get pods -n", "lacks its value"),
        ("FOO=bar kubectl get pods", "only single commands"),
        ("kubectl get pods $'\\x3b' id", "only single commands"),
        ("kubectl get pods # then", "only single commands"),
        ("/bin/kubectl get pods", "is not one of"),
        ("env kubectl get pods", "is not one of"),
        ("sh -c 'kubectl get pods'", "is not one of"),
        ("kubectl edit deploy/backend", "waits for an editor"),
        ("kubectl debug pod/x --image=b", "starts a container"),
        ("kubectl attach x", "takes over"),
        ("kubectl port-forward svc/x 1:1", "opens a port"),
        ("kubectl proxy", "opens the whole API"),
        ("kubectl replace -f -", "overwrites"),
        ("kubectl neat get pods", "not a command that is known"),
        ("kubectl get pods \x00", "nobody sees"),
        ("kubectl get pods -l a=\x1b[2Kb", "nobody sees"),
        ("kubectl scale deploy/backend --replicas=0 -o 'jsonpath=\rkubectl get pods'", "nobody sees"),
        ("kubectl get pods -l a=\u202eb", "nobody sees"),
        ("kubectl get pods -l a=\u200bb", "nobody sees"),
        ("kubectl get pods -l a=\U000e0041b", "nobody sees"),
        # A shell reads each of these otherwise than as the words that it looks like.
        ("kubectl get pods -l \\'; rm x -l \\'", "only single commands"),
        ("kubectl get pods -l {a,--as=x}", "only single commands"),
        ("kubectl get pods -l {1..9}", "only single commands"),
        ("kubectl get pods -l *(e:'id':)", "only single commands"),
        ("kubectl get pods -l =(id)", "only single commands"),
        ("kubectl get pods --selector --request-timeout --show-labels x", "--selector lacks its value"),
        ("kubectl get pods -l --as=x", "--selector lacks its value"),
        ("kubectl logs x --since --limit-bytes", "--since lacks its value"),
    ],
)
def test_everything_else_is_refused_with_its_reason(line: str, reason: str) -> None:
    verdict = judge_line(line, SERVED)
    assert verdict.kind == "refused" and reason in verdict.reason


def test_the_kinds_are_those_of_the_cluster() -> None:
    listing = (
        "pods   po   v1   true   Pod\nagents      kagent.dev/v1alpha2   true   Agent\nnodes   no   v1   false   Node\n"
    )
    served = ServedKinds.listed("chatbot-dev", listing)
    assert judge_line("kubectl get agents", served).kind == "read"
    assert judge_line("kubectl get deployments", served).kind == "refused"
    assert judge_line("kubectl annotate node n1 a=b", served).kind == "refused"


@pytest.mark.slow
@given(st.text(max_size=120))
def test_whatever_comes_is_judged(line: str) -> None:
    verdict = judge_line("kubectl " + line, SERVED)
    assert verdict.kind in ("read", "change", "refused")
    if verdict.kind != "refused":
        assert not set(";|&`\n") & set(line.replace("'", "").replace('"', "")) or "'" in line or '"' in line


@given(st.sampled_from(["get", "describe", "logs", "top"]), st.sampled_from([";", "|", "&", ">", "<", "`", "$(x)"]))
def test_no_shell_syntax_gets_through(verb: str, mark: str) -> None:
    assert judge_line(f"kubectl {verb} pods {mark} id", SERVED).kind == "refused"
