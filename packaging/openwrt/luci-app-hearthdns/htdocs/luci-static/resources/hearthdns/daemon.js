'use strict';
'require baseclass';
'require rpc';
'require ui';

/*
 * What the views of HearthDNS share: asking the daemon, and showing what it says. It is asked through rpcd, whose plugin
 * hands the arguments on as they are; the replies are those of the control protocol.
 *
 * Children of E() always stand in an array here: LuCI reads a lone string as HTML, and names come from anybody.
 */

const METHODS = {
	status: [],
	stats: [],
	list_zones: [],
	list_records: [ 'name', 'type', 'zone', 'view' ],
	certificate: [],
	devices: [],
	queries: [ 'after' ],
	add_record: [ 'name', 'type', 'rdata', 'ttl', 'comment', 'expires', 'zone', 'view' ],
	set_record: [ 'name', 'type', 'rdata', 'ttl', 'comment', 'expires', 'zone', 'view' ],
	remove_record: [ 'name', 'type', 'rdata', 'zone', 'view' ],
	add_zone: [ 'zone', 'mode', 'view' ],
	remove_zone: [ 'zone', 'view' ],
	undo: [ 'zone', 'view', 'dry_run' ],
	reload: [],
	flush: [ 'name', 'below' ],
	reconnect: [],
	invite: [ 'name', 'all', 'ttl', 'uses' ],
	revoke: [ 'name' ]
};

const calls = {};

for (const method in METHODS)
	calls[method] = rpc.declare({
		object: 'hearthdns',
		method: method,
		params: METHODS[method],
		reject: true
	});

/* The name of a zone without the closing dot, as people write it. */
function plain(name) {
	return (name == null || name === '.') ? String(name ?? '') : String(name).replace(/\.$/, '');
}

/* A table of LuCI's with these titles; each row is an array of cells, each cell a text, a node, or an array of both. */
function table(titles, rows, empty) {
	const head = E('tr', { 'class': 'tr table-titles' }, titles.map(title => E('th', { 'class': 'th' }, [ title ])));
	const body = rows.map(cells => E('tr', { 'class': 'tr' }, cells.map((cell, at) =>
		E('td', { 'class': 'td left', 'data-title': titles[at] || null }, Array.isArray(cell) ? cell : [ cell ]))));

	if (!rows.length)
		body.push(E('tr', { 'class': 'tr placeholder' }, [
			E('td', { 'class': 'td', 'colspan': titles.length }, [ E('em', {}, [ empty ]) ])
		]));

	return E('div', { 'style': 'overflow-x:auto' }, [ E('table', { 'class': 'table' }, [ head, ...body ]) ]);
}

/* The buttons of a row: beside each other where a page can be as wide as that, below each other on a phone. */
function acts(buttons) {
	return E('div', {
		'class': 'hearthdns-acts', 'style': 'display:flex;flex-wrap:wrap;gap:.3em;width:max-content;max-width:100%'
	}, buttons);
}

function section(title, ...children) {
	return E('div', { 'class': 'cbi-section' }, [ E('h3', {}, [ title ]), ...children ]);
}

/* A word in a colour. */
function badge(text, kind) {
	const colours = { good: '#1b7f3b', warn: '#8a5a00', bad: '#b3261e', plain: '#5f6368' };

	return E('span', {
		'class': 'hearthdns-badge',
		'style': 'background:%s;color:#fff;padding:.1em .55em;border-radius:.75em;display:inline-block;font-size:90%%'.format(colours[kind])
	}, [ text ]);
}

/* A defect with its place: the whole file's has none. */
function defect(found) {
	const place = found.line ? '%d:%d: '.format(found.line, found.column || 0) : ' ';

	return E('div', { 'style': 'font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere' }, [
		'%s:%s%s'.format(found.file || '?', place, found.message || '')
	]);
}

/* What went wrong, in the daemon's own words and whole. */
function failure(error) {
	const said = [ E('div', { 'style': 'white-space:pre-wrap;overflow-wrap:anywhere' }, [ error.message || String(error) ]) ];

	for (const found of error.defects || [])
		said.push(defect(found));

	return E('div', { 'class': 'hearthdns-failure' }, said);
}

return baseclass.extend({
	plain: plain,
	table: table,
	acts: acts,
	section: section,
	badge: badge,
	defect: defect,
	failure: failure,

	/* Asks; resolves to the answer, rejects with an Error that has the daemon's message, its code and the defects. */
	call: function(method, words) {
		words = words || {};

		return calls[method](...METHODS[method].map(name => words[name])).then(reply => {
			if (reply != null && reply.ok != null) {
				reply.ok.remarks = reply.notes || [];
				return reply.ok;
			}

			const told = (reply != null && reply.error) || { message: _('The reply cannot be read.') };
			const error = new Error(told.message);

			error.code = told.code;
			error.defects = told.defects || [];
			throw error;
		}, error => {
			/* rpcd itself: no such object, no right, no time. */
			const hint = /not found/i.test(error.message || '')
				? ' ' + _('Is the package hearthdns installed? A new one is seen after: service rpcd restart')
				: '';

			throw new Error((error.message || String(error)) + hint);
		});
	},

	/* Shows a failure above the page. */
	complain: function(error) {
		ui.addNotification(null, failure(error), 'danger');
	},

	/* A box with a failure in it, for the place of what could not be shown. */
	box: function(error) {
		return E('div', { 'class': 'alert-message error' }, [ failure(error) ]);
	},

	/* A dialogue with a button that does something; it stays open, with the reason, where that fails. */
	ask: function(title, children, button, kind, act) {
		const said = E('div', { 'class': 'hearthdns-said' });
		const go = E('button', { 'class': 'btn cbi-button cbi-button-%s important'.format(kind) }, [ button ]);

		go.addEventListener('click', () => {
			go.disabled = true;
			said.replaceChildren();

			Promise.resolve().then(act).catch(error => {
				said.replaceChildren(this.box(error));
			}).finally(() => {
				go.disabled = false;
			});
		});

		ui.showModal([ title ], [
			...children,
			said,
			E('div', { 'class': 'right' }, [
				E('button', { 'class': 'btn', 'click': ui.hideModal }, [ _('Cancel') ]),
				' ',
				go
			])
		]);
	},

	/* A field of a dialogue. */
	field: function(title, input, hint) {
		return E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': input.id || null }, [ title ]),
			E('div', { 'class': 'cbi-value-field' }, [
				input,
				...(hint ? [ E('div', { 'class': 'cbi-value-description' }, [ hint ]) ] : [])
			])
		]);
	}
});
