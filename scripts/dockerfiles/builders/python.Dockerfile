# A Python program: FastAPI, Flask, Django, a worker; the context is its folder, or one above, out of which it is MEMBER. The
# app's file says by which command it runs.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# What is needed comes from uv.lock, requirements.txt, Poetry's or Pipenv's lock or pyproject.toml, whichever is there; what
# has no version is taken as of the day BEFORE where one is given. A lock for another Python than the one here is not the
# end: its versions are resolved anew. Of psycopg2 the one is taken that needs no compiler;
# requirements that Windows wrote in UTF-16 are read all the same.
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
COPY ${MEMBER}/requirements*.tx[t] ${MEMBER}/pyproject.tom[l] ${MEMBER}/uv.loc[k] ${MEMBER}/poetry.loc[k] ${MEMBER}/Pipfil[e] \
    ${MEMBER}/Pipfile.loc[k] ${MEMBER}/constraint*.tx[t] ./
# What requirements name by `-r` and `-c` in a folder below: a folder that is not there ends a build, unless it is a pattern.
ARG INCLUDED=""
COPY ${MEMBER}/${INCLUDED:-requirement[s]}/*.tx[t] ./${INCLUDED:-requirements}/
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
    && case "$(od -An -tx1 -N2 requirements.txt 2>/dev/null)" in *"ff fe"*) \
        iconv -f UTF-16 -t UTF-8 requirements.txt >/utf8.txt && mv /utf8.txt requirements.txt;; esac \
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
