# From here on the script is the same for everybody. What it does it prints; run again, it changes nothing more.
# Words are split and never taken for patterns of file names, and what programs say is read as bytes, in English.
set -euf
LC_ALL=C
export LC_ALL

# A folder in place of / , to see what would be written.
root=${HEARTHDNS_ROOT:-}
delegate_file=$root/etc/systemd/dns-delegate.d/hearthdns.dns-delegate
link_unit=hearthdns-link.service
link_file=$root/etc/systemd/system/$link_unit
resolved_file=$root/etc/systemd/resolved.conf.d/hearthdns.conf
networkmanager_file=$root/etc/NetworkManager/dnsmasq.d/hearthdns.conf
dnsmasq_file=$root/etc/dnsmasq.d/hearthdns.conf
hosts_file=$root/etc/hosts

usage() {
    cat <<'END'
usage: sh SCRIPT [--undo] [--way WAY]
WAY, where the script is not to choose:
  delegate        a file for systemd-resolved 258 and newer
  link            a unit that gives our servers to the link that leads to them,
                  for any version of systemd-resolved; only where that link has
                  no servers and nobody manages it, as a VPN by wg-quick
  networkmanager  a file for NetworkManager's dnsmasq
  dnsmasq         a file for dnsmasq
  hosts           lines in the hosts file; later changes do not arrive
  resolved        the global setting of systemd-resolved; all other names are
                  sent to this server too: for machines that stay at home, or
                  where all names are wanted
END
}

# Names of links may hold what echo would take for something else.
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

is_active() {
    systemctl is-active --quiet "$1" 2>/dev/null
}

systemd_version() {
    version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9][0-9]*\).*/\1/p')
    echo "${version:-0}"
}

choose() {
    if is_active systemd-resolved && [ "$(systemd_version)" -ge 258 ]; then
        echo delegate
    elif NetworkManager --print-config 2>/dev/null | grep -q '^dns=dnsmasq' && is_active NetworkManager; then
        echo networkmanager
    elif find_link; then
        echo link
    elif [ -d "$root/etc/dnsmasq.d" ] && is_active dnsmasq; then
        echo dnsmasq
    elif [ "$zones" = . ] && is_active systemd-resolved; then
        echo resolved
    elif [ -n "$host_lines" ] && [ "$zones" != . ]; then
        echo hosts
    else
        echo none
    fi
}

# The address in a server as systemd-resolved reads it: `A`, `A:PORT` or `[A]:PORT`.
address_of() {
    case $1 in
    \[*)
        bare=${1#\[}
        echo "${bare%%\]*}"
        ;;
    *:*:*) echo "$1" ;;
    *) echo "${1%:*}" ;;
    esac
}

# The link through which an address is reached, as the kernel says. No name of a link holds a blank or a slash.
link_to() {
    ip -o route get "$1" 2>/dev/null | sed -n '1{/ dev /{s/ dev /\//;s/^[^/]*\///;s/ .*//;p;};}'
}

# What systemd calls the device of a link.
device_of() {
    systemd-escape --path --suffix=device -- "/sys/subsystem/net/devices/$1" 2>/dev/null
}

# A word as it stands in a command line of a unit.
unit_word() {
    case $1 in
    '' | *[!A-Za-z0-9/.:_~-]*) printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g; s/%/%%/g; s/\$/$$/g')" ;;
    *) printf %s "$1" ;;
    esac
}

# The beginning of a line of our unit that sets something, `dns` or `domain`, of a link.
link_line() {
    printf 'ExecStart=%s %s -- %s' "$(unit_word "$(command -v resolvectl)")" "$1" "$(unit_word "$2")"
}

# What a link has, `dns` or `domain`, but for what our unit gives it; fails where systemd-resolved does not know the link.
own() {
    said=$(resolvectl "$1" -- "$2" 2>/dev/null) || return 1
    case $said in
    "Link "*" ($2):"*) ;;
    *) return 1 ;;
    esac
    ours=' ' line=$(link_line "$1" "$2")
    if [ -e "$link_file" ]; then
        while read -r kept; do
            case $kept in "$line "*) ours="${kept#"$line"} " ;; esac
        done <"$link_file"
    fi
    for word in ${said#*:}; do
        case $ours in *" $word "*) ;; *) printf ' %s' "$word" ;; esac
    done
}

# Whether NetworkManager gives a link its servers, or none: each time that any link changes. Those that others made it
# only watches.
is_of_networkmanager() {
    is_active NetworkManager || return 1
    case $(nmcli -g GENERAL.STATE device show "$1" 2>/dev/null) in
    '10 (unmanaged)' | *'(externally)'*) return 1 ;;
    esac
}

