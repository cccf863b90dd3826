#!/bin/sh
# A router in a network namespace of its own: the real dnsmasq with a provider upstream of it, our programs, and a client that
# asks 127.0.0.1 port 53, whoever has it. Says what the client got at each step; tests/openwrt.rs compares it whole.
# usage: router.sh ROOT HEARTHDNS DNSCTL UCI
set -eu
ROOT="$1"
export UCI_DIR="$ROOT/etc/config" PATH="$ROOT/bin:$PATH" IPKG_INSTROOT="$ROOT"
mkdir -p "$ROOT/bin" "$ROOT/usr/sbin" "$ROOT/etc/config" "$ROOT/etc/init.d" "$ROOT/etc/hearthdns/zones" "$ROOT/var/run"
ln -s "$2" "$ROOT/usr/sbin/hearthdns"
ln -s "$3" "$ROOT/usr/sbin/dnsctl"
ln -s "$4" "$ROOT/bin/uci"
ip link set lo up

cat >"$ROOT/etc/config/dhcp" <<END

config dnsmasq
	option domain 'lan'

config dhcp 'lan'
	option interface 'lan'
END
cat >"$ROOT/etc/config/hearthdns" <<END

config hearthdns 'main'
	option mode 'off'
	option zones_dir '$ROOT/etc/hearthdns/zones'
	option state_dir '$ROOT/etc/hearthdns/state'
	option control '$ROOT/var/run/control.sock'
END
cp "$ROOT/etc/config/dhcp" "$ROOT/dhcp.before"

# What dnsmasq's init script makes of its settings.
cat >"$ROOT/etc/init.d/dnsmasq" <<'END'
#!/bin/sh
ROOT="$IPKG_INSTROOT"
# As procd, it waits for the end of the old one, which removes its file of the number with its last breath.
if [ -e "$ROOT/dnsmasq.pid" ]; then
	old="$(cat "$ROOT/dnsmasq.pid")"
	kill "$old" 2>/dev/null
	while kill -0 "$old" 2>/dev/null; do sleep 0.05; done
fi
[ "$1" = restart ] || exit 0
{
	echo "port=$(uci -q get dhcp.@dnsmasq[0].port || echo 53)"
	printf '%s\n' no-resolv no-hosts bind-interfaces listen-address=127.0.0.1 user=root stop-dns-rebind rebind-localhost-ok \
		server=127.0.0.1#9053 host-record=tv.lan,192.168.1.50 local=/lan/ "pid-file=$ROOT/dnsmasq.pid"
	uci -q get dhcp.@dnsmasq[0].server | sed 's/^/server=/'
	uci -q get dhcp.@dnsmasq[0].rebind_domain | sed 's/.*/rebind-domain-ok=\/&\//'
} >"$ROOT/dnsmasq.conf"
n=0
until dnsmasq --conf-file="$ROOT/dnsmasq.conf" 2>/dev/null; do
	n=$((n + 1))
	[ $n -lt 100 ] || exit 1
	sleep 0.1
done
END
# What procd does: the daemon is started anew where its configuration has changed, and when it ends; unless `broken`.
cat >"$ROOT/etc/init.d/hearthdns" <<'END'
#!/bin/sh
ROOT="$IPKG_INSTROOT"
"$ROOT/usr/sbin/hearthdns" uci --in "$ROOT/etc/config/hearthdns" --out "$ROOT/etc/hearthdns/config.yaml" --record "$ROOT/etc/hearthdns/router-mode"
[ ! -e "$ROOT/daemon.pid" ] || kill "$(cat "$ROOT/daemon.pid")" 2>/dev/null || true
END
chmod +x "$ROOT/etc/init.d/dnsmasq" "$ROOT/etc/init.d/hearthdns"
supervise() {
	while [ ! -e "$ROOT/ended" ]; do
		if [ -e "$ROOT/broken" ]; then
			sleep 0.2
			continue
		fi
		"$ROOT/usr/sbin/hearthdns" --config "$ROOT/etc/hearthdns/config.yaml" >>"$ROOT/log" 2>&1 &
		echo $! >"$ROOT/daemon.pid"
		wait $! || true
	done
}
finish() {
	touch "$ROOT/ended"
	for file in daemon.pid watch.pid dnsmasq.pid world.pid; do
		[ ! -e "$ROOT/$file" ] || kill "$(cat "$ROOT/$file")" 2>/dev/null || true
	done
	wait
}
trap finish EXIT

