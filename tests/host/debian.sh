# shellcheck shell=sh
# The life of the package, as `debian.rs` has it run inside a Debian; what it prints is compared word for word.
set -e
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
cd /packages

# It writes down what is to be done to services that run; what stands in files is the real one's.
mkdir -p /run/systemd/system
cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
    *preset* | *enable* | *disable* | *mask*) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl "$@" ;;
    *is-active*hearthdns.socket*) exit 3 ;;
esac
echo "systemctl $*" >>/packages/asked
END
chmod +x /usr/local/bin/systemctl
rm -f /usr/sbin/policy-rc.d

step() { echo; echo "== $*"; }
asked() {
    # Only what changes something.
    grep -oE '(start|stop|restart|try-restart) .*' asked 2>/dev/null | sort -u || true
    rm -f asked
}
quietly() { "$@" >log 2>&1 || { echo "failed: $*"; cat log; exit 1; }; }

step "installed beside a program that has the port"
perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.53", LocalPort => 53, Proto => "udp") or die "$!";
    open my $f, ">", "/packages/holds"; close $f; sleep 600;' &
holder=$!
while [ ! -e holds ]; do kill -0 "$holder"; done
quietly dpkg -i one.deb
sed -n '/is installed and not started/,$p' log | sed "s/process $holder/process PID/"
asked
# What the unit runs before each start, as root.
before="$(sed -n 's/^ExecStartPre=+//p' /usr/lib/systemd/system/hearthdns.service)"
$before >told || echo "before a start: exit code $?"
sed -n "s/process $holder/process PID/; /belongs to/p" told
kill "$holder"
wait "$holder" 2>/dev/null || true

step "purged"
quietly dpkg --purge hearthdns
asked

step "installed where the port is free"
quietly dpkg -i one.deb
grep hearthdns log | grep -v "^Selecting\|^Preparing\|^Unpacking\|^Setting up\|^Created symlink" || true
asked
readlink /etc/systemd/system/multi-user.target.wants/hearthdns.service
getent passwd hearthdns | cut -d: -f1,5,6,7
stat -c '%A %U:%G %n' /etc/hearthdns /etc/hearthdns/config.yaml /etc/hearthdns/zones
hearthdns --config /etc/hearthdns/config.yaml --state /var/lib/hearthdns --check

step "run as the unit runs it"
# systemd makes these.
mkdir -p /var/lib/hearthdns /run/hearthdns
chown hearthdns:hearthdns /var/lib/hearthdns /run/hearthdns
command="$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/hearthdns.service)"
# shellcheck disable=SC2086 # a command line
setpriv --reuid=hearthdns --regid=hearthdns --clear-groups --no-new-privs \
    --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service \
    $command --upstream 127.0.0.1:9 2>daemon.log &
daemon=$!
until grep -q ready daemon.log; do kill -0 "$daemon" || { cat daemon.log; exit 1; }; done
dnsctl add-zone hearth.example
dnsctl add-record matrix A 192.0.2.7
dnsctl explain matrix.hearth.example | grep -c 192.0.2.7
dnsctl setup port
useradd --groups hearthdns member
useradd stranger
for user in member stranger; do
    setpriv --reuid="$user" --regid="$user" --init-groups env -i HOME=/home/$user PATH=/usr/bin:/bin \
        dnsctl add-record $user A 192.0.2.8 || echo "$user: exit code $?"
done
stat -c '%U:%G %n' /etc/hearthdns/zones/hearth.example.zone
kill -TERM "$daemon"
wait "$daemon"

step "upgraded, with a configuration that was edited by hand"
echo "# by hand" >>/etc/hearthdns/config.yaml
dpkg-deb -R one.deb new
sed -i 's/^Version: .*/Version: 99.0.0-1/' new/DEBIAN/control
echo "# a new default" >>new/etc/hearthdns/config.yaml
quietly dpkg-deb -Znone -b new two.deb
quietly dpkg --force-confdef --force-confold -i two.deb
asked
dpkg-query -W -f '${Version}\n' hearthdns
tail -n 1 /etc/hearthdns/config.yaml
tail -n 1 /etc/hearthdns/config.yaml.dpkg-dist
dnsctl list-records 2>/dev/null

step "removed, which gives systemd-resolved its port back"
mkdir -p /run/systemd/resolve
echo "nameserver 192.0.2.53" >/run/systemd/resolve/resolv.conf
rm -f /etc/resolv.conf
ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
dnsctl setup resolved --apply
asked
quietly dpkg -r hearthdns
asked
readlink /etc/resolv.conf
ls /etc/systemd/resolved.conf.d 2>/dev/null || true
ls /usr/sbin/hearthdns /usr/bin/dnsctl 2>/dev/null || true
ls /etc/hearthdns /etc/hearthdns/zones

left() {
    for path in /etc/hearthdns /var/lib/hearthdns /etc/systemd/system/multi-user.target.wants/hearthdns.service; do
        if [ -e "$path" ] || [ -L "$path" ]; then find "$path" ! -type d; fi
    done
    dpkg-query -W hearthdns 2>/dev/null || echo "dpkg knows nothing of it"
}

step "purged, which leaves the zones"
quietly dpkg --purge hearthdns
grep '^hearthdns: ' log
left

step "installed again, with the zones that were there"
quietly dpkg -i one.deb
dnsctl list-records matrix 2>/dev/null
stat -c '%U:%G %n' /etc/hearthdns/zones/hearth.example.zone

step "purged where nothing of anybody's is there"
rm /etc/hearthdns/zones/*.zone
quietly dpkg --purge hearthdns
left
