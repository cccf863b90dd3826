#!/bin/sh
# What a feed runs after the build: the programs answer, and the shipped configuration is taken.
set -e
case "$1" in
hearthdns)
	hearthdns --version | grep -F "$2"
	dnsctl --version | grep -F "$2"
	hearthdns uci --in /etc/config/hearthdns --out /var/hearthdns-test.yaml
	mkdir -p /var/hearthdns-zones
	hearthdns --config /var/hearthdns-test.yaml --zones /var/hearthdns-zones --state /var/hearthdns-state --check
	;;
esac
