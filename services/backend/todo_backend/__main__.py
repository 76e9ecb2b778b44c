"""`python -m todo_backend`"""

from todo_backend.settings import Settings
from todo_common import server

SERVICE = "backend"


def main() -> None:
    settings = Settings.from_env()
    server.prepare(SERVICE, settings)
    from todo_backend.app import create_app

    app, health = create_app(settings)
    server.run(SERVICE, app, settings, health)


main()
