# A stand-in for OpenWrt's /lib/functions.sh: settings as `uci export` tells them, users, and what every package does when it
# is installed and removed.

config() {
	SECTION="${2:-anonymous$((NUMBER += 1))}"
	SECTIONS="$SECTIONS $1:$SECTION"
}
config_foreach() {
	local call="$1" kind="$2" section
	shift 2
	for section in $SECTIONS; do
		[ "${section%%:*}" != "$kind" ] || "$call" "${section#*:}" "$@"
	done
}
option() { eval "CONFIG_${SECTION}_$1=\$2"; }
list() {
	local count
	eval "count=\${CONFIG_${SECTION}_$1_LENGTH:-0}"
	count=$((count + 1))
	eval "CONFIG_${SECTION}_$1_LENGTH=$count; CONFIG_${SECTION}_$1_ITEM$count=\$2"
}
package() { :; }
config_load() {
	SECTIONS="" NUMBER=0
	eval "$(uci export "$1")"
}
config_get() { eval "$1=\"\${CONFIG_${2}_${3}:-\$4}\""; }
config_get_bool() {
	local value
	config_get value "$2" "$3" "$4"
	case "$value" in 1 | on | true | yes | enabled) value=1 ;; 0 | off | false | no | disabled) value=0 ;; *) value="$4" ;; esac
	eval "$1=\$value"
}
config_list_foreach() {
	local count item number=1
	eval "count=\${CONFIG_${1}_${2}_LENGTH:-0}"
	while [ "$number" -le "$count" ]; do
		eval "item=\${CONFIG_${1}_${2}_ITEM$number}"
		"$3" "$item"
		number=$((number + 1))
	done
}

group_exists() { grep -q "^$1:" "$IPKG_INSTROOT/etc/group"; }
group_add() { echo "$1:x:$2:" >>"$IPKG_INSTROOT/etc/group"; }
user_exists() { grep -q "^$1:" "$IPKG_INSTROOT/etc/passwd"; }
user_add() { echo "$1:x:$2:$3:$1:/var/run/$1:/bin/false" >>"$IPKG_INSTROOT/etc/passwd"; }

# The package's files that lie in this folder.
its_files() {
	# shellcheck disable=SC2154 # the package's script sets it
	cat "/usr/lib/opkg/info/$pkgname.list" "/lib/apk/packages/$pkgname.list" 2>/dev/null | grep "^$1"
}
default_postinst() {
	local file
	for file in $(its_files /etc/uci-defaults/); do
		# shellcheck disable=SC1090 # the package's
		(. "$file") && rm -f "$file"
	done
	for file in $(its_files /etc/init.d/); do
		if [ "$PKG_UPGRADE" = 1 ]; then
			"$file" restart
		else
			"$file" enable
			"$file" start
		fi
	done
}
default_prerm() {
	local file
	for file in $(its_files /etc/init.d/); do
		[ "$PKG_UPGRADE" = 1 ] || "$file" disable
		"$file" stop
	done
}