# The provider: knows public names only. Addresses for documentation would be private to dnsmasq.
dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --port=9053 --bind-interfaces --listen-address=127.0.0.1 --user=root \
	--host-record=www.example.org,9.9.9.80 "--pid-file=$ROOT/world.pid" --log-queries "--log-facility=$ROOT/world.log"
ask() { dig +short +time=2 +tries=1 @127.0.0.1 "$1" A 2>/dev/null | grep -v '^;' | tr '\n' ' ' || true; }
# Waits until the client gets this, within the seconds that are allowed.
gets() {
	n=0
	until [ "$(ask "$2")" = "$3 " ]; do
		n=$((n + 1))
		[ $n -lt "$(($4 * 4))" ] || { echo "$1: $2 is [$(ask "$2")] after $4 s, expected $3"; tail -5 "$ROOT/log"; exit 1; }
		sleep 0.25
	done
	echo "$1: $2 is $3"
}
mode() { "$ROOT/usr/sbin/dnsctl" router-mode --root "$ROOT" "$@"; }

"$ROOT/etc/init.d/dnsmasq" restart
"$ROOT/etc/init.d/hearthdns" reload
supervise &
"$ROOT/usr/sbin/dnsctl" router-mode --root "$ROOT" watch 2>>"$ROOT/log" &
echo $! >"$ROOT/watch.pid"
gets installed www.example.org 9.9.9.80 10
cmp "$ROOT/etc/config/dhcp" "$ROOT/dhcp.before"

mode guest | sed "s#$ROOT##"
n=0
until "$ROOT/usr/sbin/dnsctl" --control "$ROOT/var/run/control.sock" add-zone home.example >/dev/null 2>&1; do
	n=$((n + 1)); [ $n -lt 50 ] || exit 1; sleep 0.2
done
"$ROOT/usr/sbin/dnsctl" --control "$ROOT/var/run/control.sock" add-record matrix A 192.168.1.20 >/dev/null
gets guest matrix.home.example 192.168.1.20 15
# dnsmasq knows the zone from here on: no question for it may go to the provider.
: >"$ROOT/world.log"
gets guest www.example.org 9.9.9.80 5
gets guest tv.lan 192.168.1.50 5

mode front >"$ROOT/said" || { cat "$ROOT/said" "$ROOT/log"; exit 1; }
sed "s#$ROOT##" "$ROOT/said"
gets front matrix.home.example 192.168.1.20 10
gets front www.example.org 9.9.9.80 5
gets front tv.lan 192.168.1.50 5

# The daemon dies and does not come back.
touch "$ROOT/broken"
kill -KILL "$(cat "$ROOT/daemon.pid")"
gets crashed www.example.org 9.9.9.80 15
mode
rm "$ROOT/broken"
gets mended matrix.home.example 192.168.1.20 15

# Stopped, as the init script does it: dnsmasq takes the port when the daemon has ended, and our zones stay closed.
mode front >/dev/null
gets front matrix.home.example 192.168.1.20 10
touch "$ROOT/broken"
kill "$(cat "$ROOT/watch.pid")" "$(cat "$ROOT/daemon.pid")"
mode yield | sed "s#$ROOT##"
gets stopped www.example.org 9.9.9.80 15
echo "stopped: matrix.home.example is [$(ask matrix.home.example)]"
echo "the provider was asked for $(grep -c 'query.*home\.example' "$ROOT/world.log") private names"

mode release >/dev/null
mode
gets removed www.example.org 9.9.9.80 10
diff -B "$ROOT/etc/config/dhcp" "$ROOT/dhcp.before" && echo "dnsmasq's configuration is as it was"
