# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # what one of the three files sets, the others use
# Servers side by side: what each can do, and how each is started. Sourced by `run` beside it.
#
# start_NAME PORT UPSTREAM_PORT FOLDER writes a config into FOLDER and becomes the server: plain DNS on
# 127.0.0.1:PORT, DNS over TLS on PORT + 1, over HTTPS on PORT + 2 (/dns-query), one thread of work. All know the
# name matrix.hearth.example, say that any other below hearth.example does not exist, and ask UPSTREAM_PORT for the
# rest. Logs are off, caches are large enough for what is asked, nothing is validated or fetched ahead.

# The program of each server. `echo` answers nothing: it sends each datagram back with the response bit set.
declare -A PROGRAM=(
    [echo]=echo [hearthdns]=hearthdns [nsd]=nsd [unbound]=unbound [recursor]=pdns_recursor
    [smartdns]=smartdns [dnsmasq]=dnsmasq [dnsdist]=dnsdist
)

# What each can be asked for. Not here: dnsmasq over TCP, which hangs up after 100 queries, so that connecting
# is what would be measured; NSD and what it does not hold.
declare -A SERVERS=(
    [local]="echo hearthdns nsd unbound recursor smartdns dnsmasq"
    [nxdomain]="echo hearthdns nsd unbound recursor smartdns dnsmasq"
    [cached]="echo hearthdns unbound recursor smartdns dnsmasq"
    [miss]="echo hearthdns unbound recursor smartdns dnsmasq"
    [tcp]="hearthdns nsd unbound recursor smartdns"
    [dot]="hearthdns unbound smartdns dnsdist"
    [doh]="hearthdns unbound dnsdist"
    [memory]="hearthdns unbound recursor smartdns dnsmasq"
)

# Our own binaries.
release="${CARGO_TARGET_DIR:-target}/release"
# The program that is measured.
ours="${HEARTHDNS:-$release/hearthdns}"

# One record, and settings that a benchmark may change: workers, bytes of the cache, what is spoken beside plain DNS,
# further lines of the config.
hearth_workers=1 hearth_cache=64MiB hearth_encrypted="tls https" hearth_more=
start_hearthdns() {
    mkdir -p "$3/zones" "$3/state"
    [ -e "$3/zones/hearth.example.zone" ] || printf 'matrix A 203.0.113.10\n' > "$3/zones/hearth.example.zone"
    hearth_config "$1" "$3"
    exec "$ours" --config "$3/config.yaml" --zones "$3/zones" --state "$3/state" \
        --upstream "127.0.0.1:$2" --log error
}

# hearth_config PORT FOLDER
hearth_config() {
    local listen="\"127.0.0.1:$1\"" scheme
    for scheme in $hearth_encrypted; do
        case "$scheme" in
        tls | quic) listen+=", \"$scheme://127.0.0.1:$(($1 + 1))\"" ;;
        https | h3) listen+=", \"$scheme://127.0.0.1:$(($1 + 2))\"" ;;
        esac
    done
    : > "$2/config.yaml"
    if [ -n "$hearth_encrypted" ]; then
        echo "certificate: {chain: $work/cert.pem, key: $work/key.pem}" > "$2/config.yaml"
    fi
    cat >> "$2/config.yaml" <<CONFIG
listen: [$listen]
upstream: {outstanding: 4096}
workers: $hearth_workers
cache: {bytes: $hearth_cache, file: false}
$hearth_more
CONFIG
}

start_echo() {
    exec "$release/examples/echo" "127.0.0.1:$1"
}

# The upstream of all, and authoritative by itself. It answers any name below bench.example.
start_nsd() {
    cat > "$3/bench.zone" <<ZONE
\$ORIGIN bench.example.
@ 3600 SOA ns hostmaster 1 3600 1200 604800 60
@ 3600 NS ns
ns 3600 A 192.0.2.1
* 3600 A 192.0.2.9
ZONE
    hearth_zone > "$3/hearth.zone"
    cat > "$3/nsd.conf" <<CONFIG
server:
  ip-address: 127.0.0.1@$1
  username: ""
  chroot: ""
  zonesdir: "$3"
  database: ""
  pidfile: "$3/nsd.pid"
  xfrdfile: "$3/xfrd.state"
  zonelistfile: "$3/zone.list"
  xfrdir: "$3"
  server-count: 1
  rrl-ratelimit: 0
  tcp-count: 100
remote-control:
  control-enable: no
zone:
  name: bench.example
  zonefile: bench.zone
zone:
  name: hearth.example
  zonefile: hearth.zone
CONFIG
    exec nsd -d -c "$3/nsd.conf"
}

