'use strict';

/*
 * What the application uses of LuCI, written for its tests: the loader of modules, E(), rpc, ui, poll, uci and form, with
 * the traps of the real ones. A lone string as children of E() is HTML there; here it ends the test, so that it is found
 * wherever it stands. poll has no clock: a test steps it. What this does not know, the application must not use.
 */

(function() {

const L = { env: {}, faults: [] };

window.L = L;

addEventListener('error', event => L.faults.push(String(event.message)));
addEventListener('unhandledrejection', event => L.faults.push(String(event.reason && event.reason.stack || event.reason)));

/* ---- texts ---- */

Object.defineProperty(String.prototype, 'format', { value: function(...values) {
	let at = 0;

	return this.replace(/%(0?)(\d*)(?:\.(\d+))?([%dsfxh])/g, (all, zero, width, digits, kind) => {
		if (kind == '%')
			return '%';

		if (at >= values.length)
			throw new Error('no value for %s in %s'.replace('%s', all).replace('%s', this));

		const value = values[at++];
		let text = String(value);

		if (kind == 'd')
			text = String(Math.floor(Number(value) || 0));
		else if (kind == 'f')
			text = (Number(value) || 0).toFixed(digits === undefined ? 6 : Number(digits));
		else if (kind != 's')
			throw new Error('this format is not known here: ' + all);

		return width ? text.padStart(Number(width), zero || ' ') : text;
	});
} });

let catalogue = {};

L.untranslated = new Set();

function _(text) {
	if (catalogue[text] == null && catalogue[''] != null)
		L.untranslated.add(text);

	return catalogue[text] || text;
}

/* A catalogue of gettext: pairs of msgid and msgstr, each perhaps on several lines. */
function readPo(text) {
	const found = {};
	let id = null, into = null, string = '';
	const end = () => { if (id !== null) found[id] = string; };

	for (const line of text.split('\n')) {
		const [ , word, quoted ] = /^(?:(msgid|msgstr) )?"(.*)"$/.exec(line) || [];

		if (quoted === undefined)
			continue;

		const value = JSON.parse('"' + quoted + '"');

		if (word == 'msgid') {
			end();
			id = value;
			into = 'id';
			string = '';
		}
		else if (word == 'msgstr') {
			string = value;
			into = 'string';
		}
		else if (into == 'id')
			id += value;
		else
			string += value;
	}

	end();

	return found;
}

/* ---- dom ---- */

const dom = {
	elem: node => node != null && typeof node == 'object' && 'nodeType' in node,

	append: function(node, children) {
		if (Array.isArray(children))
			children.forEach(child => {
				if (dom.elem(child))
					node.appendChild(child);
				else if (child !== null && child !== undefined)
					node.appendChild(document.createTextNode(String(child)));
			});
		else if (dom.elem(children))
			node.appendChild(children);
		else if (children !== null && children !== undefined)
			throw new Error('LuCI reads this as HTML, put it into an array: ' + children);
	},

	content: function(node, children) {
		node.replaceChildren();
		dom.append(node, children);
	}
};

function E(tag, attributes, children) {
	if (typeof tag != 'string' || !/^[a-z0-9]+$/.test(tag))
		throw new Error('LuCI reads this as HTML: ' + tag);

	const node = document.createElement(tag);

	for (const key in attributes || {}) {
		const value = attributes[key];

		if (value === null || value === undefined)
			continue;
		else if (typeof value == 'function')
			node.addEventListener(key, value);
		else
			node.setAttribute(key, typeof value == 'object' ? JSON.stringify(value) : value);
	}

	dom.append(node, children);

	return node;
}

/* ---- classes and modules ---- */

function Class() {}

Class.extend = function(members) {
	const Parent = this;
	const Child = function(...args) {
		if (this.__init__)
			this.__init__(...args);
	};

	Child.prototype = Object.create(Parent.prototype, { constructor: { value: Child } });
	Object.assign(Child.prototype, members);
	Child.extend = Parent.extend;

	return Child;
};

const modules = { baseclass: Class, dom: dom };
const loading = {};

async function load(name) {
	if (modules[name])
		return modules[name];

	loading[name] = loading[name] || (async () => {
		const path = '/luci-static/resources/' + name.replace(/\./g, '/') + '.js';
		const answer = await fetch(path);

		if (!answer.ok)
			throw new Error('there is no module ' + name);

		const source = await answer.text();
		const names = [], needed = [];

		for (const line of source.split('\n')) {
			const wanted = /^'require ([\w.]+)(?: as (\w+))?';$/.exec(line);

			if (wanted) {
				needed.push(wanted[1]);
				names.push(wanted[2] || wanted[1].replace(/\W/g, '_'));
			}
			else if (!/^('use strict';|\s*)$/.test(line))
				break;
		}

		const values = await Promise.all(needed.map(load));
		const Made = new Function('window', 'document', 'L', '_', 'E', ...names, source + '\n//# sourceURL=' + path)(
			window, document, L, _, E, ...values);

		modules[name] = new Made();

		return modules[name];
	})();

	return loading[name];
}

/* ---- rpc ---- */

const MESSAGES = [ 'Command OK', 'Invalid command', 'Invalid argument', 'Method not found', 'Resource not found',
	'No data received', 'Permission denied', 'Request timeout', 'Not supported', 'Unspecified error' ];

async function ubus(object, method, words) {
	const answer = await fetch('/ubus', { method: 'POST', body: JSON.stringify({
		jsonrpc: '2.0', id: 1, method: 'call', params: [ L.env.session, object, method, words || {} ]
	}) });

	return (await answer.json()).result;
}

const under = { count: 0, waiting: [] };

modules.rpc = {
	declare: function(options) {
		return async function(...args) {
			const words = {};

			options.params.forEach((name, at) => { words[name] = args[at]; });
			under.count++;

			try {
				const [ status, answer ] = await ubus(options.object, options.method, words);

				if (options.reject && status !== 0)
					throw new Error('RPC call to %s/%s failed with ubus code %d: %s'.format(
						options.object, options.method, status, MESSAGES[status]));

				return status === 0 ? answer : status;
			}
			finally {
				under.count--;
			}
		};
	}
};

/* ---- ui ---- */

const overlay = () => document.getElementById('modal_overlay');

const ui = modules.ui = {
	showModal: function(title, children) {
		const box = overlay().firstElementChild;

		dom.content(box, [ E('h4', {}, title) ]);
		dom.append(box, children);
		overlay().hidden = false;

		return box;
	},

	hideModal: function() {
		overlay().hidden = true;
		overlay().firstElementChild.replaceChildren();
	},

	addNotification: function(title, children, ...kinds) {
		const note = E('div', { 'class': [ 'alert-message', 'fade-in', ...kinds ].join(' ') }, [
			E('button', { 'class': 'btn', 'click': () => note.remove() }, [ 'Dismiss' ])
		]);

		if (title != null)
			dom.append(note, [ E('h4', {}, title) ]);

		dom.append(note, children);
		document.getElementById('maincontent').prepend(note);
	}
};

/* ---- poll ---- */

const queue = [];

L.poll = modules.poll = {
	add: function(act, seconds) {
		if (queue.includes(act))
			return false;

		if (!(seconds >= 1))
			throw new Error('how often?');

		queue.push(act);

		return true;
	},

	remove: function(act) {
		const at = queue.indexOf(act);

		if (at >= 0)
			queue.splice(at, 1);

		return at >= 0;
	},

	length: () => queue.length,

	step: () => Promise.all(queue.slice().map(act => act()))
};

/* ---- uci ---- */

const uci = modules.uci = {
	sections: [],

	load: async function(config) {
		const [ status, answer ] = await ubus('uci', 'get', { config: config });

		if (status !== 0)
			throw new Error('uci: ' + MESSAGES[status]);

		this.config = config;
		this.sections = Object.values(answer.values).sort((one, other) => one['.index'] - other['.index']);
		this.deleted = [];
	},

	get: (id, option) => (uci.sections.find(one => one['.name'] == id) || {})[option],

	set: function(id, option, value) {
		const section = this.sections.find(one => one['.name'] == id);

		section[option] = value;
		section['.changed'] = true;
	},

	unset: function(id, option) {
		const section = this.sections.find(one => one['.name'] == id);

		if (option in section) {
			section[option] = '';
			section['.changed'] = true;
		}
	},

	add: function(type, name) {
		const id = name || 'new' + Math.random().toString(16).slice(2);

		this.sections.push({ '.name': id, '.type': type, '.anonymous': !name, '.new': true });

		return id;
	},

	remove: function(id) {
		const section = this.sections.find(one => one['.name'] == id);

		this.sections = this.sections.filter(one => one !== section);

		if (!section['.new'])
			this.deleted.push(id);
	},

	save: async function() {
		const check = ([ status ]) => {
			if (status !== 0)
				throw new Error('uci: ' + MESSAGES[status]);
		};

		for (const id of this.deleted)
			check(await ubus('uci', 'delete', { config: this.config, section: id }));

		for (const section of this.sections) {
			const values = {};

			for (const key in section)
				if (key.charAt(0) != '.')
					values[key] = section[key];

			if (section['.new'])
				check(await ubus('uci', 'add', { config: this.config, type: section['.type'],
					name: section['.anonymous'] ? undefined : section['.name'], values: values }));
			else if (section['.changed'])
				check(await ubus('uci', 'set', { config: this.config, section: section['.name'], values: values }));
		}

		check(await ubus('uci', 'apply', {}));
	}
};

/* ---- form ---- */

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const isV6 = value => /^[0-9a-f:.]+$/i.test(value) && value.split(':').length > 2 && value.split(':').length < 9;
const isAddress = value => IPV4.test(value) || isV6(value);
const isNumber = value => /^\d+$/.test(value);

/* The types of data that the application names; one that is misspelt ends the test. */
const TYPES = {
	string: () => true,
	file: value => value.startsWith('/'),
	directory: value => value.startsWith('/'),
	hostname: value => /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/i.test(value),
	ipaddr: isAddress,
	cidr: value => /^[^/]+\/\d+$/.test(value) && isAddress(value.split('/')[0]),
	ipaddrport: value => /^(\[[^\]]+\]|[^:]+):\d+$/.test(value),
	port: value => isNumber(value) && Number(value) <= 65535
};

function isOfType(type, value) {
	const range = /^range\((\d+),(\d+)\)$/.exec(type);
	const either = /^or\((.*)\)$/.exec(type);
	const quoted = /^"(.*)"$/.exec(type);

	if (quoted)
		return value == quoted[1];

	if (range)
		return isNumber(value) && Number(value) >= Number(range[1]) && Number(value) <= Number(range[2]);

	if (either)
		return either[1].split(',').map(one => isOfType(one, value)).includes(true);

	const known = TYPES[type.replace(/\(1\)$/, '')];

	if (!known)
		throw new Error('there is no type of data ' + type);

	return known(value);
}

const OPTION = {
	__init__: function(section, name, title, description) {
		Object.assign(this, { section: section, name: name, title: title, description: description, keylist: [] });
	},

	value: function(value, title) {
		this.keylist.push([ value, title ?? value ]);
	},

	items: function(input) {
		return Array.from(input.querySelectorAll('input')).map(one => one.value.trim()).filter(value => value != '');
	},

	/* The widget with the value that holds. */
	widget: function(id) {
		const value = uci.get(id, this.name);
		const attributes = { 'id': 'cbid.%s.%s'.format(id, this.name), 'data-option': this.name };

		if (this.kind == 'Flag') {
			const box = E('input', Object.assign(attributes, { 'type': 'checkbox' }));

			box.checked = [ '1', 'on', 'true', 'yes', 'enabled' ].includes(value ?? this.default ?? '0');

			return box;
		}

		if (this.kind == 'ListValue') {
			const select = E('select', Object.assign(attributes, { 'class': 'cbi-input-select' }), this.keylist.map(([ value, title ]) =>
				E('option', { 'value': value }, [ title ])));

			select.value = value ?? this.default ?? '';

			return select;
		}

		if (this.kind == 'DynamicList') {
			const line = value => E('div', { 'class': 'item' }, [
				E('input', { 'type': 'text', 'value': value, 'placeholder': this.placeholder })
			]);
			const list = E('div', Object.assign(attributes, { 'class': 'cbi-dynlist' }), [
				...[].concat(value ?? []).map(line), line('')
			]);

			list.addEventListener('input', () => {
				if (list.lastChild.firstChild.value != '')
					list.append(line(''));
			});

			return list;
		}

		return E('input', Object.assign(attributes, {
			'type': 'text', 'class': 'cbi-input-text', 'value': value ?? '', 'placeholder': this.placeholder
		}));
	},

	render: function(id) {
		const widget = this.widget(id);
		const said = E('div', { 'class': 'cbi-error' });

		this.node = E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': widget.id }, [ this.title ]),
			E('div', { 'class': 'cbi-value-field' }, [
				widget, said,
				...(this.description ? [ E('div', { 'class': 'cbi-value-description' }, [ this.description ]) ] : [])
			])
		]);
		this.fields[id] = { widget: widget, said: said, node: this.node };
		widget.addEventListener('change', () => this.section.depend(id));

		return this.node;
	},

	formvalue: function(id) {
		const widget = this.fields[id].widget;

		if (this.kind == 'Flag')
			return widget.checked ? '1' : '0';

		return this.kind == 'DynamicList' ? this.items(widget) : widget.value.trim();
	},

	isShown: function(id) {
		return Object.entries(this.depends || {}).every(([ name, value ]) =>
			this.section.children.find(other => other.name == name).formvalue(id) == value);
	},

	check: function(id) {
		const field = this.fields[id];
		const value = this.formvalue(id);
		const values = [].concat(value);
		let reason = null;

		field.said.replaceChildren();
		field.widget.classList.remove('cbi-input-invalid');

		if (!this.isShown(id))
			return true;

		if (!this.optional && this.kind != 'Flag' && (value == '' || values.length == 0))
			reason = 'Expecting a value';

		for (const one of values)
			if (this.datatype && one != '' && !isOfType(this.datatype, one))
				reason = 'Expecting: ' + this.datatype;

		for (const one of values)
			if (this.validate && this.validate(id, one) !== true)
				reason = this.validate(id, one);

		if (reason) {
			field.widget.classList.add('cbi-input-invalid');
			field.said.append(reason);
		}

		return !reason;
	},

	write: function(id) {
		const value = this.formvalue(id);
		const isNothing = !this.isShown(id) || value == '' || value.length == 0 ||
			(this.kind == 'Flag' && value == (this.default ?? '0') && this.rmempty);
		const before = uci.get(id, this.name);

		if (isNothing)
			uci.unset(id, this.name);
		else if (JSON.stringify(before) != JSON.stringify(value))
			uci.set(id, this.name, value);
	}
};

