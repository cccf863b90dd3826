# From here on the script is the same for everybody. What it does it prints; run again, it changes nothing more.
set -eu

# A folder in place of / , to see what would be written.
root=${HEARTHDNS_ROOT:-}
delegate_file=$root/etc/systemd/dns-delegate.d/hearthdns.dns-delegate
resolved_file=$root/etc/systemd/resolved.conf.d/hearthdns.conf
networkmanager_file=$root/etc/NetworkManager/dnsmasq.d/hearthdns.conf
dnsmasq_file=$root/etc/dnsmasq.d/hearthdns.conf
hosts_file=$root/etc/hosts

usage() {
    cat <<'END'
usage: sh SCRIPT [--undo] [--way WAY]
WAY, where the script is not to choose:
  delegate        a file for systemd-resolved 258 and newer
  networkmanager  a file for NetworkManager's dnsmasq
  dnsmasq         a file for dnsmasq
  hosts           lines in the hosts file; later changes do not arrive
  resolved        the global setting of systemd-resolved; all other names are
                  sent to this server too: for machines that stay at home
END
}

fail() {
    echo "$*" >&2
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
    elif [ -d "$root/etc/dnsmasq.d" ] && is_active dnsmasq; then
        echo dnsmasq
    elif [ -n "$host_lines" ] && [ "$zones" != . ]; then
        echo hosts
    else
        echo none
    fi
}

# What a file of ours says in its first line where its folder is of ours too, so that it can go again.
made="# this script made this folder"

# Writes stdin to a file; says so, and is true, where that changed something.
put() {
    folder=$(dirname "$1")
    new=$(
        if [ ! -d "$folder" ] || head -n 1 "$1" 2>/dev/null | grep -qx "$made"; then echo "$made"; fi
        cat
        echo .
    )
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
    if "$@"; then
        echo "told $what"
    else
        echo "$what cannot be told: restart it, or this machine" >&2
        status=1
    fi
}

tell_resolved() {
    tell systemd-resolved systemctl reload-or-restart systemd-resolved
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
    if [ "$1" != resolved ] && take "$resolved_file"; then tell_resolved; fi
    if [ "$1" != networkmanager ] && take "$networkmanager_file"; then tell_networkmanager; fi
    if [ "$1" != dnsmasq ] && take "$dnsmasq_file"; then tell_dnsmasq; fi
    if [ "$1" != hosts ] && [ -e "$hosts_file" ]; then put_hosts </dev/null || [ $? -eq 1 ] || status=1; fi
}

resolved_domains() {
    for zone in $zones; do printf ' ~%s' "$zone"; done
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
[ -n "$way" ] || way=$(choose)
case $way in
delegate | resolved | networkmanager | dnsmasq | hosts) undo_but "$way" ;;
esac
case $way in
delegate)
    if put "$delegate_file" <<END
[Delegate]
DNS=$resolved_servers
Domains=$(resolved_domains | cut -c2-)
DefaultRoute=$(if [ "$zones" = . ]; then echo yes; else echo no; fi)
END
    then tell_resolved; fi
    ;;
resolved)
    echo "note: systemd-resolved sends all other names to this server too"
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
    if is_active systemd-resolved; then
        echo "note: systemd $(systemd_version) cannot send some names to a server of their own; 258 can"
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
