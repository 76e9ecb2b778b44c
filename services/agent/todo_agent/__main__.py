"""`python -m todo_agent`"""

from todo_agent.settings import Settings
from todo_common import server

SERVICE = "agent"


def main() -> None:
    settings = Settings.from_env()
    server.prepare(SERVICE, settings)
    from todo_agent.app import create_app

    app, health = create_app(settings)
    server.run(SERVICE, app, settings, health)


main()
