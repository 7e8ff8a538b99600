#!/bin/sh
# Makes this machine a node of the Hostreeve server it came from. Called by the one-line installer, which has
# verified ca.pem (beside this script) and fetched this script over a connection verified by it.
#
#   install.sh [--as-instance] ACTIVATION_ID ACTIVATION_CODE [NAME]
#
# With --as-instance the machine becomes an EC2 instance instead of a managed node of its own kind.
# NAME sets this installation apart from others on the same machine: folder, state and service carry it.
set -eu
umask 022

SERVER=@SERVER@
CA_SHA256=@CA_SHA256@
REGION=@REGION@

say() { printf '%s\n' "hostreeve: $*"; }
fail() { printf '%s\n' "hostreeve: $*" >&2; exit 1; }

AS_INSTANCE=
[ "${1:-}" != --as-instance ] || { AS_INSTANCE=$1; shift; }
[ $# = 2 ] || [ $# = 3 ] || fail "usage: install.sh [--as-instance] ACTIVATION_ID ACTIVATION_CODE [NAME]"
ACTIVATION_ID=$1
ACTIVATION_CODE=$2
NAME=hostreeve-agent${3:+-$3}
case $NAME in *[!A-Za-z0-9._-]*) fail "NAME may hold letters, digits, dots, dashes and underscores" ;; esac

HERE=$(cd "$(dirname "$0")" && pwd)
CA=$HERE/ca.pem
[ -f "$CA" ] || fail "ca.pem is missing beside this script; run the one-line command again"
have() { command -v "$1" >/dev/null 2>&1; }

# A checksum by whatever this machine has.
digest_of() {
    if have sha256sum; then sha256sum "$1" | cut -d' ' -f1
    elif have openssl; then openssl dgst -sha256 "$1" | sed 's/.*= *//'
    else "$PYTHON" -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$1"
    fi
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; do
        if have "$candidate" && "$candidate" -c 'import sys, ssl; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

PYTHON=$(find_python) || fail "Python 3.9 or newer (with ssl) is needed: install python3 and run the command again"
"$PYTHON" -c 'import cryptography' 2>/dev/null || have openssl ||
    fail "the openssl program (or Python's cryptography package) is needed: install openssl and run the command again"
[ "$(digest_of "$CA")" = "$CA_SHA256" ] || fail "ca.pem is not the certificate that this installer was made for"

fetch() {
    if have curl; then curl -fsS --cacert "$CA" "$SERVER/_hostreeve/$1" -o "$HERE/$1"
    elif have wget; then wget -q --ca-certificate="$CA" "$SERVER/_hostreeve/$1" -O "$HERE/$1"
    else "$PYTHON" - "$SERVER/_hostreeve/$1" "$HERE/$1" "$CA" <<'FETCH'
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[3])
with urllib.request.urlopen(sys.argv[1], context=context) as answer, open(sys.argv[2], "wb") as file:
    file.write(answer.read())
FETCH
    fi
}

if [ "$(id -u)" = 0 ]; then
    PREFIX=/opt/$NAME
    STATE=/var/lib/$NAME
else
    BASE=${HOME:-}
    [ -n "$BASE" ] || BASE=$(cd ~ 2>/dev/null && pwd) || fail "HOME is not set and this user has no home folder"
    PREFIX=$BASE/.local/lib/$NAME
    STATE=$BASE/.local/state/$NAME
fi

fetch agent.pyz
NEW=$PREFIX.new
rm -rf "$NEW"
mkdir -p "$NEW"
# Unpacked, so that Python keeps its byte code; the archive itself would be compiled at every start.
"$PYTHON" -m zipfile -e "$HERE/agent.pyz" "$NEW"
cp "$CA" "$NEW/ca.pem"
digest_of "$HERE/agent.pyz" >"$NEW/agent.sha256"
"$PYTHON" -I -OO -m compileall -q -s "$NEW" -p "$PREFIX" "$NEW" || true
cat >"$NEW/hostreeve-agent" <<RUN
#!/bin/sh
exec "$PYTHON" -I -OO "$PREFIX" "\$@"
RUN
chmod 755 "$NEW/hostreeve-agent"
rm -rf "$PREFIX.old"
[ ! -e "$PREFIX" ] || mv "$PREFIX" "$PREFIX.old"
mv "$NEW" "$PREFIX"
rm -rf "$PREFIX.old"
AGENT=$PREFIX/hostreeve-agent
say "agent installed in $PREFIX"

if [ -f "$STATE/node.json" ]; then
    say "this machine is enrolled already ($STATE); its enrolment is kept"
else
    "$AGENT" enrol --server "$SERVER" --ca "$PREFIX/ca.pem" --activation-id "$ACTIVATION_ID" \
        --activation-code "$ACTIVATION_CODE" --state "$STATE" ${REGION:+--region "$REGION"} $AS_INSTANCE
fi

start_in_background() {
    if "$AGENT" status --state "$STATE" --json 2>/dev/null | grep -q '"IsRunning": true'; then
        say "an agent runs already in $STATE; restart it to use the new version"
        return
    fi
    LOG=$STATE/agent.log
    # Scripts start where the agent does, and this folder is removed when the installer ends.
    cd /
    nohup "$AGENT" run --state "$STATE" </dev/null >>"$LOG" 2>&1 &
    say "$1; the agent runs in the background (process $!, log $LOG)"
    say "it will not start by itself after a restart of this machine: run '$AGENT run --state $STATE' then"
}

write_unit() {
    sed -e "s|@NAME@|$NAME|g" -e "s|@AGENT@|$AGENT|g" -e "s|@STATE@|$STATE|g" -e "s|@WANTED_BY@|$2|g" \
        "$PREFIX/hostreeve/agent/hostreeve-agent.service" >"$1/$NAME.service"
}

if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then
    write_unit /etc/systemd/system multi-user.target
    systemctl daemon-reload
    systemctl enable "$NAME.service" >/dev/null 2>&1 || true
    systemctl restart "$NAME.service"
    say "the service $NAME is running; see: systemctl status $NAME"
elif [ "$(id -u)" != 0 ] && [ -d /run/systemd/system ] && systemctl --user show-environment >/dev/null 2>&1; then
    mkdir -p "${XDG_CONFIG_HOME:-$BASE/.config}/systemd/user"
    write_unit "${XDG_CONFIG_HOME:-$BASE/.config}/systemd/user" default.target
    systemctl --user daemon-reload
    systemctl --user enable "$NAME.service" >/dev/null 2>&1 || true
    systemctl --user restart "$NAME.service"
    say "your service $NAME is running; 'loginctl enable-linger' keeps it running when you log out"
else
    start_in_background "systemd does not run here"
fi
