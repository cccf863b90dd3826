#!/bin/sh
# A router, a client and the provider, each in a network namespace of its own. The router is a tree of busybox's programs with
# the real dnsmasq, which does DHCP and DNS, and stand-ins for procd, uci and opkg; the package is installed into it, used as
# README.md says, and removed. The client has busybox's DHCP client and asks whom option 6 names.
# Says what the client got at each step; tests/openwrt.rs compares it whole.
# usage: router.sh COURSE ROOT README PACKAGES HERE
#        COURSE    readme, failures or jail: what happens there; each on a router of its own, because all of them mostly wait
#        README    a folder of README's commands, a file for each block
set -eu
COURSE="$1" ROOT="$2" README="$3" PACKAGES="$4" HERE="$5"
R="$ROOT/router" C="$ROOT/client"

# -- waiting, never for ever

# Says what went wrong, with the last that the router's log holds, and ends; the whole script, also from within `$(…)`.
trap 'exit 1' TERM
failed() {
	{
		echo "$*"
		[ ! -e "$R/tmp/log/messages" ] || tail -n 20 "$R/tmp/log/messages"
	} >&2
	kill -TERM $$
	exit 1
}
# Waits until a command succeeds, for so many seconds at most: awaited SECONDS WHAT COMMAND...
awaited() {
	seconds="$1" wanted="$2" end=$(($(date +%s) + $1))
	shift 2
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || failed "waited $seconds s for this: $wanted"
		sleep 0.1
	done
}
# What is run on the router or the client has a minute: in_a_minute WHAT COMMAND...
in_a_minute() {
	words="$1" status=0
	shift
	timeout --kill-after=5 60 "$@" 2>&1 || status=$?
	case "$status" in 124 | 137) failed "waited 60 s for the end of this: $words" ;; esac
	return "$status"
}
has_other_network() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
is_socket() { [ -S "$1" ]; }
# Nobody has asked yet how it ended.
has_ended() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

# -- the trees

tree() {
	mkdir -p "$1/bin" "$1/etc" "$1/dev" "$1/proc" "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for applet in sh ip nslookup udhcpc syslogd; do ln -s busybox "$1/bin/$applet"; done
	for device in null zero urandom; do
		: >"$1/dev/$device"
		mount --bind "/dev/$device" "$1/dev/$device"
	done
	mount -t proc proc "$1/proc"
}
tree "$C"
tree "$R"
mkdir -p "$R/sbin" "$R/usr/sbin" "$R/usr/bin" "$R/usr/lib" "$R/lib" "$R/lib64" "$R/etc/config" "$R/etc/init.d" "$R/etc/rc.d" "$R/root"
ln -s tmp "$R/var"
ln -s var/run "$R/run"
# Libraries of what does not come from busybox.
for folder in /usr/lib/*-linux-gnu* /usr/lib/python3*; do
	mkdir "$R$folder"
	mount --bind "$folder" "$R$folder"
	mount -o remount,bind,ro "$R$folder"
	case "$folder" in *-linux-gnu*) ln -s "..$folder" "$R/lib/${folder##*/}" ;; esac
