# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # what one of the three files sets, the others use
# How the figures of `run` come about: servers started and stopped on a core, their CPU time and memory read from
# the kernel, load from dnsperf, medians, tables, and goals compared. Sourced by `run` beside it.

# The server's core, and that of the load and the upstream.
server_core=0 load_core=1
# Queries per second at which delays are measured: far from what any server here can do, so that what is
# seen is how long an answer takes and not how long the queue is.
calm_rate=2000

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

# start NAME PORT UPSTREAM_PORT CORES [FOLDER]: starts a server and waits until it answers; sets `pid`.
start() {
    local name=$1 port=$2 folder=${5:-}
    if [ -z "$folder" ]; then
        folder="$work/$name"
        rm -rf "$folder"
        mkdir -p "$folder"
    fi
    (taskset -pc "$4" "$BASHPID" >/dev/null; "start_$name" "$port" "$3" "$folder") >"$folder/log" 2>&1 &
    pid=$!
    children+=("$pid")
    local tries=0
    until dig @127.0.0.1 -p "$port" +tries=1 +timeout=1 matrix.hearth.example A 2>/dev/null | grep -q 'status: NOERROR'; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
            echo "$name does not answer:" >&2
            cat "$folder/log" >&2
            return 1
        fi
        sleep 0.1
    done
}

# stop PID: ends what `start` started.
stop() {
    local one rest=()
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
    for one in "${children[@]}"; do [ "$one" = "$1" ] || rest+=("$one"); done
    children=("${rest[@]}")
}

# A process with its children and theirs, such as NSD's.
family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1" || true); do family "$child"; done
}

# CPU time so far of a process with its threads and children, in nanoseconds: what the scheduler has counted, which
# is exact where utime and stime come in ticks of 10 ms. Of children that have ended only those ticks are left.
cpu_time() {
    local of total=0 ns ticks
    for of in $(family "$1"); do
        ns="$(cat "/proc/$of/task/"*/schedstat 2>/dev/null | awk '{sum += $1} END {printf "%.0f", sum}')" || continue
        ticks="$(sed 's/.*) //' "/proc/$of/stat" 2>/dev/null | awk '{print $14 + $15}')" || continue
        total=$((total + ns + ticks * 10000000))
    done
    echo "$total"
}

# What a process has for itself alone, in KiB: heap, stacks, changed pages. Code that was read in does not count.
anonymous() {
    awk '/^Pss_Anon:/ {print $2}' "/proc/$1/smaps_rollup"
}

# Proportional memory of a process with its children, in KiB.
pss() {
    local of total=0 one
    for of in $(family "$1"); do
        one="$(awk '/^Pss:/ {print $2}' "/proc/$of/smaps_rollup" 2>/dev/null)" || continue
        total=$((total + one))
    done
    echo "$total"
}

# load TRANSPORT PORT FILE OPTION...: dnsperf from the load's core; what it printed is in $work/load.
load() {
    local transport=$1 port=$2 file=$3 program=(dnsperf -c 4 -q 64 -t 5) time rate=
    shift 3
    case "$transport" in
    doh)
        # Of the options only -l SECONDS and -Q RATE (with -v) mean anything to our own program.
        time=$2 rate=${4:-}
        program=("$release/examples/doh" "127.0.0.1:$((port + 2))" "$work/cert.pem" matrix.hearth.example "$time")
        set -- ${rate:+"$rate"}
        ;;
    dot) program+=(-m dot -s 127.0.0.1 -p $((port + 1)) -d "$file") ;;
    *) program+=(-m "$transport" -s 127.0.0.1 -p "$port" -d "$file") ;;
    esac
    if ! taskset -c "$load_core" "${program[@]}" "$@" >"$work/load" 2>"$work/load.errors"; then
        cat "$work/load.errors" >&2
        return 1
    fi
}

