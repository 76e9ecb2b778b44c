# On top of another image: `adduser` and `addgroup` as Alpine has them too, for Dockerfiles written for it.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY --chmod=0755 alpine-adduser.sh /usr/local/bin/adduser
COPY --chmod=0755 alpine-adduser.sh /usr/local/bin/addgroup
