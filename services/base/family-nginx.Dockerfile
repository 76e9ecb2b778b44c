# An equal of the image nginx: Debian's, with the official image's folders. It writes below /tmp alone, so that it runs as
# any user on a read-only root filesystem.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
ARG EXTRAS=""
# Packages come from one suite, whose versions Debian freezes; pinning them by hand would break with every security fix.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx-light adduser wget $EXTRAS \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /etc/nginx/sites-enabled/* \
 && mkdir -p /usr/share/nginx/html /etc/nginx/conf.d
COPY nginx.conf /etc/nginx/nginx.conf
COPY nginx-default.conf /etc/nginx/conf.d/default.conf
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
