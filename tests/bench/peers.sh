# shellcheck shell=bash
# Servers side by side: how each is started as a forwarder, and how its cost is read. Sourced by the
# benchmarks beside it; see `misses` for what they measure.
#
# Each start_NAME PORT UPSTREAM_PORT FOLDER writes a config into FOLDER and runs the server on 127.0.0.1:PORT
# in the foreground; a peer that is not installed is skipped by name.

# shellcheck disable=SC2034  # the benchmarks use them
server_core=0 load_core=1
# A folder of the benchmark's own, removed at its end.
work="$(mktemp -d)"

# Ends every process that was started here, whatever happens.
children=()
end_children() {
    local pid
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap end_children EXIT

start_hearthdns() {
    mkdir -p "$3/zones" "$3/state"
    printf 'matrix A 203.0.113.10\n' > "$3/zones/hearth.example.zone"
    cat > "$3/config.yaml" <<CONFIG
upstream: {outstanding: 4096}
workers: 1
cache: {bytes: 64MiB}
CONFIG
    exec "${CARGO_TARGET_DIR:-target}/release/hearthdns" --config "$3/config.yaml" --zones "$3/zones" \
        --state "$3/state" --listen "127.0.0.1:$1" --upstream "127.0.0.1:$2" --log error
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
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  num-threads: 1
  module-config: "iterator"
  outgoing-range: 4096
  num-queries-per-thread: 2048
  local-zone: "hearth.example." static
  local-data: "matrix.hearth.example. A 203.0.113.10"
  msg-cache-size: 64m
  rrset-cache-size: 64m
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$2
CONFIG
    exec unbound -d -c "$3/unbound.conf"
}

start_dnsmasq() {
    exec dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --no-resolv --no-hosts \
        --listen-address=127.0.0.1 --bind-interfaces --port="$1" --server="127.0.0.1#$2" \
        --address=/matrix.hearth.example/203.0.113.10 --cache-size=150000 --dns-forward-max=2048 --user=root
}

start_smartdns() {
    cat > "$3/smartdns.conf" <<CONFIG
bind 127.0.0.1:$1
server 127.0.0.1:$2
address /matrix.hearth.example/203.0.113.10
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

# The upstream of all: NSD, which answers any name below bench.example.
start_nsd() {
    cat > "$3/bench.zone" <<ZONE
\$ORIGIN bench.example.
@ 3600 SOA ns hostmaster 1 3600 1200 604800 60
@ 3600 NS ns
ns 3600 A 192.0.2.1
* 3600 A 192.0.2.9
ZONE
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
remote-control:
  control-enable: no
zone:
  name: bench.example
  zonefile: bench.zone
CONFIG
    exec nsd -d -c "$3/nsd.conf"
}

# run NAME PORT UPSTREAM_PORT CORE: starts a server on a core and waits until it answers; sets `pid`.
run() {
    local name=$1 port=$2 folder
    folder="$work/$name"
    rm -rf "$folder"
    mkdir -p "$folder"
    (taskset -pc "$4" $BASHPID >/dev/null; "start_$name" "$port" "$3" "$folder") >"$folder/log" 2>&1 &
    pid=$!
    children+=("$pid")
    local probe=matrix.hearth.example
    if [ "$name" = nsd ]; then probe=probe.bench.example; fi
    local tries=0
    until dig @127.0.0.1 -p "$port" +short +tries=1 +timeout=1 "$probe" A 2>/dev/null | grep -q '^[0-9]'; do
        tries=$((tries + 1))
        if [ "$tries" -gt 50 ] || ! kill -0 "$pid" 2>/dev/null; then
            echo "$name does not answer:" >&2
            cat "$folder/log" >&2
            return 1
        fi
        sleep 0.1
    done
}

stop() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# CPU time of a process with its threads and children so far, in clock ticks.
ticks() {
    local of total=0 fields
    for of in "$1" $(pgrep -P "$1" || true); do
        fields="$(sed 's/.*) //' "/proc/$of/stat" 2>/dev/null)" || continue
        # shellcheck disable=SC2086
        set -- $fields
        total=$((total + ${12} + ${13}))
    done
    echo "$total"
}

# Proportional memory of a process with its children, in KiB.
pss() {
    local of total=0 one
    for of in "$1" $(pgrep -P "$1" || true); do
        one="$(awk '/^Pss:/ {print $2}' "/proc/$of/smaps_rollup" 2>/dev/null)" || continue
        total=$((total + one))
    done
    echo "$total"
}

# The middle of the numbers on standard input.
median() {
    sort -n | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : "-"}'
}
