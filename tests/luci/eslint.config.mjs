// How eslint reads the pages for LuCI: as LuCI's loader does, which makes a function of each file. Its words are known, and
// those that the file's own `'require …'` lines bring.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// eslint lies in a folder of its own, which calls this.
const js = createRequire(path.join(process.env.ESLINT_HOME, 'index.js'))('@eslint/js');

const pages = fileURLToPath(new URL('../../packaging/openwrt/luci-app-hearthdns/htdocs', import.meta.url));
// L: the loader; E: makes an element; _ and N_: translate; the rest is of browsers.
const everywhere = [ 'L', 'E', '_', 'N_', 'window', 'document', 'location', 'setTimeout', 'clearTimeout', 'URL', 'Blob', 'navigator' ];

function required(file) {
	const lines = fs.readFileSync(file, 'utf8').matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm);

	return [ ...lines ].map(([ , name, as ]) => as ?? name.replaceAll(/\W/g, '_'));
}

export default fs.readdirSync(pages, { recursive: true }).filter((name) => name.endsWith('.js')).map((name) => {
	const known = [ ...everywhere, ...required(path.join(pages, name)) ];

	return {
		files: [ `**/${name}` ],
		languageOptions: {
			ecmaVersion: 2020,
			sourceType: 'script',
			parserOptions: { ecmaFeatures: { globalReturn: true } },
			globals: Object.fromEntries(known.map((word) => [ word, 'readonly' ])),
		},
		linterOptions: { reportUnusedDisableDirectives: 'error' },
		rules: {
			...js.configs.recommended.rules,
			'consistent-return': 'error',
			'eqeqeq': [ 'error', 'always', { null: 'ignore' } ],
			'indent': [ 'error', 'tab', { SwitchCase: 1 } ],
			'no-console': 'error',
			'no-eval': 'error',
			'no-implied-eval': 'error',
			'no-shadow': 'error',
			'no-var': 'error',
			'prefer-const': 'error',
			'semi': [ 'error', 'always' ],
			'strict': [ 'error', 'global' ],
		},
	};
});
