# A Python program: FastAPI, Flask, Django, a worker; the context is its folder. The app's file says by which command it runs.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# What is needed comes from uv.lock, requirements.txt or pyproject.toml, whichever is there; what has no version is taken
# as of the day BEFORE where one is given.
FROM ${PYTHON_IMAGE} AS packages
ARG BEFORE=""
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_PROJECT_ENVIRONMENT=/venv VIRTUAL_ENV=/venv
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    python -m venv /uv && /uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9 && python -m venv --without-pip /venv
WORKDIR /app
COPY requirements*.tx[t] pyproject.tom[l] uv.loc[k] ./
RUN --mount=type=cache,target=/root/.cache,sharing=locked \
    if [ -f uv.lock ]; then /uv/bin/uv sync --frozen --no-dev --no-install-project; \
    elif [ -f requirements.txt ]; then /uv/bin/uv pip install ${BEFORE:+--exclude-newer "$BEFORE"} -r requirements.txt; \
    elif [ -f pyproject.toml ]; then /uv/bin/uv pip install ${BEFORE:+--exclude-newer "$BEFORE"} -r pyproject.toml; fi

FROM ${PYTHON_IMAGE}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH PYTHONPATH=/app HOME=/tmp
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
USER 10001:10001
CMD ["python"]
