"""Runs an ASGI app: one process, JSON logs, TLS when mounted, and a SIGTERM that no client notices."""

import asyncio
import gc
import logging
import signal
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from todo_common import logs, tls, tracing
from todo_common.health import Health
from todo_common.settings import ServiceSettings

KEEP_ALIVE = 75
"""Seconds an idle connection stays open; longer than any client in front keeps one, so the client closes first."""

STOP_WITHIN = 70.0
"""Seconds from SIGTERM to the end of the process: more than the longest answer takes, less than the pods have."""

CERTIFICATE_CHECK = 30.0
"""Seconds between looks at the mounted certificate."""

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """On SIGTERM: not ready at once, serve on while the cluster takes this pod out of its endpoints, then finish."""

    def __init__(self, config: uvicorn.Config, health: Health, drain_seconds: float) -> None:
        super().__init__(config)
        self._health = health
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._health.draining or sig == signal.SIGINT:
            self.should_exit = True
            return
        self._health.draining = True
        log.info("draining", extra={"seconds": self._drain_seconds})
        # The main loop looks at `should_exit` every 0.1 s; a signal handler may only set flags and timers.
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self._drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def run(service: str, app: ASGIApp, settings: ServiceSettings, health: Health) -> None:
    """Serve until told to stop. Logging must have been configured by `prepare`."""
    config = uvicorn.Config(
        app,
        host="0.0.0.0",  # noqa: S104 a pod is reached by its own address
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, int(STOP_WITHIN - settings.drain_seconds)),
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
    )
    config.load()
    gc.freeze()
    gc.enable()
    server = Server(config, health, settings.drain_seconds)
    try:
        asyncio.run(_serve(server, config, settings))
    finally:
        tracing.shutdown()
    log.info("stopped", extra={"service": service})


def prepare(service: str, settings: ServiceSettings) -> None:
    """What has to be in place before the app is assembled."""
    gc.disable()  # what a start makes stays: to look through it again and again for garbage only takes time
    logs.configure(service, settings.log_level)
    tracing.configure(service, settings.otel_exporter_otlp_endpoint)


async def _serve(server: Server, config: uvicorn.Config, settings: ServiceSettings) -> None:
    async with asyncio.TaskGroup() as group:
        watcher = None
        if config.ssl is not None and settings.tls_cert_file and settings.tls_key_file:
            reloader = tls.CertificateReloader(config.ssl, settings.tls_cert_file, settings.tls_key_file)
            watcher = group.create_task(_watch_certificate(reloader))
        await server.serve()
        if watcher is not None:
            watcher.cancel()


async def _watch_certificate(reloader: tls.CertificateReloader) -> None:
    while True:
        await asyncio.sleep(CERTIFICATE_CHECK)
        try:
            if reloader.reload_if_changed():
                log.info("loaded the renewed certificate")
        except OSError as error:  # ssl.SSLError is one; half-written files fit together at the next look
            log.warning("the mounted certificate cannot be loaded", extra={"error": str(error)})
