// The two libraries for Node, written for this comparison from what their authors publish
// of them, and the authors' own sources where SEEDS=DIR holds clones of their repositories.
//   node old_ways.js TIMES < {"args": ..., "urls": [...], "hostile": [...]}
// prints {NAME: {ns: nanoseconds per question, passed: of the hostile URLs}}.
const fs = require('fs'), path = require('path'), { pathToFileURL } = require('url');

// agentvet: a flat object of types, '?' for optional
function shape(spec) {
  const fields = Object.entries(spec).map(([name, type]) => [name, type.replace('?', ''), type.endsWith('?')]);
  return args => {
    if (typeof args !== 'object' || args === null || Array.isArray(args)) return { valid: false, error: 'must be an object' };
    for (const [name, type, optional] of fields) {
      const value = args[name];
      if (value === undefined) { if (optional) continue; return { valid: false, error: `${name}: missing` }; }
      const found = Array.isArray(value) ? 'array' : typeof value;
      if (found !== type) return { valid: false, error: `${name}: expected ${type}, got ${found}` };
    }
    return { valid: true, value: args };
  };
}

// agentguard: hosts, exact or *.domain or *; deny before allow; methods
const matches = (host, pattern) => pattern === '*' || host === pattern
  || pattern.startsWith('*.') && (host === pattern.slice(2) || host.endsWith(pattern.slice(1)));
function check(policy, text, method = 'GET') {
  let url;
  try { url = new URL(text); } catch { return { action: 'deny', reason: 'invalid_url' }; }
  if (policy.methods && !policy.methods.includes(method)) return { action: 'deny', reason: 'method_blocked' };
  const host = url.hostname.toLowerCase();
  if (policy.deny.some(pattern => matches(host, pattern))) return { action: 'deny', reason: 'denylist_match' };
  return policy.allow.some(pattern => matches(host, pattern)) ? { action: 'allow' } : { action: 'deny', reason: 'not_in_allowlist' };
}

function nanoseconds(ask, times) {
  for (let i = 0; i < Math.min(times, 10000); i++) ask(i);
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) ask(i);
  return Number(process.hrtime.bigint() - start) / times;
}

const SHAPE = { query: 'string', top_k: 'number', since: 'string?', mode: 'string?' };
const NARROW = { allow: ['*.example.com'], deny: [], methods: ['GET', 'POST'] };

async function main() {
  const times = Number(process.argv[2]), input = JSON.parse(fs.readFileSync(0, 'utf8')), found = {};
  const wide = { allow: ['*'], deny: input.denied, methods: ['GET', 'POST'] };
  const guard = (name, judge, narrow, all) => {
    found[name] = { ns: nanoseconds(i => judge(narrow, input.urls[i % input.urls.length]), times),
      passed: input.hostile.filter(url => judge(all, url).action === 'allow').length };
  };
  const judge = shape(SHAPE);
  found['agentvet, written for this'] = { ns: nanoseconds(() => judge(input.args), times) };
  found['agentvet, written for this, with JSON.parse'] = { ns: nanoseconds(() => judge(JSON.parse(input.text)), times) };
  guard('agentguard, written for this', check, NARROW, wide);
  const own = name => path.join(process.env.SEEDS || '', name, 'src', 'index.js');
  if (process.env.SEEDS && fs.existsSync(own('agentvet'))) {
    const { adapters, validate } = await import(pathToFileURL(own('agentvet')));
    const theirs = adapters.shape(SHAPE);
    found["agentvet, its authors' source"] = { ns: nanoseconds(() => validate('search', theirs, input.args), times) };
  }
  if (process.env.SEEDS && fs.existsSync(own('agentguard'))) {
    const theirs = await import(pathToFileURL(own('agentguard'))), make = spec => theirs.policy({ network: spec });
    guard("agentguard, its authors' source", theirs.check, make(NARROW), make(wide));
  }
  console.log(JSON.stringify(found));
}
main();
