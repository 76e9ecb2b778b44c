"""Of a traceback, the line of the program's own file is quoted beside the error: that is where a person looks."""

from __future__ import annotations

from scripts.diagnose import log_excerpts

LOG = """INFO: started
Traceback (most recent call last):
  File "/usr/local/bin/uvicorn", line 8, in <module>
    sys.exit(main())
  File "/app/src/main.py", line 3, in <module>
    from src.models import Task
  File "/app/src/models.py", line 12, in <module>
    class Task(SQLModel, table=True):
  File "/usr/local/lib/python3.13/site-packages/sqlmodel/main.py", line 676, in get_sqlalchemy_type
    raise ValueError(f"{type_} has no matching SQLAlchemy type")
ValueError: <class 'list'> has no matching SQLAlchemy type"""


def test_the_programs_own_file_and_line_are_quoted() -> None:
    found = log_excerpts.cause_lines(LOG.splitlines())
    assert found[0] == 'File "/app/src/models.py", line 12, in <module>'
    assert found[-1] == "ValueError: <class 'list'> has no matching SQLAlchemy type"
    assert not any("site-packages" in line or "main.py" in line for line in found)
