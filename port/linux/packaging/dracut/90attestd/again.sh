#!/bin/sh
# Runs the site's exchange, unless it has succeeded: now there may be a network.

/usr/lib/attestd/early run