# The zone of all, for those that read master files.
hearth_zone() {
    cat <<ZONE
\$ORIGIN hearth.example.
@ 3600 SOA ns hostmaster 1 3600 1200 604800 60
@ 3600 NS ns
ns 3600 A 192.0.2.1
matrix 3600 A 203.0.113.10
ZONE
}

start_unbound() {
    cat > "$3/unbound.conf" <<CONFIG
server:
  directory: "$3"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  verbosity: 0
  interface: 127.0.0.1@$1
  interface: 127.0.0.1@$(($1 + 1))
  interface: 127.0.0.1@$(($1 + 2))
  tls-port: $(($1 + 1))
  https-port: $(($1 + 2))
  tls-service-key: "$work/key.pem"
  tls-service-pem: "$work/cert.pem"
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  num-threads: 1
  module-config: "iterator"
  outgoing-range: 4096
  num-queries-per-thread: 2048
  local-zone: "hearth.example." static
  local-data: "hearth.example. SOA ns.hearth.example. hostmaster.hearth.example. 1 3600 1200 604800 60"
  local-data: "matrix.hearth.example. A 203.0.113.10"
  msg-cache-size: 64m
  rrset-cache-size: 64m
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$2
CONFIG
    exec unbound -d -c "$3/unbound.conf"
}

start_recursor() {
    hearth_zone > "$3/hearth.zone"
    cat > "$3/recursor.conf" <<CONFIG
local-address=127.0.0.1
local-port=$1
config-dir=$3
socket-dir=$3
setuid=
setgid=
daemon=no
write-pid=no
threads=1
auth-zones=hearth.example=$3/hearth.zone
forward-zones-recurse=.=127.0.0.1:$2
dont-query=
dnssec=off
security-poll-suffix=
quiet=yes
loglevel=0
max-cache-entries=400000
max-packetcache-entries=400000
max-mthreads=4096
refresh-on-ttl-perc=0
hint-file=no
CONFIG
    exec pdns_recursor --config-dir="$3"
}

start_smartdns() {
    cat > "$3/smartdns.conf" <<CONFIG
bind 127.0.0.1:$1
bind-tcp 127.0.0.1:$1
$smartdns_tls
server 127.0.0.1:$2
address /matrix.hearth.example/203.0.113.10
address /hearth.example/#
cache-size 150000
cache-persist no
prefetch-domain no
serve-expired no
speed-check-mode none
dualstack-ip-selection no
response-mode first-ping
log-level fatal
log-file $3/smartdns.log
log-size 128K
audit-enable no
max-query-limit 65535
CONFIG
    exec smartdns -f -p - -c "$3/smartdns.conf"
}

# SmartDNS listens with TLS since version 43.
smartdns_tls=
find_smartdns_tls() {
    if grep -qa 'bind-tls' "$(command -v smartdns)"; then
        smartdns_tls="bind-tls 127.0.0.1:$(($1 + 1)) -no-speed-check
bind-cert-file $work/cert.pem
bind-cert-key-file $work/key.pem"
    fi
}

start_dnsmasq() {
    exec dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv --no-hosts \
        --listen-address=127.0.0.1 --bind-interfaces --port="$1" --server="127.0.0.1#$2" \
        --host-record=matrix.hearth.example,203.0.113.10 --local=/hearth.example/ \
        --cache-size=150000 --dns-forward-max=2048 --user=root
}

start_dnsdist() {
    cat > "$3/dnsdist.conf" <<CONFIG
setLocal("127.0.0.1:$1")
addTLSLocal("127.0.0.1:$(($1 + 1))", "$work/cert.pem", "$work/key.pem", {numberOfShards = 1})
addDOHLocal("127.0.0.1:$(($1 + 2))", "$work/cert.pem", "$work/key.pem", "/dns-query")
newServer({address = "127.0.0.1:$2", healthCheckMode = "up"})
addAction("matrix.hearth.example.", SpoofAction("203.0.113.10"))
setSecurityPollSuffix("")
CONFIG
    exec dnsdist --supervised --disable-syslog -C "$3/dnsdist.conf"
}

# Why a server cannot be measured in a mode here; nothing if it can.
why_not() {
    local name=$1 mode=$2
    case "$name" in
    echo | hearthdns) ;;
    *) command -v "${PROGRAM[$name]}" >/dev/null || { echo "not installed"; return; } ;;
    esac
    case "$name $mode" in
    "smartdns dot") [ -n "$smartdns_tls" ] || echo "this version has no such listener" ;;
    esac
}
