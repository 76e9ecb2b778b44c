"""`python -m todo_mcp`"""

from todo_common import server
from todo_mcp import lean
from todo_mcp.settings import Settings

SERVICE = "mcp"


def main() -> None:
    settings = Settings.from_env()
    server.prepare(SERVICE, settings)
    lean.prepare()
    from todo_mcp.app import create_app

    app, health = create_app(settings)
    server.run(SERVICE, app, settings, health)


main()
