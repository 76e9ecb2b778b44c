# An equal of python:3.13-slim-trixie from Debian's own packages, for machines no image registry answers.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
# Packages come from one suite, whose versions Debian freezes; pinning them by hand would break with every security fix.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv python3-pip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/lib/python3*/EXTERNALLY-MANAGED \
 && ln -s python3 /usr/bin/python
CMD ["python3"]