# The same for systemd-networkd, which forgets what a link was told when it starts anew. The name is taken as a pattern:
# several links may be shown.
is_of_networkd() {
    is_active systemd-networkd && networkctl --no-legend --no-pager list -- "$1" 2>/dev/null | grep -qv ' unmanaged *$'
}

# Why a link, through which this address is reached, cannot be told to send us some names; false where it can.
is_unfit() {
    case $2 in
    '')
        echo "no link leads to $1"
        return
        ;;
    lo)
        echo "$1 is this machine"
        return
        ;;
    *[!!-~]*)
        echo "the name of the link that leads to $1 is not plain"
        return
        ;;
    esac
    if ! servers=$(own dns "$2") || ! domains=$(own domain "$2"); then
        printf '%s\n' "systemd-resolved does not know the link $2, which leads to $1"
    elif [ -n "$servers" ]; then
        printf '%s\n' "the link $2, which leads to $1, has servers of its own:$servers"
    elif [ -n "$domains" ]; then
        printf '%s\n' "the link $2, which leads to $1, has domains of its own:$domains"
    elif ! device=$(device_of "$2") || ! is_active "$device"; then
        # No udev, as in containers, or a name that udev does not take: the unit would wait for it in vain.
        printf '%s\n' "systemd has no device for the link $2, which leads to $1"
    elif is_of_networkmanager "$2"; then
        printf '%s\n' "NetworkManager manages the link $2, which leads to $1, and takes back what others tell it; give its connection ipv4.dns, and ipv4.dns-search with ~ before each zone"
    elif is_of_networkd "$2"; then
        printf '%s\n' "systemd-networkd manages the link $2, which leads to $1, and forgets what others tell it; give its .network file DNS=, Domains= with ~ before each zone, and DNSDefaultRoute=no"
    else
        return 1
    fi
}

# Finds the link that leads to the first server that can be had so, and all servers that it leads to; or says in `why`
# that there is none. systemd-resolved sends what it asks for a link out of that link, and a link has one set of
# servers: a link without any can be given ours for our zones, and nothing else changes.
find_link() {
    link='' link_servers='' why=''
    if [ "$zones" = . ]; then
        why="all names are to be sent, and a link is told of some"
        return 1
    fi
    if ! is_active systemd-resolved; then
        why="systemd-resolved does not run"
        return 1
    fi
    for server in $resolved_servers; do
        address=$(address_of "$server")
        at=$(link_to "$address")
        if [ -n "$link" ]; then
            if [ "$at" = "$link" ]; then link_servers="$link_servers $server"; fi
        elif unfit=$(is_unfit "$address" "$at"); then
            why=${why:-$unfit}
        else
            link=$at link_servers=$server
        fi
    done
    [ -n "$link" ]
}

# What a file of ours says in its first line where its folder is of ours too, so that it can go again.
made="# this script made this folder"

# What a file of ours holds where stdin is to stand in it.
as_put() {
    if [ ! -d "$(dirname "$1")" ] || head -n 1 "$1" 2>/dev/null | grep -qx "$made"; then echo "$made"; fi
    cat
}

# Writes stdin to a file; says so, and is true, where that changed something.
put() {
    folder=$(dirname "$1")
    new=$(as_put "$1" && echo .)
    old=$(cat "$1" 2>/dev/null && echo .) || old=
    if [ "$new" = "$old" ]; then
        echo "$1 is as it should be"
        return 1
    fi
    mkdir -p "$folder"
    printf %s "${new%.}" >"$1.new"
    mv "$1.new" "$1"
    echo "wrote $1"
}

# Removes a file, and its folder where that is ours and nobody else has put something there; says so, and is true, where
# it was there.
take() {
    [ -e "$1" ] || return 1
    folder=
    if head -n 1 "$1" | grep -qx "$made"; then folder=$(dirname "$1"); fi
    rm -f "$1"
    if [ -n "$folder" ]; then rmdir "$folder" 2>/dev/null || true; fi
    echo "removed $1"
}

# Between these our lines stand in the hosts file. The first one also says what was before it: a last line without a line
# break, or no file.
begin="# hearthdns begin"
begin_unended="# hearthdns begin, behind a last line without a line break"
begin_fresh="# hearthdns begin, in a file that was not there"
end="# hearthdns end"

