'use strict';
'require view';
'require form';

/* The settings, which the daemon itself translates from /etc/config/hearthdns: these are the options that it knows, and the
 * ranges that it allows. What it finds wrong nevertheless stands in the system log, and the last good settings stay. */

const SCHEMES = {
	listen: [ 'udp', 'tls', 'https', 'quic', 'h3', 'http' ],
	upstream: [ 'udp', 'tcp', 'tls', 'https', 'quic', 'h3', 'sdns' ]
};

/* An address with or without a port, or a URL of one of these schemes. */
function isServer(what) {
	return function check(section, value) {
		/* Of a list LuCI hands over each item, and all of them. */
		if (Array.isArray(value))
			return value.map(item => check(section, item)).find(said => said !== true) ?? true;

		if (value == null || value === '' || /^\[?[0-9A-Fa-f:.]+\]?(:\d{1,5})?$/.test(value))
			return true;

		const scheme = /^([a-z0-9]+):\/\/\S+$/.exec(value);

		return (scheme && SCHEMES[what].includes(scheme[1])) ||
			_('Expected an address, or a URL that begins with one of: %s').format(SCHEMES[what].map(word => word + '://').join(' '));
	};
}

function isSize(section, value) {
	return value == null || value === '' || /^\d+( ?[KMG]iB)?$/.test(value) || _('Expected bytes, or a size as 4MiB.');
}

/* One option. What stands in `more` is set on it. */
function add(section, tab, kind, name, title, description, more) {
	const option = tab
		? section.taboption(tab, kind, name, title, description)
		: section.option(kind, name, title, description);

	for (const key in more || {})
		if (key === 'choices')
			for (const [ value, shown ] of more.choices)
				option.value(value, shown);
		else
			option[key] = more[key];

	/* What is not there has the daemon's own default. */
	option.rmempty = !(more && more.rmempty === false);
	option.optional = option.rmempty;

	return option;
}

const STRATEGIES = [
	[ '', _('default: the fastest') ],
	[ 'fastest', _('the fastest') ],
	[ 'parallel', _('the two fastest at once') ],
	[ 'ordered', _('in their order') ]
];

