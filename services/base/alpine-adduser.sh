#!/bin/sh
# Alpine's options of adduser and addgroup in the words of Debian's.
set -eu
command=/usr/sbin/$(basename "$0")
quiet=""
while [ $# -gt 0 ]; do
    case $1 in
    -S) set_system=1 ;;
    -D) quiet="--disabled-password --gecos=" ;;
    -H) no_home=1 ;;
    -g | -u | -G | -h | -s)
        case $1 in
        -g) [ "${command##*/}" = addgroup ] && option=--gid || option=--gecos ;;
        -u) option=--uid ;;
        -G) option=--ingroup ;;
        -h) option=--home ;;
        -s) option=--shell ;;
        esac
        options="${options:-} $option=$2"
        shift
        ;;
    *) words="${words:-} $1" ;;
    esac
    shift
done
# shellcheck disable=SC2086
exec "$command" ${set_system:+--system} ${no_home:+--no-create-home} $quiet ${options:-} ${words:-}