# Writes the hosts file without our lines, and with what stdin brings, behind a first line of ours.
put_hosts() {
    lines=$(cat)
    first=$begin
    if [ ! -e "$hosts_file" ]; then
        [ -n "$lines" ] || return 1
        first=$begin_fresh
        : >"$hosts_file"
    elif [ -n "$(tail -c 1 "$hosts_file")" ]; then
        first=$begin_unended
    fi
    for kept in "$begin" "$begin_unended" "$begin_fresh"; do
        if grep -qx "$kept" "$hosts_file"; then first=$kept; fi
    done
    # Without its end a part of ours would reach to the end of the file, over lines that are not ours.
    if [ "$(grep -c "^$begin" "$hosts_file")" != "$(grep -cx "$end" "$hosts_file")" ]; then
        echo "$hosts_file: between the lines \`$begin\` and \`$end\` stands what this script wrote, and one of them is missing; remove the other one and what is not yours by hand" >&2
        return 2
    fi
    sed "/^$begin/,/^$end\$/d" "$hosts_file" >"$hosts_file.new"
    if [ -n "$lines" ]; then
        if [ "$first" = "$begin_unended" ] && [ -n "$(tail -c 1 "$hosts_file.new")" ]; then echo >>"$hosts_file.new"; fi
        printf '%s\n' "$first" "$lines" "$end" >>"$hosts_file.new"
    elif [ "$first" = "$begin_unended" ] && grep -qx "$begin_unended" "$hosts_file"; then
        # What was added to the file since needs its line break.
        if [ "$(tail -n 1 "$hosts_file")" = "$end" ]; then
            kept=$(cat "$hosts_file.new")
            printf %s "$kept" >"$hosts_file.new"
        fi
    fi
    if [ "$first" = "$begin_fresh" ] && [ ! -s "$hosts_file.new" ]; then
        rm -f "$hosts_file.new" "$hosts_file"
        echo "removed $hosts_file"
        return
    fi
    if cmp -s "$hosts_file.new" "$hosts_file"; then
        rm -f "$hosts_file.new"
        return 1
    fi
    # Into the file that is there: its mode stays, and so does a mount.
    cat "$hosts_file.new" >"$hosts_file"
    rm -f "$hosts_file.new"
    echo "changed $hosts_file"
}

# Runs a command that makes a program take over what was written. Where it fails the rest is done all the same.
status=0
tell() {
    what=$1
    shift
    if "$@"; then echo "told $what"; else untold "$what"; fi
}

untold() {
    echo "$1 cannot be told: restart it, or this machine" >&2
    status=1
}

tell_resolved() {
    tell systemd-resolved systemctl reload-or-restart systemd-resolved
}

begin_link() {
    systemctl daemon-reload && systemctl enable --quiet "$link_unit" && systemctl restart "$link_unit"
}

# Whether the link has what the unit gives it.
is_told() {
    is_active "$link_unit" || return 1
    given=" $(resolvectl dns -- "$link" 2>/dev/null | tr '\n' ' ') "
    for server in $link_servers; do
        case $given in *" $server "*) ;; *) return 1 ;; esac
    done
}

# The unit takes back what the link was told when it ends, and knows how while its file is there.
end_link() {
    systemctl disable --quiet --now "$link_unit"
}

# The link that our unit tells; nothing where it is away.
told_link() {
    resolvectl dns 2>/dev/null | sed -n 's/^Link [0-9]* (\(.*\)):.*/\1/p' | while read -r name; do
        if grep -qF -- "$(link_line dns "$name") " "$link_file"; then printf '%s\n' "$name"; fi
    done
}

# What somebody else has told the link since would go with what we told it.
take_link() {
    servers='' domains=''
    name=$(told_link)
    if [ -n "$name" ]; then
        servers=$(own dns "$name") || servers=''
        domains=$(own domain "$name") || domains=''
    fi
    if end_link; then ended=0; else ended=1; fi
    # shellcheck disable=SC2086 # Each is a word.
    {
        [ -z "$servers" ] || resolvectl dns -- "$name" $servers || ended=1
        [ -z "$domains" ] || resolvectl domain -- "$name" $domains || ended=1
    }
    take "$link_file" || true
    systemctl daemon-reload && [ "$ended" -eq 0 ]
}

tell_networkmanager() {
    tell NetworkManager nmcli general reload dns-full
}

tell_dnsmasq() {
    tell dnsmasq systemctl restart dnsmasq
}

# Takes back every way but the one that is named.
undo_but() {
    if [ "$1" != delegate ] && take "$delegate_file"; then tell_resolved; fi
    if [ "$1" != link ] && [ -e "$link_file" ]; then
        if take_link; then echo "told systemd"; else untold systemd; fi
    fi
    if [ "$1" != resolved ] && take "$resolved_file"; then tell_resolved; fi
    if [ "$1" != networkmanager ] && take "$networkmanager_file"; then tell_networkmanager; fi
    if [ "$1" != dnsmasq ] && take "$dnsmasq_file"; then tell_dnsmasq; fi
    if [ "$1" != hosts ] && [ -e "$hosts_file" ]; then put_hosts </dev/null || [ $? -eq 1 ] || status=1; fi
}