return view.extend({
	render: function() {
		const map = new form.Map('hearthdns', _('HearthDNS: settings'),
			_('What is left empty has the default that is shown. A setting that cannot be used is told in the system log, and the last good ones stay in force.'));

		this.main(map.section(form.TypedSection, 'hearthdns'));
		this.listeners(map.section(form.GridSection, 'listen', _('Further listeners'),
			_('Where devices with an invite are answered, also from the internet where you open the port.')));
		this.upstreams(map.section(form.GridSection, 'upstream', _('Further upstreams'),
			_('Servers of which a URL does not say enough.')));
		this.routes(map.section(form.GridSection, 'route', _('Routes'),
			_('Domains that are asked elsewhere, each with all names below it. A zone is stronger than a route.')));
		this.views(map.section(form.GridSection, 'view', _('Views'),
			_('Clients that see zone files of their own, from the folder of the view\'s name in the zones folder.')));

		this.sets(map.section(form.GridSection, 'nftset', _('Sets of the firewall'),
			_('Addresses of these domains are put into sets of nftables before they are answered.')));

		return map.render();
	},

	main: function(section) {
		const list = form.DynamicList;
		const value = form.Value;
		const flag = form.Flag;
		const choice = form.ListValue;

		section.anonymous = true;
		section.addremove = false;

		section.tab('general', _('General'));
		add(section, 'general', flag, 'enabled', _('Enabled'), null, { 'default': '1' });
		add(section, 'general', choice, 'mode', _('Mode'),
			_('How HearthDNS and dnsmasq live together on this router.'), { choices: [
				[ '', _('default: off') ],
				[ 'off', _('off: neither knows of the other') ],
				[ 'guest', _('guest: dnsmasq keeps port 53 and sends us our zones') ],
				[ 'front', _('front: we have port 53, and dnsmasq another') ]
			] });
		add(section, 'general', value, 'name', _('Name of this server'),
			_('Under which devices reach it. It leads here, with every name below it.'),
			{ datatype: 'hostname', placeholder: 'dns.home.example' });
		add(section, 'general', list, 'address', _('Addresses'),
			_('At which devices reach it. Default: the private ones of its interfaces.'), { datatype: 'ipaddr' });
		add(section, 'general', choice, 'log_level', _('Log'), null, { choices: [
			[ '', _('default: info') ], [ 'off', 'off' ], [ 'error', 'error' ], [ 'warn', 'warn' ], [ 'info', 'info' ],
			[ 'debug', 'debug' ], [ 'trace', 'trace' ]
		] });

		section.tab('asking', _('Whom to ask'));
		add(section, 'asking', list, 'upstream', _('Upstreams'),
			_('An address, or a URL as tls://dns.example. Default: those of the provider.'),
			{ validate: isServer('upstream'), placeholder: 'tls://dns.quad9.net' });
		add(section, 'asking', list, 'bootstrap', _('Bootstrap'),
			_('Whom to ask for the addresses of upstreams that are host names.'),
			{ datatype: 'or(ipaddr,ipaddrport(1))', placeholder: '9.9.9.9' });
		add(section, 'asking', value, 'resolv_conf', _('File of nameservers'),
			_('Asked where no upstream is named, and read again when it changes. Default: the provider\'s; in front of dnsmasq, dnsmasq.'),
			{ datatype: 'file', placeholder: '/var/resolv.conf.d/resolv.conf.auto' });
		add(section, 'asking', choice, 'strategy', _('Which upstream is asked'), null, { choices: STRATEGIES });
		add(section, 'asking', value, 'timeout_ms', _('Patience'), _('Milliseconds for a query with all its attempts.'),
			{ datatype: 'range(100,30000)', placeholder: '5000' });
		add(section, 'asking', flag, 'dnssec', _('Validate (DNSSEC)'),
			_('What is signed and wrong is not answered. Not in every build.'));
		add(section, 'asking', flag, 'rebind_protection', _('Rebinding protection'),
			_('Private addresses are removed from answers of upstreams.'), { 'default': '1' });
		add(section, 'asking', list, 'rebind_domain', _('Exempt from it'), null,
			{ datatype: 'hostname', placeholder: 'plex.direct' });
		add(section, 'asking', list, 'bogus', _('Forged addresses'),
			_('A reply with one of them is not taken.'), { datatype: 'ipaddr' });

		section.tab('clients', _('Clients'));
		add(section, 'clients', list, 'client', _('Who may ask'),
			_('Prefixes; private: all private addresses; local: the subnets of this router. Default: private and local.'),
			{ datatype: 'or("private","local",cidr,ipaddr)' });
		add(section, 'clients', list, 'listen', _('Listen at'),
			_('Beside what the mode asks for: an address with a port, or a URL as https://0.0.0.0. http:// serves the pages of invites.'),
			{ validate: isServer('listen') });
		add(section, 'clients', flag, 'dot', _('DNS over TLS'), _('On port 853 of every address.'));
		add(section, 'clients', flag, 'lan_tls', _('DNS over TLS for Android'),
			_('Beside plain DNS on port 53; Android asks over it by itself.'), { 'default': '1' });
		add(section, 'clients', value, 'cert', _('Certificate'),
			_('A file in PEM, and its key. Default: an authority of our own signs one.'), { datatype: 'file' });
		add(section, 'clients', value, 'key', _('Key of the certificate'), null, { datatype: 'file' });
		add(section, 'clients', flag, 'redirect', _('Redirect port 53'),
			_('Clients that ask other servers over plain DNS are answered here.'));
		add(section, 'clients', flag, 'firefox_canary', _('Keep Firefox here'), null, { 'default': '1' });
		add(section, 'clients', flag, 'block_private_relay', _('Keep iCloud Private Relay off'));
		add(section, 'clients', choice, 'ddr', _('Tell of encrypted listeners (DDR)'), null, { choices: [
			[ '', _('default: where every client can verify the certificate') ],
			[ 'auto', _('where every client can verify the certificate') ],
			[ 'force', _('also with an authority of our own') ],
			[ 'off', _('never') ]
		] });

		section.tab('cache', _('Cache'));
		add(section, 'cache', value, 'cache_size', _('Size'), null, { validate: isSize, placeholder: '4MiB' });
		add(section, 'cache', value, 'stale_seconds', _('Stale answers'),
			_('Seconds for which an answer may serve after its time while no upstream answers.'),
			{ datatype: 'range(0,604800)', placeholder: '86400' });
		add(section, 'cache', value, 'min_ttl', _('Smallest TTL'), null, { datatype: 'range(0,3600)', placeholder: '0' });
		add(section, 'cache', value, 'max_ttl', _('Largest TTL'), null, { datatype: 'range(1,604800)', placeholder: '86400' });
		add(section, 'cache', value, 'negative_max_ttl', _('Largest TTL of what does not exist'), null,
			{ datatype: 'range(1,86400)', placeholder: '10800' });
		add(section, 'cache', flag, 'cache_file', _('Keep it over a restart'),
			_('In the state folder, which wears flash where it is on flash.'));
		add(section, 'cache', value, 'cache_file_hours', _('Write it every so many hours'),
			_('0: only when the daemon stops.'), { datatype: 'range(0,168)', placeholder: '0', depends: { cache_file: '1' } });

		section.tab('system', _('System'));
		add(section, 'system', value, 'port', _('Our port beside dnsmasq'), null, { datatype: 'port', placeholder: '5300' });
		add(section, 'system', value, 'dnsmasq_port', _('Port of dnsmasq behind us'), null,
			{ datatype: 'port', placeholder: '5335' });
		add(section, 'system', value, 'lan_domain', _('Domain of the LAN'), null, { datatype: 'hostname', placeholder: 'lan' });
		add(section, 'system', flag, 'lan_names', _('Names of devices'),
			_('The domain of the LAN is answered here in place of dnsmasq, from leases and hosts files: those of this router, unless others are named.'));
		add(section, 'system', list, 'lan_leases', _('Files of leases'), null,
			{ placeholder: '/var/dhcp.leases', depends: { lan_names: '1' } });
		add(section, 'system', list, 'lan_hosts', _('Hosts files, or folders of such'), null,
			{ placeholder: '/var/hosts', depends: { lan_names: '1' } });
		add(section, 'system', value, 'lan_ethers', _('Names by MAC address'), null,
			{ datatype: 'file', placeholder: '/etc/ethers', depends: { lan_names: '1' } });
		add(section, 'system', value, 'lan_dhcp', _('Settings of DHCP'), _('Names in them. Default: those of this router.'),
			{ datatype: 'file', placeholder: '/var/run/hearthdns-lan/dhcp', depends: { lan_names: '1' } });
		add(section, 'system', choice, 'ntp', _('Wait for the clock'),
			_('Until this router\'s NTP client has set it, times of certificates and signatures are not checked. Default: where that client is on.'),
			{ choices: [ [ '', _('default: with this router\'s NTP client') ], [ '1', _('yes') ], [ '0', _('no') ] ] });
		add(section, 'system', value, 'zones_dir', _('Zones folder'), null,
			{ datatype: 'directory', placeholder: '/etc/hearthdns/zones' });
		add(section, 'system', value, 'state_dir', _('State folder'), _('Earlier versions of zones, devices, certificates.'),
			{ datatype: 'directory', placeholder: '/etc/hearthdns/state' });
		add(section, 'system', flag, 'keep_seen', _('Keep when devices were seen'),
			_('Over a restart, in the state folder; written at most once an hour, which wears flash.'));
		add(section, 'system', value, 'history', _('Versions kept of each zone'), null,
			{ datatype: 'range(1,1000)', placeholder: '50' });
		add(section, 'system', value, 'workers', _('Threads that answer'), _('Default: one for each core.'),
			{ datatype: 'range(1,64)' });
		add(section, 'system', value, 'edns_payload', _('Size of datagrams'), null,
			{ datatype: 'range(512,1432)', placeholder: '1232' });
		add(section, 'system', value, 'control', _('Control socket'), null,
			{ datatype: 'string', placeholder: '/var/run/hearthdns/control.sock' });
		add(section, 'system', value, 'extra', _('Further configuration'),
			_('A file in YAML that is put behind what stands here.'), { datatype: 'file' });
		add(section, 'system', list, 'jail_mount', _('Folders that the jail can read'), null, { datatype: 'directory' });
		add(section, 'system', list, 'jail_mount_rw', _('Folders that the jail can write'), null, { datatype: 'directory' });
	},

	listeners: function(section) {
		section.anonymous = true;
		section.addremove = true;
		add(section, null, form.Value, 'url', _('URL'), null,
			{ validate: isServer('listen'), placeholder: 'https://0.0.0.0:8443', rmempty: false });
		add(section, null, form.Flag, 'private_only', _('Devices only'),
			_('Answers only devices with a token, and only names of your own zones.'));
	},

	upstreams: function(section) {
		section.anonymous = true;
		section.addremove = true;
		add(section, null, form.Value, 'url', _('URL'), null,
			{ validate: isServer('upstream'), placeholder: 'tls://dns.example', rmempty: false });
		add(section, null, form.DynamicList, 'address', _('Addresses'), null, { datatype: 'ipaddr', modalonly: true });
		add(section, null, form.DynamicList, 'bootstrap', _('Bootstrap'), null,
			{ datatype: 'or(ipaddr,ipaddrport(1))', modalonly: true });
		add(section, null, form.Value, 'server_name', _('Name in its certificate'), null, { datatype: 'hostname' });
		add(section, null, form.Value, 'ca_file', _('Authorities of its certificate'), _('A file in PEM.'),
			{ datatype: 'file', modalonly: true });
		add(section, null, form.DynamicList, 'pin_sha256', _('Pins'), _('SHA-256 of its public key in base64.'),
			{ modalonly: true });
	},

	routes: function(section) {
		section.anonymous = true;
		section.addremove = true;
		add(section, null, form.DynamicList, 'domain', _('Domains'), null,
			{ datatype: 'hostname', placeholder: 'corp.example', rmempty: false });
		add(section, null, form.Flag, 'nowhere', _('Nowhere'), _('The domain does not exist.'));
		add(section, null, form.DynamicList, 'server', _('Servers'), null,
			{ validate: isServer('upstream'), depends: { nowhere: '0' } });
		add(section, null, form.ListValue, 'strategy', _('Which server is asked'), null, { choices: STRATEGIES, modalonly: true });
		add(section, null, form.DynamicList, 'accept', _('Accept only'),
			_('A reply is taken only if all its addresses lie in these prefixes.'), { datatype: 'or(cidr,ipaddr)', modalonly: true });
		add(section, null, form.DynamicList, 'deny', _('Do not accept'),
			_('A reply with an address in these prefixes is not taken.'), { datatype: 'or(cidr,ipaddr)', modalonly: true });
		add(section, null, form.Value, 'view', _('View'), _('Only for the clients of this view.'));
	},

	sets: function(section) {
		section.anonymous = true;
		section.addremove = true;
		add(section, null, form.DynamicList, 'domain', _('Domains'), null,
			{ datatype: 'hostname', placeholder: 'video.example', rmempty: false });
		add(section, null, form.Value, 'v4', _('Set for IPv4'), null, { datatype: 'string', placeholder: 'inet fw4 vpn4' });
		add(section, null, form.Value, 'v6', _('Set for IPv6'), null, { datatype: 'string', placeholder: 'inet fw4 vpn6' });
		add(section, null, form.Value, 'timeout', _('Stay for so many seconds'), null,
			{ datatype: 'range(1,604800)', modalonly: true });
	},

	views: function(section) {
		section.anonymous = false;
		section.addremove = true;
		add(section, null, form.DynamicList, 'client', _('Clients'), null,
			{ datatype: 'or(cidr,ipaddr)', placeholder: '192.168.20.0/24', rmempty: false });
		add(section, null, form.DynamicList, 'upstream', _('Upstreams'), null, { validate: isServer('upstream') });
	}
});