done
[ ! -e /lib64 ] || mount --bind /lib64 "$R/lib64"
cp "$(readlink -f /usr/bin/python3)" "$R/usr/bin/python3"
cp "$(command -v dnsmasq)" "$R/usr/sbin/dnsmasq"
cp "$(command -v flock)" "$R/usr/bin/flock"
cp "$(command -v setpriv)" "$R/usr/bin/setpriv"
cp "$(command -v unshare)" "$R/usr/bin/unshare"
cp "$HERE/procd" "$R/sbin/procd"
cp "$HERE/uci" "$R/sbin/uci"
cp "$HERE/opkg" "$R/usr/bin/opkg"
cp "$HERE/opkg" "$R/usr/bin/apk"
cp "$HERE/rc.common" "$R/etc/rc.common"
cp "$HERE/functions.sh" "$R/lib/functions.sh"
cp "$HERE/dnsmasq.init" "$R/etc/init.d/dnsmasq"
cp "$PACKAGES"/* "$R/root"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/var:/bin/false\n' >"$R/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$R/etc/group"
printf '127.0.0.1 localhost\n' >"$R/etc/hosts"
printf 'nameserver 127.0.0.1\n' >"$R/etc/resolv.conf"
cat >"$R/etc/config/dhcp" <<'DHCP'

config dnsmasq
	option domainneeded '1'
	option localise_queries '1'
	option rebind_protection '1'
	option rebind_localhost '1'
	option local '/lan/'
	option domain 'lan'
	option expandhosts '1'
	option authoritative '1'
	option leasefile '/tmp/dhcp.leases'
	option resolvfile '/tmp/resolv.conf.d/resolv.conf.auto'

config dhcp 'lan'
	option interface 'lan'
	option start '100'
	option limit '150'
	option leasetime '12h'
	option dhcpv4 'server'

config dhcp 'wan'
	option interface 'wan'
	option ignore '1'
DHCP
cp "$R/etc/config/dhcp" "$ROOT/dhcp.before"
# What the router forgets when its power is cut.
fresh() {
	rm -rf "$R"/tmp/* "$R/dev/log"
	mkdir -p "$R/tmp/run" "$R/tmp/lock" "$R/tmp/log" "$R/tmp/hosts" "$R/tmp/resolv.conf.d"
	printf 'nameserver 9.9.9.9\n' >"$R/tmp/resolv.conf.d/resolv.conf.auto"
}
fresh
# The client takes what the router gives.
cat >"$C/bin/lease" <<'LEASE'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev eth0
ip addr add "$ip/24" dev eth0
ip route add default via "$router"
for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
echo "option 6: $dns"
LEASE
chmod +x "$C/bin/lease" "$R/etc/rc.common" "$R/etc/init.d/dnsmasq"

# -- the networks

space() {
	unshare --net sleep infinity &
	eval "$1=$!"
	awaited 10 "a network namespace for $1" has_other_network "$!"
	nsenter --target "$!" --net ip link set lo up
}
ip link set lo up
space CLIENT
space PROVIDER
ip link add br-lan type veth peer name eth0 netns "$CLIENT" address 02:00:00:00:00:02
ip link add wan type veth peer name eth0 netns "$PROVIDER"
ip addr add 192.168.1.1/24 dev br-lan
ip addr add 9.9.9.1/24 dev wan
ip link set br-lan up
ip link set wan up
nsenter --target "$CLIENT" --net ip link set eth0 up
nsenter --target "$PROVIDER" --net ip addr add 9.9.9.9/24 dev eth0
nsenter --target "$PROVIDER" --net ip link set eth0 up
# It knows public names only.
nsenter --target "$PROVIDER" --net dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --keep-in-foreground --user=root \
	--pid-file= --host-record=www.example.org,9.9.9.80 --log-queries "--log-facility=$ROOT/provider.log" &

# -- what is done on them

# All that the router runs lies in a process namespace of its own, so that its power can be cut.
power_on() {
	unshare --pid --fork --kill-child --mount-proc="$R/proc" chroot "$R" /sbin/procd &
	POWER=$!
	awaited 30 "procd's socket" is_socket "$R/tmp/run/procd.sock"
	INSIDE="$(cat "/proc/$POWER/task/$POWER/children")"
	INSIDE="${INSIDE% }"
	for script in "$R"/etc/rc.d/S*; do
		[ ! -L "$script" ] || on_router "/etc/rc.d/${script##*/} boot"
	done
}
power_cut() {
	kill -KILL "$INSIDE"
	awaited 10 "the end of all that the router runs" has_ended "$POWER"
	wait "$POWER" || true
	fresh
}
# `logread` is an applet of busybox, with other options than the router's.
on_router() {
	# shellcheck disable=SC2016 # for the shell on the router
	in_a_minute "router# $1" nsenter --target "$INSIDE" --pid --root="$R" --wd="$R/root" /bin/busybox env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		/bin/sh -c 'logread() { grep "$2" /var/log/messages; }; cd /root; '"$1"
}
on_client() {
	in_a_minute "client\$ $*" nsenter --target "$CLIENT" --net --root="$C" --wd="$C" /bin/busybox "$@"
}
lease() {
	: >"$C/etc/resolv.conf"
	on_client udhcpc -i eth0 -f -q -n -t 20 -T 1 -x hostname:laptop -s /bin/lease | grep '^option 6' || echo "option 6: none"
}
ask() { on_client nslookup -type=a "$1" | sed -n '/^Name/,$s/^Address: *//p' | tr '\n' ' ' || true; }
# Waits until the client gets this from whom it was told of, within the seconds that are allowed.
gets() {
	deadline=$(($(date +%s) + $4))
	until [ "$(ask "$2")" = "$3 " ]; do
		[ "$(date +%s)" -lt $deadline ] || failed "$1: $2 is [$(ask "$2")] after $4 s, expected $3"
		sleep 0.25
	done
	echo "$1: $2 is $3"
}
# A block of README.md, line by line: what is typed, and what it says. A line goes to the client where it asks as one does.
readme() {
	while IFS= read -r line; do
		case "$line" in
		"") ;;
		nslookup*) echo "client\$ $line" && on_client sh -c "$line" ;;
		# What they say is another each time.
		"logread -e hearthdns" | "dnsctl status") echo "router# $line" && on_router "$line" | grep -c . >/dev/null ;;
		*) echo "router# $line" && on_router "$line" ;;
		esac
		case "$line" in opkg\ install\ ./hearthdns*) running && settled "mode guest" && unchanged installed ;; esac
	done <"$README/$1" || failed "README's commands \`$1\` do not do what they say"
	rm "$README/$1"
}
running() { awaited 30 "a daemon that answers \`dnsctl status\`" has_status; }
has_status() { on_router "dnsctl status" >/dev/null; }
# Waits for the watch to have done its work.
settled() {
	deadline=$(($(date +%s) + ${2:-15}))
	until [ "$(on_router "dnsctl router-mode" | sed "${3:-}")" = "$1" ]; do
		[ "$(date +%s)" -lt $deadline ] ||
			failed "waited ${2:-15} s for $1, but:
$(on_router "dnsctl router-mode")"
		sleep 0.25
	done
}
# Waits until dnsmasq has the port again, within 15 s as is promised; for which of the reasons, time and load decide.
given_back() {
	settled "mode guest
wanted front
port 53 was given back: hearthdns" 15 's/: hearthdns .*/: hearthdns/'
	on_router "dnsctl router-mode" | sed 's/: hearthdns .*/: hearthdns …/'
}
# The process of this name below that one, numbered as here.
children() {
	tr ' ' '\n' <"/proc/$1/task/$1/children" | while read -r child; do
		[ "$(cat "/proc/$child/comm" 2>/dev/null)" != "$2" ] || echo "$child"
	done
}
no_daemon() { [ -z "$(children "$INSIDE" hearthdns)" ]; }
# Sends a signal to the daemon; its number is that in the namespace of the router.
send() { on_router "kill -$1 \$(cat /var/run/procd/hearthdns.main)" >/dev/null || true; }
unchanged() {
	diff -B "$R/etc/config/dhcp" "$ROOT/dhcp.before" || failed "$1: dnsmasq's configuration is not as it was"
	echo "$1: dnsmasq's configuration is as it was"
}
# No question for a private name may have reached the provider.
kept() { echo "$1: the provider was asked for $(grep -c 'query.*hearth\.example' "$ROOT/provider.log") private names"; }
# The router's own files, without what is forgotten when its power is cut.
files() { (cd "$R" && find bin etc lib sbin usr www -xdev ! -type d 2>/dev/null | sort); }

