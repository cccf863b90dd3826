'use strict';
'require view';
'require ui';
'require hearthdns.daemon as daemon';

/* The records of all zones: listed, added, edited, removed. Each change is live when the daemon says so, and can be undone. */

const TYPES = [ 'A', 'AAAA', 'CNAME', 'SRV', 'TXT', 'MX', 'NS', 'PTR', 'CAA', 'HTTPS', 'SVCB', 'DNAME', 'SSHFP', 'TLSA' ];

const EXAMPLES = {
	A: '192.168.1.10',
	AAAA: 'fd00::10',
	CNAME: 'matrix',
	SRV: '10 5 8448 matrix',
	TXT: 'v=spf1 -all',
	MX: '10 mail',
	CAA: '0 issue "letsencrypt.org"',
	HTTPS: '1 . alpn=h2'
};

const IS_TEXT = { TXT: true, SPF: true };

/* What was typed, as the elements of RDATA. Of a text every element is one string, taken as it is: quotes are how several
 * are told apart, and how the daemon shows them. */
function elements(type, typed) {
	typed = typed.trim();

	if (!IS_TEXT[type] || typed.charAt(0) !== '"')
		return typed === '' ? [] : [ typed ];

	return (typed.match(/"(?:[^"\\]|\\.)*"|[^"\s]+/g) || []).map(word =>
		word.replace(/^"((?:[^"\\]|\\.)*)"$/, '$1'));
}

/* A value for the daemon: none where nothing was typed. */
function some(field) {
	const value = field.value.trim();

	return value === '' ? undefined : value;
}

function key(zone, view) {
	return JSON.stringify([ zone, view || null ]);
}

function input(id, value, attributes) {
	return E('input', Object.assign({
		'id': 'hearthdns-' + id, 'type': 'text', 'class': 'cbi-input-text', 'value': value ?? '', 'autocomplete': 'off', 'spellcheck': 'false'
	}, attributes || {}));
}

