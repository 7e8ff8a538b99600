#!/bin/sh
# The programs of Debian that tests start by themselves. Without root, what is missing is skipped by the tests, with the reason.
set -eu
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -x /usr/sbin/nats-server ] || command -v nats-server >/dev/null || missing="$missing nats-server"
command -v openssl >/dev/null || missing="$missing openssl"
[ -e /usr/lib/softhsm/libsofthsm2.so ] || missing="$missing softhsm2"
command -v bwrap >/dev/null || missing="$missing bubblewrap"
# The package managers of other systems, for the test hosts of Patch Manager.
command -v dnf >/dev/null && command -v rpmbuild >/dev/null || missing="$missing dnf rpm"
command -v createrepo_c >/dev/null || missing="$missing createrepo-c"
command -v zypper >/dev/null || missing="$missing zypper"
for program in curl wget git strace; do
    command -v $program >/dev/null || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # The server's own cluster is not wanted: tests make theirs.
    mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
    echo "not installed, so the tests that need them are skipped:$missing" >&2
fi
