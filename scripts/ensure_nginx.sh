#!/bin/sh
# Sees to it that the tests find an nginx to put in front of the platform: an installed one, or Debian's.
set -eu

if [ -n "${NGINX:-}" ] || command -v nginx > /dev/null || [ -x /usr/sbin/nginx ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing nginx …"
    # Debian starts what it installs, and nobody here wants a server on port 80: the tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends nginx > /dev/null
    exit 0
fi
echo "nginx is missing, and the tests of the forward-auth guide need it. Install it (Debian: sudo apt-get install nginx)," >&2
echo "or name an installed one in the variable NGINX." >&2
exit 1
