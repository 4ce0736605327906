#!/bin/sh
# Sees to it that the tests find the servers that stand beside the platform: installed ones, or Debian's.
set -eu

missing=
if [ -z "${NGINX:-}" ] && ! command -v nginx > /dev/null && [ ! -x /usr/sbin/nginx ]; then
    missing="nginx"
fi
if [ -z "${REDIS:-}" ] && ! command -v redis-server > /dev/null && ! command -v valkey-server > /dev/null; then
    missing="$missing redis-server"
fi
if [ -z "$missing" ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing" $missing "…"
    # Debian starts what it installs, and nobody here wants servers on their usual ports: the tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing > /dev/null
    exit 0
fi
echo "Missing, and the tests need it:" $missing >&2
echo "Install it (Debian: sudo apt-get install" $missing"), or name installed ones in the variables NGINX and REDIS." >&2
exit 1