const kinds = {};

for (const kind of [ 'Value', 'Flag', 'ListValue', 'DynamicList' ])
	kinds[kind] = Class.extend(Object.assign({ kind: kind }, OPTION));

const SECTION = {
	__init__: function(map, type, title, description) {
		Object.assign(this, { map: map, type: type, title: title, description: description, children: [], tabs: [] });
	},

	tab: function(name, title) {
		this.tabs.push([ name, title ]);
	},

	option: function(Kind, name, title, description) {
		const option = new Kind(this, name, title, description);

		option.fields = {};
		this.children.push(option);

		return option;
	},

	taboption: function(tab, ...args) {
		if (!this.tabs.find(([ name ]) => name == tab))
			throw new Error('there is no tab ' + tab);

		const option = this.option(...args);

		option.tab = tab;

		return option;
	},

	ids: function() {
		return uci.sections.filter(one => one['.type'] == this.type).map(one => one['.name']);
	},

	depend: function(id) {
		for (const option of this.children)
			if (option.fields[id])
				option.fields[id].node.classList.toggle('hidden', !option.isShown(id));
	},

	/* All options of one section, by tabs where there are any. */
	fields: function(id) {
		const panes = (this.tabs.length ? this.tabs : [ [ undefined, null ] ]).map(([ tab ]) =>
			E('div', { 'data-tab': tab }, this.children.filter(option => option.tab == tab).map(option => option.render(id))));
		const menu = E('ul', { 'class': 'cbi-tabmenu' });
		const choose = tab => {
			panes.forEach(pane => { pane.hidden = pane.dataset.tab != tab; });
			Array.from(menu.children).forEach(item => item.classList.toggle('cbi-tab', item.dataset.tab == tab));
		};

		for (const [ tab, title ] of this.tabs)
			menu.append(E('li', { 'data-tab': tab }, [ E('a', { 'click': () => choose(tab) }, [ title ]) ]));

		if (this.tabs.length)
			choose(this.tabs[0][0]);

		this.depend(id);

		return E('div', {}, this.tabs.length ? [ menu, ...panes ] : panes);
	},

	render: function() {
		this.node = E('div', { 'class': 'cbi-section', 'data-type': this.type });
		this.redraw();

		return this.node;
	},

	redraw: function() {
		this.children.forEach(option => { option.fields = {}; });
		dom.content(this.node, [
			...(this.title ? [ E('h3', {}, [ this.title ]) ] : []),
			...(this.description ? [ E('div', { 'class': 'cbi-section-descr' }, [ this.description ]) ] : []),
			...this.body()
		]);
	},

	body: function() {
		return this.ids().map(id => this.fields(id));
	}
};