resolved_domains() {
    for zone in $zones; do printf ' ~%s' "$zone"; done
}

# The unit that gives a link our servers. The device brings it when it comes and takes it along when it goes. It is not
# wanted by systemd-resolved too, which keeps by itself what a link was told, because at every start it would wait for a
# device that is away.
link_lines() {
    device=$(device_of "$link")
    resolvectl=$(unit_word "$(command -v resolvectl)")
    word=$(unit_word "$link")
    cat <<END
[Unit]
Description=Send names of some zones to HearthDNS through the link that leads to it
BindsTo=$device
After=$device systemd-resolved.service

[Service]
Type=oneshot
RemainAfterExit=yes
$(link_line dns "$link") $link_servers
$(link_line domain "$link")$(resolved_domains)
ExecStart=$resolvectl default-route -- $word no
ExecStop=-$resolvectl revert -- $word

[Install]
WantedBy=$device
END
}

dnsmasq_lines() {
    for zone in $zones; do
        for server in $dnsmasq_servers; do
            if [ "$zone" = . ]; then echo "server=$server"; else echo "server=/$zone/$server"; fi
        done
        [ "$zone" = . ] || echo "rebind-domain-ok=/$zone/"
    done
}

way='' undo=''
while [ $# -gt 0 ]; do
    case $1 in
    --undo) undo=yes ;;
    --way)
        [ $# -ge 2 ] || fail "--way needs a word; see --help"
        way=$2
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown word $1; see --help" ;;
    esac
    shift
done

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    fail "this changes the system's settings: run it as root, with sudo"
fi
if [ -n "$undo" ]; then
    undo_but nothing
    echo "undone"
    exit $status
fi
if [ -z "$way" ]; then
    way=$(choose)
    # A VPN that is off for now is no reason to give up what works as soon as it is on.
    if [ -e "$link_file" ] && { [ "$way" = hosts ] || [ "$way" = none ]; } && ! find_link; then
        fail "nothing was changed: $link_file is for a link that cannot be told now: $why; run this again when it can, or take it back first with --undo"
    fi
fi
if [ "$way" = link ]; then
    find_link || fail "a link cannot be told of our servers: $why; run this without --way, or see --help"
fi
case $way in
delegate | link | resolved | networkmanager | dnsmasq | hosts) undo_but "$way" ;;
esac
case $way in
delegate)
    if [ "$(systemd_version)" -lt 258 ]; then
        echo "note: systemd-resolved reads this file from version 258 on, and here is $(systemd_version)"
    fi
    if put "$delegate_file" <<END
[Delegate]
DNS=$resolved_servers
Domains=$(resolved_domains | cut -c2-)
DefaultRoute=$(if [ "$zones" = . ]; then echo yes; else echo no; fi)
END
    then tell_resolved; fi
    ;;
link)
    if [ -e "$link_file" ] && ! link_lines | as_put "$link_file" | cmp -s - "$link_file"; then end_link || true; fi
    if link_lines | put "$link_file" || ! is_told; then
        if begin_link; then echo "told systemd"; else untold systemd; fi
    fi
    ;;
resolved)
    if [ "$zones" = . ]; then
        echo "note: systemd-resolved sends all names to this server; away from it none is found until this is undone"
    else
        echo "note: systemd-resolved sends all other names to this server too"
    fi
    if put "$resolved_file" <<END
[Resolve]
DNS=$resolved_servers
Domains=$(resolved_domains | cut -c2-)
END
    then tell_resolved; fi
    ;;
networkmanager)
    if dnsmasq_lines | put "$networkmanager_file"; then tell_networkmanager; fi
    ;;
dnsmasq)
    if dnsmasq_lines | put "$dnsmasq_file"; then tell_dnsmasq; fi
    ;;
hosts)
    [ -n "$host_lines" ] || fail "this script holds no addresses for a hosts file"
    if is_active systemd-resolved && [ "$(systemd_version)" -lt 258 ] && [ "$zones" != . ] && ! find_link; then
        printf '%s\n' "note: systemd $(systemd_version) cannot send some names to a server of their own here, and 258 can: $why"
    fi
    echo "note: changes of the zones do not arrive in a hosts file: run a new script then"
    printf %s "$host_lines" | put_hosts || hosts_ended=$?
    case ${hosts_ended:-0} in
    0) ;;
    1) echo "$hosts_file is as it should be" ;;
    *) exit 1 ;;
    esac
    ;;
none) fail "nothing here can send some names to a server of their own; have the router do it, or see --help" ;;
*) fail "there is no way $way; see --help" ;;
esac
echo "done ($way); to take it back, run this script with --undo"
exit $status
