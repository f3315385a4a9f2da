// A URL allowlist as agents in JavaScript have it: new URL() and a Set of host names,
// asked for the host and each parent domain.
//   node allow.js NUMBER_OF_HOSTS < URLS      prints nanoseconds a decision, a parse, and how many were allowed
const urls = require('fs').readFileSync(0, 'utf8').trim().split('\n');
const exact = new Set(), trees = new Set();
for (let i = 1; i <= Number(process.argv[2]); i++) (i % 2 ? exact : trees).add(`h${i}.example.com`);

function allowed(text) {
  let url;
  try { url = new URL(text); } catch { return false; }
  if (url.protocol !== 'https:') return false;
  if (exact.has(url.hostname)) return true;
  for (let host = url.hostname; ; ) {
    if (trees.has(host)) return true;
    const dot = host.indexOf('.');
    if (dot < 0) return false;
    host = host.slice(dot + 1);
  }
}

function measure(ask) {
  let yes = 0, asked = 0;
  for (const url of urls) yes += ask(url);
  const start = process.hrtime.bigint();
  let took;
  do {
    for (const url of urls) ask(url);
    asked += urls.length;
    took = Number(process.hrtime.bigint() - start);
  } while (took < 3e8);
  return [took / asked, yes / urls.length];
}

const [decision, share] = measure(allowed);
const [parse] = measure(url => new URL(url).hostname.length > 0);
console.log(decision, parse, share);
