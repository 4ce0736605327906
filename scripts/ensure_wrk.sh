#!/bin/sh
# Sees to it that the benchmarks find wrk, which makes their load: an installed one, or Debian's.
set -eu

if command -v wrk > /dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing wrk …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends wrk > /dev/null
    exit 0
fi
echo "wrk is missing, and the benchmarks need it. Install it (Debian: sudo apt-get install wrk)." >&2
exit 1