return view.extend({
	load: function() {
		return this.ask();
	},

	ask: function() {
		return Promise.all([ daemon.call('list_zones'), daemon.call('list_records') ]).catch(error => error);
	},

	render: function(answers) {
		this.body = E('div', {});
		this.filter = input('filter', '', { 'placeholder': _('Filter'), 'type': 'search' });
		this.filter.addEventListener('input', () => this.show());
		this.chosen = E('select', { 'class': 'cbi-input-select', 'id': 'hearthdns-zone', 'change': () => this.show() });
		this.take(answers);

		return E('div', { 'class': 'cbi-map' }, [
			E('h2', {}, [ _('HearthDNS: records') ]),
			E('div', { 'class': 'cbi-map-descr' }, [
				_('A change is in every answer as soon as it is made, and stays in the zone file with your comments and order.')
			]),
			this.body
		]);
	},

	take: function(answers) {
		this.error = answers instanceof Error ? answers : null;

		if (!this.error) {
			const before = this.chosen.value;

			this.zones = answers[0].zones || [];
			this.records = answers[1].records || [];
			this.more = answers[1].more;
			this.defects = answers[0].defects || [];
			this.offline = answers[1].remarks;
			this.chosen.replaceChildren(E('option', { 'value': '' }, [ _('All zones') ]), ...this.zones.map(zone =>
				E('option', { 'value': key(zone.zone, zone.view) }, [ this.title(zone) ])));

			if (Array.from(this.chosen.options).some(option => option.value === before))
				this.chosen.value = before;
		}

		this.show();
	},

	title: function(zone) {
		return daemon.plain(zone.zone) + (zone.view ? ' (%s)'.format(zone.view) : '');
	},

	refresh: function() {
		return this.ask().then(answers => this.take(answers));
	},

	/* Makes a change, shows what it brought, and the list as it is then. */
	change: function(method, words) {
		return daemon.call(method, words).then(answer => {
			const said = [ ...(answer.notes || []), ...answer.remarks ];

			if (!answer.live)
				said.push(_('No daemon runs: the file is changed, and is served when it starts.'));

			ui.hideModal();

			for (const note of said)
				ui.addNotification(null, E('p', {}, [ note ]), 'info');

			return this.refresh();
		});
	},

	selected: function() {
		return this.zones.find(zone => key(zone.zone, zone.view) === this.chosen.value);
	},

	show: function() {
		if (this.error) {
			this.body.replaceChildren(daemon.box(this.error));
			return;
		}

		const zone = this.selected();
		const wanted = this.filter.value.trim().toLowerCase();
		const rows = this.records.filter(record => !zone || key(record.zone, record.view) === this.chosen.value)
			.filter(record => wanted === '' ||
				[ record.name, record.type, record.rdata ].some(text => String(text).toLowerCase().includes(wanted)))
			.map(record => this.row(record));
		const broken = this.zones.filter(one => (one.defects || []).length > 0);
		const button = (title, kind, click, of) => E('button', Object.assign({
			'class': 'btn cbi-button cbi-button-%s'.format(kind), 'click': click
		}, of || {}), [ title ]);

		this.body.replaceChildren(
			...this.defects.map(found => E('div', { 'class': 'alert-message warning' }, [ daemon.defect(found) ])),
			...broken.map(one => E('div', { 'class': 'alert-message warning' }, [
				E('p', {}, [ (one.state === 'closed'
					? _('%s is closed: its names fail until the file is mended.')
					: _('%s is served as it last was, because its file has a defect.')).format(this.title(one)) ]),
				...one.defects.map(daemon.defect)
			])),
			...this.offline.map(note => E('div', { 'class': 'alert-message notice' }, [ note ])),
			E('div', { 'class': 'hearthdns-bar', 'style': 'display:flex;flex-wrap:wrap;gap:.5em;align-items:center;margin:.5em 0' }, [
				this.chosen, this.filter,
				button(_('Add record'), 'add', () => this.edit(null), this.zones.length ? {} : { 'disabled': 'disabled' }),
				button(_('Add zone'), 'add', () => this.addZone()),
				...(zone ? [
					button(_('Undo last change'), 'neutral', () => this.undo(zone)),
					button(_('Remove zone'), 'remove', () => this.removeZone(zone))
				] : [])
			]),
			daemon.table([ _('Name'), _('Type'), _('Data'), _('TTL'), _('Zone'), '' ], rows,
				this.zones.length ? _('No record matches.') : _('There is no zone yet: add one.')),
			...(this.more ? [ E('p', {}, [ _('There are more records than are shown here: choose a zone, or use dnsctl in a shell.') ]) ] : []));
	},

	row: function(record) {
		const isOurs = record.type === 'SOA';
		const breaking = 'overflow-wrap:anywhere';

		return [
			E('span', { 'style': 'overflow-wrap:break-word' }, [ daemon.plain(record.name) ]),
			record.type,
			[
				E('span', { 'style': breaking }, [ record.rdata ]),
				...(record.expires ? [ ' ', daemon.badge(_('until %s').format(record.expires), 'warn') ] : [])
			],
			String(record.ttl),
			this.title(record),
			isOurs ? '' : daemon.acts([
				E('button', { 'class': 'btn cbi-button cbi-button-edit', 'click': () => this.edit(record) }, [ _('Edit') ]),
				E('button', { 'class': 'btn cbi-button cbi-button-remove', 'click': () => this.remove(record) }, [ _('Remove') ])
			])
		];
	},

	/* How many records the set has that this one is of. */
	companions: function(record) {
		return this.records.filter(other => other.name === record.name && other.type === record.type &&
			key(other.zone, other.view) === key(record.zone, record.view)).length;
	},

	edit: function(record) {
		const zone = record ? { zone: record.zone, view: record.view } : (this.selected() || this.zones[0]);
		const others = record ? this.companions(record) - 1 : 0;
		const where = E('select', { 'id': 'hearthdns-where', 'class': 'cbi-input-select' }, this.zones.map(one =>
			E('option', { 'value': key(one.zone, one.view) }, [ this.title(one) ])));
		const fixed = record ? { 'disabled': 'disabled' } : {};
		const name = input('name', record ? record.name : '', Object.assign({ 'placeholder': 'matrix' }, fixed));
		const type = input('type', record ? record.type : 'A', Object.assign({ 'list': 'hearthdns-types' }, fixed));
		const data = input('data', record ? record.rdata : '', { 'placeholder': EXAMPLES[record ? record.type : 'A'] || '' });
		const ttl = input('ttl', record ? record.ttl : '', Object.assign(
			{ 'inputmode': 'numeric', 'placeholder': _('as the others') }, others ? { 'disabled': 'disabled' } : {}));
		const expires = input('expires', record ? (record.expires || '') : '', { 'placeholder': '30d, 12h, 2027-01-01' });
		const comment = input('comment', '', { 'placeholder': record ? _('as it is') : '' });

		where.value = key(zone.zone, zone.view);
		where.disabled = record != null;
		type.addEventListener('input', () => {
			data.placeholder = EXAMPLES[type.value.trim().toUpperCase()] || '';
		});

		daemon.ask(record ? _('Edit record') : _('Add record'), [
			daemon.field(_('Zone'), where),
			daemon.field(_('Name'), name, record ? null : _('Relative to the zone, or absolute with a closing dot; @ is the zone itself.')),
			daemon.field(_('Type'), type),
			E('datalist', { 'id': 'hearthdns-types' }, TYPES.map(word => E('option', { 'value': word }))),
			daemon.field(_('Data'), data, _('As in a zone file.')),
			daemon.field(_('TTL'), ttl, others ? _('That of its %d companions.').format(others) : _('Seconds.')),
			daemon.field(_('Expires'), expires, _('From then on it is no longer served. Empty: never.')),
			daemon.field(_('Comment'), comment)
		], _('Save'), 'positive', () => {
			const [ ofZone, ofView ] = JSON.parse(where.value);
			const rtype = type.value.trim().toUpperCase();
			const words = {
				name: name.value.trim(),
				type: rtype,
				rdata: elements(rtype, data.value),
				ttl: some(ttl) === undefined || others ? undefined : Number(some(ttl)),
				comment: some(comment),
				expires: some(expires),
				zone: ofZone,
				view: ofView || undefined
			};

			if (words.name === '')
				throw new Error(_('The record needs a name; @ is the zone itself.'));

			if (words.ttl !== undefined && !Number.isSafeInteger(words.ttl))
				throw new Error(_('The TTL is a number of seconds, as 300.'));

			if (!record)
				return this.change('add_record', words);

			if (!others)
				return this.change('set_record', words);

			/* Of several one is another now: the new one first, so that there is no moment without. */
			if (data.value.trim() === record.rdata)
				throw new Error(_('Nothing is changed. To change the comment or the time of one record of several, remove and add it.'));

			return daemon.call('add_record', words).then(() => this.change('remove_record', this.words(record)));
		});
	},

	/* A record in the words of a request. */
	words: function(record) {
		return {
			name: record.name,
			type: record.type,
			rdata: elements(record.type, record.rdata),
			zone: record.zone,
			view: record.view
		};
	},

	remove: function(record) {
		daemon.ask(_('Remove record'), [
			E('p', {}, [ E('code', { 'style': 'overflow-wrap:anywhere' }, [ '%s %s %s'.format(record.name, record.type, record.rdata) ]) ])
		], _('Remove'), 'remove', () => this.change('remove_record', this.words(record)));
	},

	addZone: function() {
		const zone = input('new-zone', '', { 'placeholder': 'hearth.example' });
		const mode = E('select', { 'id': 'hearthdns-mode', 'class': 'cbi-input-select' }, [
			E('option', { 'value': 'private' }, [ _('private: names that it does not hold do not exist') ]),
			E('option', { 'value': 'overlay' }, [ _('overlay: names that it does not hold are asked upstream') ]),
			E('option', { 'value': 'redirect' }, [ _('redirect: its own records answer for every name below it') ])
		]);

		daemon.ask(_('Add zone'), [
			daemon.field(_('Zone'), zone), daemon.field(_('Mode'), mode)
		], _('Add'), 'positive', () => {
			if (zone.value.trim() === '')
				throw new Error(_('The zone needs a name, as hearth.example.'));

			return this.change('add_zone', { zone: zone.value.trim(), mode: mode.value });
		});
	},

	removeZone: function(zone) {
		daemon.ask(_('Remove zone'), [
			E('p', {}, [ _('The zone %s goes with all its records. From then on its names are asked upstream. Undo brings it back.').format(this.title(zone)) ])
		], _('Remove'), 'remove', () => this.change('remove_zone', { zone: zone.zone, view: zone.view }));
	},

	undo: function(zone) {
		const words = { zone: zone.zone, view: zone.view };
		const shown = E('div', {}, [ E('em', {}, [ _('Loading…') ]) ]);

		daemon.ask(_('Undo last change'), [ shown ], _('Undo'), 'positive', () => this.change('undo', words));

		/* One change may have been one of several files: what would go back is the daemon's to say. */
		return daemon.call('undo', Object.assign({ dry_run: true }, words)).then(answer => {
			const files = [ answer, ...(answer.with || []) ];

			shown.replaceChildren(
				...(files.length > 1 ? [
					E('p', {}, [ _('The last change was made in %d files. All of them go back to the version before it:').format(files.length) ]),
					E('ul', {}, files.map(file => E('li', {}, [ this.title(file) ])))
				] : [ E('p', {}, [ _('%s goes back to the version before the last change:').format(this.title(zone)) ]) ]),
				E('pre', { 'style': 'white-space:pre-wrap;overflow-wrap:anywhere' }, [ files.map(file => file.diff || '').join('') ]));
		}, error => shown.replaceChildren(daemon.box(error)));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
