// How node reads URLs: a JSON array of strings in, a JSON array out: for each
// [scheme, host, port, path, query], or null where it refuses.
'use strict';
const standard = { 'http:': 80, 'https:': 443, 'ws:': 80, 'wss:': 443 };

function judge(text) {
	try {
		const url = new URL(text);
		return [url.protocol.slice(0, -1), url.hostname, url.port === '' ? standard[url.protocol] || 0 : Number(url.port),
			url.pathname, url.search.slice(1)];
	} catch (error) {
		return null;
	}
}

process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8')).map(judge)));