const GRID = Object.assign({}, SECTION, {
	body: function() {
		const shown = this.children.filter(option => !option.modalonly);
		const button = (kind, title, click) => E('button', { 'class': 'btn cbi-button cbi-button-' + kind, 'click': click }, [ title ]);
		const rows = this.ids().map(id => E('tr', { 'class': 'tr' }, [
			...(this.anonymous ? [] : [ E('td', { 'class': 'td', 'data-title': 'Name' }, [ id ]) ]),
			...shown.map(option => E('td', { 'class': 'td', 'data-title': option.title }, [
				[].concat(uci.get(id, option.name) ?? '-').join(', ')
			])),
			E('td', { 'class': 'td' }, [
				button('edit', 'Edit', () => this.edit(id)), ' ',
				button('remove', 'Delete', () => { uci.remove(id); this.redraw(); })
			])
		]));
		const name = E('input', { 'type': 'text', 'class': 'cbi-section-create-name' });

		return [
			E('table', { 'class': 'table' }, [
				E('tr', { 'class': 'tr table-titles' }, [
					...(this.anonymous ? [] : [ E('th', { 'class': 'th' }, [ 'Name' ]) ]),
					...shown.map(option => E('th', { 'class': 'th' }, [ option.title ])), E('th', { 'class': 'th' })
				]),
				...rows
			]),
			...(this.addremove ? [ E('div', { 'class': 'cbi-section-create' }, [
				...(this.anonymous ? [] : [ name, ' ' ]),
				button('add', 'Add', () => this.edit(uci.add(this.type, this.anonymous ? undefined : name.value)))
			]) ] : [])
		];
	},

	edit: function(id) {
		ui.showModal([ this.title ], [
			this.fields(id),
			E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn cbi-button-save', 'click': () => {
				if (this.children.map(option => option.check(id)).includes(false))
					return;

				this.children.forEach(option => option.write(id));
				ui.hideModal();
				this.redraw();
			} }, [ 'Save' ]) ])
		]);
	}
});

