# An equal of the images debian:SUITE.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
ARG EXTRAS=""
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
 && apt-get install -y --no-install-recommends adduser wget $EXTRAS \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
CMD ["bash"]
