'use strict';
'require view';
'require ui';
'require hearthdns.daemon as daemon';

/* Devices: who is invited, who was seen, and whose token is taken no more. What an invite shows lets its holder in: it stands
 * in a dialogue only, and nowhere once that is closed. */

const STATES = {
	invited: [ _('invited'), 'plain' ],
	active: [ _('active'), 'good' ],
	revoked: [ _('revoked'), 'bad' ]
};

function time(text) {
	return text ? text.replace('T', ' ').replace('Z', '') : '–';
}

function secret(text) {
	return E('code', { 'style': 'overflow-wrap:anywhere;user-select:all' }, [ text ]);
}

return view.extend({
	load: function() {
		return this.ask();
	},

	ask: function() {
		return daemon.call('devices').catch(error => error);
	},

	render: function(answer) {
		this.body = E('div', {});
		this.show(answer);

		return E('div', { 'class': 'cbi-map' }, [
			E('h2', {}, [ _('HearthDNS: devices') ]),
			E('div', { 'class': 'cbi-map-descr' }, [
				_('An invite leads a phone or laptop to a page that sets it up. Each device has a token of its own, which can be revoked.')
			]),
			this.body
		]);
	},

	refresh: function() {
		return this.ask().then(answer => this.show(answer));
	},

	show: function(answer) {
		if (answer instanceof Error) {
			this.body.replaceChildren(daemon.box(answer));
			return;
		}

		const rows = (answer.devices || []).map(device => {
			const state = STATES[device.state] || [ device.state, 'plain' ];

			return [
				E('strong', {}, [ device.name ]),
				device.scope === 'everything' ? _('all names') : _('your zones'),
				[
					daemon.badge(state[0], state[1]),
					...(device.invites ? [ ' ', (device.invites === 1 ? _('one open invite') : _('%d open invites'))
						.format(device.invites) ] : [])
				],
				time(device.seen) + (device.transport ? ' (%s)'.format(device.transport) : ''),
				time(device.created),
				daemon.acts([
					E('button', { 'class': 'btn cbi-button cbi-button-action', 'click': () => this.invite(device) }, [ _('Invite again') ]),
					...(device.state === 'revoked' ? [] : [
						E('button', { 'class': 'btn cbi-button cbi-button-remove', 'click': () => this.revoke(device) }, [ _('Revoke') ])
					])
				])
			];
		});

		this.body.replaceChildren(
			E('p', {}, [
				E('button', { 'class': 'btn cbi-button cbi-button-add hearthdns-invite', 'click': () => this.invite(null) }, [ _('Invite a device') ])
			]),
			daemon.table([ _('Device'), _('Asks here for'), _('State'), _('Last seen (UTC)'), _('Created (UTC)'), '' ], rows,
				_('There is no device yet.')));
	},

	invite: function(device) {
		const name = E('input', Object.assign({
			'id': 'hearthdns-device', 'type': 'text', 'class': 'cbi-input-text', 'value': device ? device.name : '',
			'placeholder': 'anna-phone', 'autocomplete': 'off', 'autocapitalize': 'none', 'spellcheck': 'false'
		}, device ? { 'disabled': 'disabled' } : {}));
		const all = E('input', { 'id': 'hearthdns-all', 'type': 'checkbox' });
		const choice = (id, pairs) => E('select', { 'id': id, 'class': 'cbi-input-select' },
			pairs.map(([ value, title ]) => E('option', { 'value': value }, [ title ])));
		const ttl = choice('hearthdns-ttl', [ [ 86400, _('a day') ], [ 3600, _('an hour') ], [ 604800, _('a week') ] ]);
		const uses = choice('hearthdns-uses', [ [ 1, '1' ], [ 5, '5' ], [ 30, '30' ] ]);

		all.checked = device != null && device.scope === 'everything';

		daemon.ask(_('Invite a device'), [
			daemon.field(_('Name'), name, _('1 to 32 of a-z, 0-9, - and _.')),
			daemon.field(_('All names'), all, _('The device asks here for everything, and not only for names of your zones.')),
			daemon.field(_('Good for'), ttl),
			daemon.field(_('Uses'), uses)
		], _('Invite'), 'positive', () => daemon.call('invite', {
			name: name.value.trim(),
			all: all.checked || undefined,
			ttl: Number(ttl.value),
			uses: Number(uses.value)
		}).then(invited => {
			this.shown(invited);
			return this.refresh();
		}));
	},

	/* What the invited one needs. */
	shown: function(invited) {
		const code = invited.png ? [ E('img', {
			'class': 'hearthdns-qr', 'alt': invited.url ? _('QR code of the address below') : _('QR code of a name below'),
			'style': 'display:block;margin:0 auto 1em;width:min(18em,80vw);image-rendering:pixelated',
			'src': 'data:image/png;base64,' + invited.png
		}) ] : [];
		/* A package for small routers has no pages; the camera of a phone reads a name as well. */
		const page = invited.url ? [
			...code,
			E('p', {}, [ _('Scan this with the camera of the device, or open:'), E('br'), secret(invited.url) ]),
			E('p', {}, [ (invited.uses === 1 ? _('Good once, until %s UTC.') : _('Good until %s UTC, for %d uses.'))
				.format(time(invited.expires), invited.uses) ])
		] : code.length ? [
			...code,
			E('p', {}, [ _('The code holds the name that starts with the token. On Android scan it, copy the text and paste it in Settings, Private DNS.') ])
		] : [
			E('p', {}, [ _('No listener has a page for invites: add http://0.0.0.0 to what is listened on. Until then the device is set up by hand.') ])
		];
		const hand = (invited.endpoints || []).length ? [
			E('p', {}, [ _('By hand, the device asks here:') ]),
			...invited.endpoints.map(endpoint => E('div', {}, [ secret(endpoint) ]))
		] : [
			E('p', {}, [ _('No listener takes tokens yet: set the name of this server and an encrypted listener on the page Settings.') ])
		];

		ui.showModal([ _('Invite for %s').format(invited.name) ], [
			...page,
			...hand,
			E('p', {}, [ E('em', {}, [ _('Whoever has this can be that device. It is not shown again.') ]) ]),
			E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Close') ]) ])
		]);
	},

	revoke: function(device) {
		daemon.ask(_('Revoke device'), [
			E('p', {}, [ _('The token of %s is refused from the next query on, and its invites are void.').format(device.name) ])
		], _('Revoke'), 'remove', () => daemon.call('revoke', { name: device.name }).then(() => {
			ui.hideModal();
			return this.refresh();
		}));
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