answered() { awk '/Queries completed/ {print $3}' "$work/load"; }
lost() { awk '/Queries lost/ {print $3}' "$work/load"; }
speed() { awk '/Queries per second/ {printf "%.0f", $4}' "$work/load"; }
# The response code that most answers had.
code() {
    sed -n 's/.*Response codes: *//p' "$work/load" | tr ',' '\n' | sort -k 2,2nr | awk 'NR == 1 {print $1}'
}

# delays: of the answers that dnsperf listed (-v): median, 99th percentile and largest, in microseconds. With the
# resolution and the disturbances of dnsperf's two threads, which share one core.
delays() {
    awk '/^> / {print $NF * 1e6}' "$work/load" | sort -n |
        awk '{v[NR] = $1} END {if (NR) printf "%.0f %.0f %.0f\n", v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.5)], v[NR]
            else print "- - -"}'
}

# costs PID TRANSPORT PORT FILE OPTION...: a load as above; prints the server's CPU microseconds per answered query.
costs() {
    local of=$1 before after
    shift
    before="$(cpu_time "$of")"
    load "$@"
    after="$(cpu_time "$of")"
    awk -v ns=$((after - before)) -v n="$(answered)" 'BEGIN {if (n) printf "%.2f", ns / 1000 / n; else print "-"}'
}

# The middle of the numbers on standard input; of an even count the lower one.
median() {
    grep -v '^-*$' | sort -n | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : "-"}'
}

# keep WHAT NUMBER...: notes the figures of one round; middle WHAT COLUMN: their median over the rounds.
keep() {
    local what=$1
    shift
    echo "$*" >> "$work/kept.$what"
}
middle() {
    if [ -e "$work/kept.$1" ]; then cut -d ' ' -f "$2" "$work/kept.$1" | median; fi
}
least() {
    if [ -e "$work/kept.$1" ]; then cut -d ' ' -f "$2" "$work/kept.$1" | sort -n | head -n 1; fi
}

# ratio A B: A over B, empty where one is not there.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN {if (a + 0 > 0 && b + 0 > 0) printf "%.2f", a / b}'
}

# table MODE: one row for each server, medians of the rounds; behind each figure how many times the echo loop's
# it is, and how many times it ours is.
table() {
    local mode=$1 name
    printf '%-10s %20s %22s %21s %22s %22s\n' server "CPU us/query" "queries/s" "p50 us" "p99 us" "PSS KiB"
    for name in ${SERVERS[$mode]}; do
        [ -e "$work/kept.$mode.$name" ] || continue
        echo "$name $(for at in 1 2 3 4 5; do middle "$mode.$name" $at; done | tr '\n' ' ')"
    done > "$work/rows"
    awk '
        function over(a, b) { return a + 0 > 0 && b + 0 > 0 ? sprintf("%.2f", a / b) : "-" }
        NR == FNR { for (i = 2; i <= 6; i++) row[$1, i] = $i; next }
        {
            printf "%-10s", $1
            for (i = 2; i <= 6; i++) {
                cell = sprintf("%s (%s, %s)", $i, over($i, row["echo", i]), over(row["hearthdns", i], $i))
                printf " %" (i == 2 ? 20 : i == 4 ? 21 : 22) "s", cell
            }
            print ""
        }' "$work/rows" "$work/rows"
}

# goal TEXT VALUE LIMIT [below]: whether a figure is at most its limit, or below it.
goals=() goals_missed=0
goal() {
    local text=$1 value=$2 limit=$3 verdict sign='<='
    [ -z "${4:-}" ] || sign='<'
    if [ -z "$value" ] || [ "$value" = - ] || [ -z "$limit" ] || [ "$limit" = - ]; then
        verdict="not measured"
    elif awk -v v="$value" -v l="$limit" -v strict="${4:-}" 'BEGIN {exit !(strict ? v < l : v <= l)}'; then
        verdict=reached
    else
        verdict=MISSED
        goals_missed=$((goals_missed + 1))
    fi
    goals+=("$(printf '%-13s %-66s %10s %-2s %s' "$verdict" "$text" "${value:--}" "$sign" "${limit:--}")")
}
