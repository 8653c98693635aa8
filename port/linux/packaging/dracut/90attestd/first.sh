#!/bin/sh
# Starts attestd and runs the site's exchange, once.

[ -e /run/attestd/tried ] || /usr/lib/attestd/early run
