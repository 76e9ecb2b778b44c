# A Python program: FastAPI, Flask, Django, a worker; the context is its folder, or one above, out of which it is MEMBER. The
# app's file says by which command it runs.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# What its packages are, out of all that the context holds: requirements come as one file, with what they name by `-r` in
# whatever folder, and what limits them (`-c`) as another. Windows may have written them in UTF-16. As long as these files stay
# as they are, so does what is installed.
FROM ${PYTHON_IMAGE} AS asked
ARG MEMBER=.
WORKDIR /all
COPY . .
RUN printf '%s\n' \
        'import os, re, shutil, sys' \
        'member, kept = sys.argv[1:]' \
        'named = re.compile(r"\s*(-r|--requirement|-c|--constraint)[=\s]\s*([^\s#:]+)\s*(?:#.*)?$")' \
        'whole = {"requirements.txt": [], "constraints.txt": []}' \
        'def take(path, into, above):' \
        '    data = open(path, "rb").read()' \
        '    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")' \
        '    for line in data.decode("utf-16" if wide else "utf-8-sig", "replace").splitlines():' \
        '        found = named.match(line)' \
        '        inner = os.path.normpath(os.path.join(os.path.dirname(path), found[2])) if found else ""' \
        '        if not os.path.isfile(inner):' \
        '            whole[into].append(line)' \
        '        elif inner not in above:' \
        '            take(inner, "constraints.txt" if "-c" in found[1] else into, [*above, inner])' \
        'first = os.path.normpath(os.path.join(member, "requirements.txt"))' \
        'if os.path.isfile(first): take(first, "requirements.txt", [first])' \
        'if whole["constraints.txt"]: whole["requirements.txt"].append("-c constraints.txt")' \
        'os.mkdir(kept)' \
        'for name, lines in whole.items():' \
        '    if lines: open(f"{kept}/{name}", "w").write("\n".join(lines) + "\n")' \
        'for name in ("pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"):' \
        '    if os.path.isfile(f"{member}/{name}"): shutil.copyfile(f"{member}/{name}", f"{kept}/{name}")' \
        >/tmp/asked.py \
    && python /tmp/asked.py "$MEMBER" /asked

# What is needed comes from uv.lock, requirements.txt, Poetry's or Pipenv's lock or pyproject.toml, whichever is there; what
# has no version is taken as of the day BEFORE where one is given. A lock for another Python than the one here is not the
# end: its versions are resolved anew. Of psycopg2 the one is taken that needs no compiler.
FROM ${PYTHON_IMAGE} AS packages
ARG BEFORE=""
ARG MEMBER=.
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_PROJECT_ENVIRONMENT=/venv VIRTUAL_ENV=/venv PATH=/uv/bin:$PATH
# What pip keeps aside is in a cache that no image holds.
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target /uv uv==0.13.9 \
    && python -m venv --without-pip /venv \
    # The program's folders come after Python's own and the packages: a file `types.py` or a folder `mcp` hides none of them.
    && printf '%s\n' "/app/$MEMBER" "/app/$MEMBER/src" /app >"$(/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/app.pth"
WORKDIR /app
COPY --from=asked /asked ./
# Poetry's plugin and Pipenv write what they locked as requirements. What does not come ready made is compiled, once
# compilers are there.
# hadolint ignore=SC2086,DL3008,DL3009
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    install() { /uv/bin/uv pip install ${BEFORE:+--exclude-newer "$BEFORE"} -r "$1"; } \
    && packages() { \
        if [ -f uv.lock ] && grep -qs '^\[project\]' pyproject.toml && /uv/bin/uv sync --frozen --no-dev --no-install-project --python python3; then :; \
        elif [ -f requirements.txt ]; then install requirements.txt; \
        elif [ -f Pipfile ]; then python -m venv /pipenv && /pipenv/bin/pip install --quiet --disable-pip-version-check pipenv \
            && { [ -f Pipfile.lock ] || /pipenv/bin/pipenv lock; } && /pipenv/bin/pipenv requirements >/requirements.txt \
            && install /requirements.txt; \
        elif grep -qs '^\[tool.poetry.dependencies' pyproject.toml && ! grep -q '^dependencies' pyproject.toml; then \
            python -m venv /poetry && /poetry/bin/pip install --quiet --disable-pip-version-check poetry poetry-plugin-export \
            && { [ -f poetry.lock ] || /poetry/bin/poetry lock; } \
            && /poetry/bin/poetry export --without-hashes --output /requirements.txt && install /requirements.txt; \
        elif [ -f pyproject.toml ]; then install pyproject.toml; fi; } \
    && if [ -f requirements.txt ]; then sed -i -E 's/^psycopg2([^-]|$)/psycopg2-binary\1/' requirements.txt; fi \
    && if ! packages 2>/tmp/said; then \
        grep -qE "gcc|g\+\+|cc1|pg_config|Python\.h|pkg-config|compiler|No such file or directory: '(make|cmake)'" /tmp/said \
            || { cat /tmp/said >&2; exit 1; }; \
        export DEBIAN_FRONTEND=noninteractive && apt-get update -qq && apt-get install -qq -y --no-install-recommends \
            build-essential python3-dev pkg-config libpq-dev libffi-dev libssl-dev && packages; fi

FROM ${PYTHON_IMAGE}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH HOME=/tmp
COPY --from=packages /venv /venv
WORKDIR /app
# A program may write beside itself, as it does where it was written: a log, what is sent to it.
RUN chown 10001:10001 /app
COPY --chown=10001:10001 . .
ARG MEMBER=.
WORKDIR /app/${MEMBER}
USER 10001:10001
CMD ["python"]
