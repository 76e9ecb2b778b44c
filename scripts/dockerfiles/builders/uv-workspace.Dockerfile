# One Python program of a workspace of uv that uses packages which lie beside it; the context is the workspace's root. The
# app's file says by which command it runs.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# MEMBER: the program's folder. Its packages are those of the workspace's lock, else as of the day BEFORE; those that lie
# beside it are installed as others are.
FROM ${PYTHON_IMAGE} AS packages
ARG BEFORE=""
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_PROJECT_ENVIRONMENT=/venv VIRTUAL_ENV=/venv PATH=/uv/bin:$PATH
# What pip keeps aside is in a cache that no image holds.
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target /uv uv==0.13.9 \
    && python -m venv --without-pip /venv \
    # The program's folders come after Python's own and the packages: a file `types.py` or a folder `mcp` hides none of them.
    && printf '/app\n/app/src\n' >"$(/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/app.pth"
WORKDIR /workspace
COPY . .
ARG MEMBER
# A lock for another Python than the one here is not the end: its versions are resolved anew.
# hadolint ignore=DL3003
RUN --mount=type=cache,target=/root/.cache,sharing=locked cd "$MEMBER" \
    && { uv sync --frozen --no-dev --no-editable --python python3 \
        || { rm -f /workspace/uv.lock && uv sync --no-dev --no-editable --python python3 ${BEFORE:+--exclude-newer "$BEFORE"}; }; }

FROM ${PYTHON_IMAGE}
ARG MEMBER
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH HOME=/tmp
COPY --from=packages /venv /venv
WORKDIR /app
# A program may write beside itself, as it does where it was written: a log, what is sent to it.
RUN chown 10001:10001 /app
COPY --chown=10001:10001 ${MEMBER} .
USER 10001:10001
CMD ["python"]