const sections = { TypedSection: Class.extend(SECTION), GridSection: Class.extend(GRID) };

modules.form = Object.assign({}, kinds, sections, {
	Map: Class.extend({
		__init__: function(config, title, description) {
			Object.assign(this, { config: config, title: title, description: description, children: [] });
			L.map = this;
		},

		section: function(Kind, type, title, description) {
			const section = new Kind(this, type, title, description);

			this.children.push(section);

			return section;
		},

		render: async function() {
			await uci.load(this.config);

			return E('div', { 'class': 'cbi-map' }, [
				E('h2', {}, [ this.title ]), E('div', { 'class': 'cbi-map-descr' }, [ this.description ]),
				...this.children.map(section => section.render())
			]);
		},

		/* Whether everything is as it must be, and so was written. */
		save: async function() {
			const open = [];

			for (const section of this.children)
				for (const option of section.children)
					for (const id in option.fields)
						open.push([ option, id ]);

			if (open.map(([ option, id ]) => option.check(id)).includes(false))
				return false;

			for (const [ option, id ] of open)
				option.write(id);

			await uci.save();

			return true;
		}
	})
});

/* ---- view ---- */

modules.view = Class.extend({
	load: () => null,

	show: null,

	handleSaveApply: async function() {
		if (await L.map.save())
			ui.addNotification(null, E('p', {}, [ 'Configuration has been applied.' ]), 'notice');
	},

	handleSave: () => null,
	handleReset: () => null,

	/* As the real one does when it is made: load, render, and the buttons below unless they are null. */
	__init__: function() {
		const place = document.getElementById('view');

		L.shown = Promise.resolve().then(() => this.load()).then(data => this.render(data)).then(nodes => {
			dom.content(place, [].concat(nodes));

			if (this.handleSaveApply)
				place.append(E('div', { 'class': 'cbi-page-actions' }, [
					E('button', { 'class': 'btn cbi-button cbi-button-apply', 'click': () => this.handleSaveApply() }, [ 'Save & Apply' ])
				]));
		});
	}
});

