'use strict';
'require view';
'require poll';
'require ui';
'require hearthdns.daemon as daemon';

/* How it stands with the daemon: zones, upstreams, what was answered; and, where somebody wants that, who asks for what. */

const EVERY = 5;
/* Queries are remembered while they are looked at: see `dnsctl queries`. */
const LOOK = 2;
const SHOWN = 200;

const OUTCOMES = {
	local: _('answered from your zones'),
	beacon: _('of the live check on a page'),
	cached: _('answered from memory'),
	stale: _('answered from memory after their time, because no upstream answered'),
	forwarded: _('answered by an upstream'),
	failed: _('no upstream gave a usable answer'),
	overloaded: _('too many waited for upstreams'),
	closed: _('in a zone that cannot be served'),
	rejected: _('of a kind that is not served'),
	refused: _('refused: the client may not ask'),
	malformed: _('could not be read'),
	ignored: _('no query')
};

const STATES = {
	'ok': [ _('served'), 'good' ],
	'last-good': [ _('last good version'), 'warn' ],
	'closed': [ _('closed'), 'bad' ]
};

function span(seconds) {
	const days = Math.floor(seconds / 86400);

	return (days ? _('%d d').format(days) + ' ' : '') + '%d:%02d:%02d'.format(
		Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60);
}

function overview(status) {
	const cache = status.cache || {};

	return daemon.section(_('Daemon'), daemon.table([ _('Version'), _('Running for'), _('Cache'), _('Listening on') ], [ [
		status.version,
		span(status.uptime || 0),
		_('%d answers, %d of %d KiB').format(cache.entries, (cache.bytes || 0) / 1024, (cache.limit || 0) / 1024),
		(status.listeners || []).map(one => E('div', {}, [
			'%s %s%s'.format(one.transport, one.address, one.private_only ? ' ' + _('(devices only)') : '')
		]))
	] ]), ...(status.defects || []).map(found => E('div', { 'class': 'alert-message warning' }, [ daemon.defect(found) ])));
}

function zones(status) {
	const rows = (status.zones || []).map(zone => {
		const state = STATES[zone.state] || [ zone.state, 'plain' ];

		return [
			[ E('strong', {}, [ daemon.plain(zone.zone) ]), ...(zone.view ? [ ' ', daemon.badge(zone.view, 'plain') ] : []) ],
			zone.mode || _('as its base zone'),
			String(zone.serial),
			String(zone.records),
			[ daemon.badge(state[0], state[1]), ...(zone.defects || []).map(daemon.defect) ]
		];
	});

	return daemon.section(_('Zones'), daemon.table(
		[ _('Zone'), _('Mode'), _('Serial'), _('Records'), _('State') ], rows,
		_('There is no zone yet: add one on the page Records.')));
}

function upstreams(status) {
	const rows = (status.upstreams || []).map(one => [
		one.url,
		one.route === '.' ? _('all names') : daemon.plain(one.route),
		one.up ? daemon.badge(_('up'), 'good') : daemon.badge(_('does not answer'), 'bad'),
		one.latency_us == null ? '–' : _('%.1f ms').format(one.latency_us / 1000)
	]);

	return daemon.section(_('Upstreams'), daemon.table(
		[ _('Server'), _('Asked for'), _('State'), _('Answers in') ], rows,
		_('There is no upstream: only names of your zones are answered.')));
}

function counters(status, stats) {
	const sum = Object.values(status.outcomes || {}).reduce((all, count) => all + count, 0);
	const rows = Object.entries(status.outcomes || {}).filter(([ , count ]) => count > 0)
		.sort((one, other) => other[1] - one[1])
		.map(([ outcome, count ]) => [
			OUTCOMES[outcome] || outcome,
			String(count),
			E('div', { 'class': 'cbi-progressbar', 'title': '%d %%'.format(100 * count / sum) }, [
				E('div', { 'style': 'width:%d%%'.format(100 * count / sum) })
			])
		]);
	const ways = (stats.transports || []).map(one => [
		one.transport,
		String(one.queries),
		one.connections ? _('%d of %d').format(one.connections.open, one.connections.limit) : '–'
	]);

	return daemon.section(_('Queries since the start: %d').format(sum),
		daemon.table([ _('Ended as'), _('Queries'), _('Share') ], rows, _('Nobody has asked yet.')),
		daemon.table([ _('Over'), _('Queries'), _('Connections') ], ways, _('Nothing is listened on.')));
}

const TRUST = {
	public: [ _('every device knows its authority'), 'good' ],
	own: [ _('devices must be given our authority'), 'warn' ],
	unknown: [ _('of an authority that we do not know'), 'warn' ],
	none: [ _('there is none yet'), 'bad' ]
};

