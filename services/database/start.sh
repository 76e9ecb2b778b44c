#!/bin/sh
# Make the data directory on the first start, then become the server.
set -eu
: "${POSTGRES_PASSWORD:?must be set}" "${POSTGRES_USER:=todo}" "${POSTGRES_DB:=todo}"
data=/var/lib/postgresql/data/pgdata

if [ ! -f "$data/ready" ]; then
    rm -rf "$data" # a first start that was interrupted
    umask 077
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    if [ "$POSTGRES_DB" != postgres ]; then
        printf 'CREATE DATABASE "%s";\n' "$POSTGRES_DB" | postgres --single -F -D "$data" postgres >/dev/null
    fi
    sync # all of the above at once, which until here nothing waited for
    touch "$data/ready"
fi
unset POSTGRES_PASSWORD
chmod 0700 "$data" # fsGroup may have opened it to the group, and the server refuses to start with that

# Their types are there for tables, whether or not a program asks for the extension first.
for one in ${EXTENSIONS:-}; do
    printf 'CREATE EXTENSION IF NOT EXISTS "%s";\n' "$one" | postgres --single -D "$data" "$POSTGRES_DB" >/dev/null
done

# A client that insists on TLS gets it where the chart mounts a certificate.
set --
[ -f /etc/tls/tls.crt ] && set -- -c ssl=on -c ssl_cert_file=/etc/tls/tls.crt -c ssl_key_file=/etc/tls/tls.key

# A fast shutdown on SIGTERM too: a smart one would wait for every client to leave.
postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql \
    -c shared_buffers=64MB -c max_connections=100 -c password_encryption=scram-sha-256 "$@" &
server=$!
trap 'kill -INT $server' TERM INT
wait $server && exit 0
wait $server
