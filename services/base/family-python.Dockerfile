# An equal of the images python:VERSION and uv: Debian's Python, laid out below /usr/local as there, with pip, so that what
# a Dockerfile copies from one stage to another is where it looks for it.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
ARG EXTRAS=""
ARG UV=""
ARG PIP
SHELL ["/bin/sh", "-euc"]
# Packages come from one suite, whose versions Debian freezes; pinning them by hand would break with every security fix.
# The shell is dash, which has no pipefail; files are Debian's own, whose names need no care.
# hadolint ignore=DL3003,DL3008,DL3013,DL4006,SC2012,SC2086
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv python3-pip adduser wget netbase tzdata $EXTRAS \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && name=$(basename "$(readlink -f /usr/bin/python3)") \
 && cp "/usr/bin/$name" /usr/local/bin/ \
 && rm -rf "/usr/local/lib/$name" && cp -R "/usr/lib/$name" /usr/local/lib/ \
 && cd "/usr/local/lib/$name" && rm -rf EXTERNALLY-MANAGED dist-packages && mkdir -p site-packages \
 && ln -s site-packages dist-packages \
 # Debian keeps what pip installs apart from its own packages; here there is nothing of its own.
 && sed -i "s/prefix_scheme = 'posix_local'/prefix_scheme = 'posix_prefix'/" \
        "$(ls -d sysconfig/__init__.py sysconfig.py 2>/dev/null | head -1)" \
 && for alias in python python3; do ln -sf "$name" "/usr/local/bin/$alias"; done \
 && PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl) python -m pip install --quiet --root-user-action=ignore \
        --disable-pip-version-check --no-cache-dir "pip==$PIP" \
 && pip --version
# Where it stands in for another version: what a Dockerfile names below that one's folder is this one's.
RUN for minor in $(seq 8 14); do \
        [ -e "/usr/local/lib/python3.$minor" ] \
        || ln -s "$(basename "$(readlink -f /usr/local/bin/python3)")" "/usr/local/lib/python3.$minor"; \
    done
# hadolint ignore=DL3013,DL3042
RUN if [ -n "$UV" ]; then \
        pip install --quiet --root-user-action=ignore --disable-pip-version-check "uv==$UV" \
        && cp /usr/local/bin/uv /uv && cp /usr/local/bin/uvx /uvx; \
    fi
SHELL ["/bin/sh", "-c"]
ENV UV_PYTHON_DOWNLOADS=never PIP_ROOT_USER_ACTION=ignore
CMD ["python3"]