/* ---- what tests use ---- */

/* Resolves when `wanted` says something true; looks whenever the page changes. What never comes must not be waited for. */
L.until = function(wanted) {
	return new Promise((resolve, reject) => {
		setTimeout(() => reject(new Error('this page has it not:\n' + document.body.innerText)), 20000);

		const look = () => {
			const found = wanted();

			if (found) {
				watcher.disconnect();
				resolve(found);
			}
		};
		const watcher = new MutationObserver(look);

		watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		look();
	});
};

/* The button with these words, in the dialogue if one is open. */
L.button = function(words) {
	const scope = overlay().hidden ? document : overlay();
	const found = Array.from(scope.querySelectorAll('button')).find(one => one.textContent == words);

	if (!found)
		throw new Error('no button ' + words + ' in ' + scope.textContent);

	return found;
};

L.open = async function(view, language, session) {
	L.env.session = session;

	if (language != 'en') {
		const answer = await fetch('/po/%s/hearthdns.po'.format(language));

		catalogue = readPo(await answer.text());
		document.documentElement.lang = language;
	}

	const menu = await (await fetch('/menu.json')).json();

	for (const path in menu)
		if (menu[path].action.type == 'view')
			document.getElementById('menu').append(E('a', { 'class': menu[path].action.path == view ? 'active' : '' }, [ _(menu[path].title) ]));

	await load('view.' + view.replace(/\//g, '.'));
	await L.shown;
};

})();