/* The certificate of the encrypted listeners; where nothing is encrypted there is nothing to show. */
function certificate(found) {
	if (found == null)
		return E('div', {});

	const trust = TRUST[found.trust] || [ found.trust, 'plain' ];
	const day = text => text ? text.split('T')[0] : '–';

	return daemon.section(_('Certificate'), daemon.table([ _('Names'), _('Good until'), _('Renewed on'), _('Trust') ], [ [
		(found.names || []).join(', ') || '–',
		day(found.until),
		day(found.renewal),
		daemon.badge(trust[0], trust[1])
	] ]), ...[ found.doing ? [ found.doing, ...(found.awaits || []) ].join('\n') : null ].filter(text => text).map(text =>
		E('pre', { 'style': 'white-space:pre-wrap;overflow-wrap:anywhere' }, [ text ])),
	...(found.problems || []).map(problem => E('div', { 'class': 'alert-message warning' }, [ daemon.defect(problem) ])));
}

/* A button that has the daemon do something, and says what came of it. */
function act(title, method, told) {
	const button = E('button', { 'class': 'btn cbi-button cbi-button-action' }, [ title ]);

	button.addEventListener('click', () => {
		button.disabled = true;

		daemon.call(method).then(answer => {
			ui.addNotification(null, E('div', {}, [
				E('p', {}, [ told(answer) ]), ...(answer.defects || []).map(daemon.defect)
			]), (answer.defects || []).length ? 'warning' : 'info');
		}).catch(daemon.complain).finally(() => {
			button.disabled = false;
		});
	});

	return button;
}

function acts() {
	return E('p', { 'style': 'display:flex;flex-wrap:wrap;gap:.5em' }, [
		act(_('Read zones again'), 'reload', answer => _('%d zones, %d changed.').format(answer.zones, (answer.changed || []).length)),
		act(_('Empty the cache'), 'flush', answer => _('%d answers are forgotten.').format(answer.entries)),
		act(_('Connect anew'), 'reconnect', answer => _('%d upstreams are connected to anew.').format(answer.upstreams))
	]);
}

/* The last queries: nothing is asked for, and so nothing remembered, until the button is pressed. */
const Watch = function() {
	this.seen = [];
	this.after = undefined;
	this.missed = 0;
	this.list = E('div', {});
	this.button = E('button', {
		'class': 'btn cbi-button cbi-button-action hearthdns-watch',
		'click': () => this.isOn ? this.stop() : this.start()
	}, [ _('Watch queries') ]);
	this.tick = () => this.look();
	this.node = daemon.section(_('Last queries'),
		E('p', {}, [ _('What people ask for is remembered only while somebody watches, in memory, and forgotten soon after.') ]),
		this.button, this.list);
};

Watch.prototype = {
	start: function() {
		this.isOn = true;
		this.button.replaceChildren(_('Stop'));
		poll.add(this.tick, LOOK);
		return this.look();
	},

	stop: function() {
		this.isOn = false;
		this.button.replaceChildren(_('Watch queries'));
		poll.remove(this.tick);
	},

	look: function() {
		return daemon.call('queries', { after: this.after }).then(answer => {
			this.after = answer.last;
			this.missed += answer.missed || 0;
			this.seen = (answer.queries || []).reverse().concat(this.seen).slice(0, SHOWN);
			this.show();
		}).catch(error => {
			this.stop();
			this.list.replaceChildren(daemon.box(error));
		});
	},

	show: function() {
		const rows = this.seen.map(one => [
			one.time.replace('T', ' ').replace('Z', ''),
			one.device || one.client,
			one.name == null ? '–' : daemon.plain(one.name),
			one.type || '–',
			one.outcome,
			one.rcode || _('no reply'),
			one.transport
		]);

		this.list.replaceChildren(
			daemon.table([ _('Time (UTC)'), _('Client'), _('Name'), _('Type'), _('Ended as'), _('Code'), _('Over') ], rows,
				_('Nothing was asked since you watch.')),
			...(this.missed ? [ E('p', {}, [ _('%d queries came too fast to be shown.').format(this.missed) ]) ] : []));
	}
};

return view.extend({
	load: function() {
		return this.ask();
	},

	/* Both answers, or why there is none. */
	ask: function() {
		const none = error => {
			if (error.code !== 'not-found')
				throw error;
		};

		return Promise.all([ daemon.call('status'), daemon.call('stats'), daemon.call('certificate').catch(none) ]).catch(error => error);
	},

	show: function(answers) {
		if (answers instanceof Error)
			return [ daemon.box(answers) ];

		const [ status, stats, found ] = answers;

		return [ overview(status), zones(status), upstreams(status), counters(status, stats), certificate(found) ];
	},

	render: function(answers) {
		const body = E('div', {}, this.show(answers));
		const watch = new Watch();

		poll.add(() => this.ask().then(now => body.replaceChildren(...this.show(now))), EVERY);

		return E('div', { 'class': 'cbi-map' }, [ E('h2', {}, [ _('HearthDNS: status') ]), body, acts(), watch.node ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
