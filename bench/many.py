"""An app of many small services, with a chart of its own: what a run costs for each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SERVER = '''"""Says that it is there."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>here</p>")

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("", 8000), Answer).serve_forever()
'''
DOCKERFILE = """ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
COPY server.py /server.py
USER 10001:10001
ENTRYPOINT ["python", "-I", "-S", "/server.py"]
"""
TEMPLATE = """{{- range $name, $part := omit .Values "global" }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $name }}, labels: {app.kubernetes.io/name: {{ $name }}}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: {{ $name }}}}
  template:
    metadata: {labels: {app.kubernetes.io/name: {{ $name }}}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
      terminationGracePeriodSeconds: 1
      containers:
        - name: {{ $name }}
          image: "{{ $part.image.repository }}:{{ $part.image.tag }}"
          ports: [{name: http, containerPort: 8000}]
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
          resources: {requests: {cpu: 5m, memory: 16Mi}, limits: {cpu: 500m, memory: 64Mi}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: {{ $name }}-service}
spec:
  {{- with $part.nodePort }}
  type: NodePort
  {{- end }}
  selector: {app.kubernetes.io/name: {{ $name }}}
  ports: [{name: http, port: 8000, targetPort: http{{ with $part.nodePort }}, nodePort: {{ . }}{{ end }}}]
{{- end }}
"""


def source(folder: Path, name: str) -> Path:
    """The file of a service that a person would edit."""
    return folder / "many" / name / "server.py"


def _service(name: str) -> dict[str, Any]:
    image = {"repository": f"{name}.image.repository", "tag": f"{name}.image.tag"}
    return {
        "context": f"many/{name}",
        "bases": {"PYTHON_IMAGE": "python"},
        "imageValues": image,
        "service": f"{name}-service",
        "port": 8000,
    }


def write(folder: Path, count: int, port: int) -> list[str]:
    """Make a copy of the repository one of so many services. The names, the first of them `frontend` on `port`."""
    names = ["frontend", *(f"service-{number}" for number in range(1, count))]
    for name in names:
        file = source(folder, name)
        file.parent.mkdir(parents=True)
        file.write_text(SERVER)
        (file.parent / "Dockerfile").write_text(DOCKERFILE)
    chart = folder / "charts/many"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: many, version: 0.1.0}\n")
    (chart / "templates/all.yaml").write_text(TEMPLATE)
    image = {"image": {"repository": "x", "tag": "0"}}
    values: dict[str, Any] = {name: dict(image) for name in names}
    values["frontend"]["nodePort"] = port
    (chart / "values.yaml").write_text(yaml.safe_dump(values))
    file = folder / "config/apps/todo-chatbot.yaml"
    config = yaml.safe_load(file.read_text())
    config["release"]["chart"] = "charts/many"
    config["services"] = {name: _service(name) for name in names}
    config["underLoad"] = names[:1]
    config["secrets"] = {}
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    quota = folder / "config/namespace.yaml"
    quota.write_text(quota.read_text().replace('pods: "40"', f'pods: "{3 * count}"').replace('"24"', '"100"'))
    return names
