#!/bin/sh
# Sees to it that the browser tests find a Chromium: an installed one, or Debian's.
set -eu

if [ -n "${CHROMIUM:-}" ] || command -v chromium > /dev/null || command -v chromium-browser > /dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing Chromium …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium > /dev/null
    exit 0
fi
echo "Chromium is missing, and the browser tests need it. Install it (Debian: sudo apt-get install chromium)," >&2
echo "or name an installed one in the variable CHROMIUM." >&2
exit 1