# -- the course of things

# Installed, and in front, as README says.
installed_in_front() {
	readme install
	gets guest matrix.hearth.example 192.168.1.20 15
	: >"$ROOT/provider.log"
	lease
	gets guest www.example.org 9.9.9.80 5
	readme client

	readme front
	lease
	gets front matrix.hearth.example 192.168.1.20 5
	gets front www.example.org 9.9.9.80 5
	gets front laptop.lan "$(on_client ip -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p')" 5
}

course_readme() {
	installed_in_front
	echo "-- settings"
	readme settings
	gets "with settings" laptop.lan "$(on_client ip -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p')" 15
	on_router "uci set hearthdns.main.cache_size=much; uci commit hearthdns; /etc/init.d/hearthdns reload"
	on_router "logread -e 'hearthdns: ' | tail -n 2"
	gets "with a typo" matrix.hearth.example 192.168.1.20 5
	on_router "uci delete hearthdns.main.cache_size; uci set hearthdns.main.enabled=0; uci commit hearthdns; /etc/init.d/hearthdns reload"
	gets disabled www.example.org 9.9.9.80 10
	unchanged disabled
	: >"$ROOT/provider.log"
	on_router "uci set hearthdns.main.enabled=1; uci commit hearthdns; /etc/init.d/hearthdns reload"
	settled "mode front"
	gets enabled matrix.hearth.example 192.168.1.20 5

	echo "-- stopped"
	on_router "/etc/init.d/hearthdns stop"
	# procd is not waited for, and until it is gone it answers.
	awaited 15 "the end of the daemon that was stopped" no_daemon
	gets stopped www.example.org 9.9.9.80 15
	echo "stopped: matrix.hearth.example is [$(ask matrix.hearth.example)]"
	on_router "/etc/init.d/hearthdns start"
	settled "mode front"
	gets started matrix.hearth.example 192.168.1.20 5

	echo "-- a new version"
	on_router "opkg install ./hearthdns_0.1.1-r1_mipsel_24kc.ipk"
	settled "mode front"
	gets renewed matrix.hearth.example 192.168.1.20 5
	lease
	kept "all the time"

	readme log
	readme luci
	on_router "/usr/libexec/rpcd/hearthdns list | cut -c 1-40"

	readme undo
	gets removed www.example.org 9.9.9.80 10
	lease
	unchanged removed
	files | diff "$ROOT/files.before" - && echo "removed: no file is left"
	echo "removed: processes that are left: [$(on_router "pidof hearthdns dnsctl")]"
	for block in "$README"/*; do
		[ ! -e "$block" ] || failed "README.md has commands that were not run: $block"
	done
}

course_failures() {
	installed_in_front
	echo "-- the daemon dies whenever it is started"
	touch "$ROOT/crashes"
	while [ -e "$ROOT/crashes" ]; do
		send KILL
		sleep 0.2
	done &
	given_back
	lease
	gets crashing www.example.org 9.9.9.80 5
	rm "$ROOT/crashes"
	awaited 70 "the end of what lets the daemon die" has_ended $!
	gets recovered matrix.hearth.example 192.168.1.20 10
	settled "mode front" 90
	gets "in front again" matrix.hearth.example 192.168.1.20 5
	lease

	echo "-- the daemon hangs, and has the port still"
	send STOP
	given_back
	gets hanging www.example.org 9.9.9.80 5
	gets recovered matrix.hearth.example 192.168.1.20 10
	on_router "dnsctl router-mode front"
	gets front matrix.hearth.example 192.168.1.20 5

	echo "-- the power is cut"
	power_cut
	power_on
	gets "powered up" matrix.hearth.example 192.168.1.20 15
	gets "powered up" www.example.org 9.9.9.80 5
	lease
	on_router "dnsctl router-mode"
	kept "all the time"
}

# With apk this time.
course_jail() {
	cp "$HERE/ujail" "$R/sbin/ujail"
	on_router "apk add --allow-untrusted ./hearthdns-0.1.0-r1.mipsel_24kc.apk"
	running
	settled "mode guest"
	unchanged installed
	on_router "dnsctl add-zone hearth.example >/dev/null && dnsctl add-record matrix A 192.168.1.20"
	gets guest matrix.hearth.example 192.168.1.20 15
	# What settings name is seen in the jail, too.
	mkdir "$R/etc/acme"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=dns.hearth.example -days 30 \
		-addext subjectAltName=DNS:dns.hearth.example -keyout "$R/etc/acme/key.pem" -out "$R/etc/acme/chain.pem" 2>/dev/null
	chown 5300 "$R/etc/acme/key.pem"
	on_router "for word in name=dns.hearth.example cert=/etc/acme/chain.pem key=/etc/acme/key.pem dot=1 lan_names=1; do
		uci set hearthdns.main.\$word; done; uci commit hearthdns; /etc/init.d/hearthdns reload"
	on_router "dnsctl router-mode front" | tail -n 1
	lease
	gets front matrix.hearth.example 192.168.1.20 5
	gets front www.example.org 9.9.9.80 5
	gets front laptop.lan "$(on_client ip -o addr show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p')" 5
	on_router "dnsctl certificate" | sed 's/^  \(from\|until\) .*/  \1 …/'
	sed -n -e '/^Uid/p' -e '/^Cap[^I]/p' -e '/^NoNewPrivs/p' "/proc/$(children "$INSIDE" hearthdns)/status"
	on_router "apk add --allow-untrusted ./hearthdns-0.1.1-r1.mipsel_24kc.apk"
	settled "mode front"
	gets renewed matrix.hearth.example 192.168.1.20 5
	on_router "dnsctl router-mode guest" | tail -n 1
	gets guest matrix.hearth.example 192.168.1.20 15
	on_router "apk del hearthdns"
	gets removed www.example.org 9.9.9.80 10
	unchanged removed
}

power_on
on_router "/etc/init.d/dnsmasq enable; /etc/init.d/dnsmasq start"
lease
gets before www.example.org 9.9.9.80 10
files >"$ROOT/files.before"
"course_$COURSE"
