-- policy_suggest(): the narrowest rules that allow what an agent has done.
\i sql/lib/refused.sql
\pset format unaligned
\pset tuples_only on
SELECT agentcore.policy_set('wide', schemes => '{http,https}'), agentcore.policy_allow('wide', '*') > 0, agentcore.policy_allow('wide', '10.0.0.0/8') > 0, agentcore.policy_allow('wide', '169.254.169.254') > 0,
       agentcore.policy_deny('wide', 'tracker.example.org') > 0, agentcore.policy_allow_tool('wide', '*') > 0, agentcore.policy_deny_tool('wide', 'drop/*') > 0,
       agentcore.policy_ask_tool('wide', 'refund', name => 'dear', "when" => '{"/args/amount": {"minimum": 1000}}') > 0,
       agentcore.policy_limit_tool('wide', 'refund', 'daily', per => '{/agent}', max_calls => 100, period => '1 day');
SELECT agentcore.tool_set('refund', '{"type": "object", "properties": {"amount": {"type": "number"}, "currency": {"type": ["string", "null"]}, "memo": {"type": "string"}, "fast": {"type": "boolean"}, "bcc": {"type": ["string", "null"]}, "card": {"type": "string"}, "copies": {"type": "array"},
         "to": {"type": "array", "items": {"type": "string"}}, "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}, "a/b": {"type": "integer"}}}}}, "required": ["amount"]}', redact => '{/card}'),
       agentcore.tool_set('fetch', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}, "method": {"type": "string"}}, "required": ["url"]}'),
       agentcore.tool_set('ping', '{"type": "object", "properties": {"host": {"type": "string", "format": "hostname"}}}'),
       agentcore.tool_set('put', '{"type": "object", "properties": {"link": {"type": "string"}}}', http_method => 'PUT'),
       agentcore.tool_set('note', '{"type": "object", "properties": {"text": {"type": "string"}}}'), agentcore.tool_set('free', '{}'), agentcore.tool_set('dark', '{"type": "object"}'), agentcore.tool_set('drop/it', '{}');
SELECT agentcore.agent_set('bot', 'wide'), agentcore.agent_set('other', 'wide');
-- the log, as calls would have written it
CREATE FUNCTION called(tool text, args jsonb, n int DEFAULT 1, verdict text DEFAULT 'run', reason text DEFAULT NULL, enforced boolean DEFAULT true, agent text DEFAULT 'bot', attempts int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
  INSERT INTO agentcore.call_log_entry (tenant, at, event, agent, tool, verdict, reason, enforced, call_id, role, attempt, args)
  SELECT '', '2026-01-01 12:00 UTC'::timestamptz + l.n * interval '1 minute', 'begin', agent, tool, verdict, reason, enforced, CASE verdict WHEN 'run' THEN format('00000000-0000-0000-0000-%s', lpad((l.n + i)::text, 12, '0'))::uuid END, 'worker', a, args
    FROM generate_series(1, n) i, generate_series(1, attempts) a, (SELECT count(*) AS n FROM agentcore.call_log_entry) l
$$;
CREATE FUNCTION called_all(tool text, VARIADIC arguments jsonb[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. cardinality(arguments) LOOP PERFORM called(tool, arguments[i]); END LOOP;
END $$;
CREATE VIEW rules AS SELECT list, rule, calls, note FROM agentcore.policy_suggest_rules('bot', '2026-01-01');
SELECT called('drop/it', '{}', verdict => 'deny', reason => 'denylist_match');
-- nothing was done, so nothing is allowed; the rest of the policy stays
SELECT * FROM rules;
SELECT agentcore.policy_suggest('bot', '2026-01-01') -> 'agents', (agentcore.policy_suggest('bot', '2026-01-01') #> '{policies,0}') - '{tz,facts,checks,strict_urls}'::text[];
-- ranges, enumerations, texts, lists, members that were not given, one that is not in the log
SELECT called_all('refund', '{"amount": 10, "currency": "EUR", "memo": "a", "fast": true, "to": ["x", "y"], "card": "[redacted]"}', '{"amount": 99.5, "currency": "USD", "memo": "b", "fast": true, "to": [], "lines": [{"sku": "s", "a/b": 1}, {"sku": "s", "a/b": 7}]}',
                  '{"amount": 20, "currency": "EUR", "memo": "c", "fast": true}', '{"amount": 30, "currency": null, "memo": "d", "fast": true}');
SELECT jsonb_pretty(rule), calls, note FROM rules;
SELECT rule #> '{when,/args/memo}', note FROM agentcore.policy_suggest_rules('bot', '2026-01-01', max_values => 3);
-- what redact names, and what the log left out in its place; the mark anywhere else is a text
SELECT agentcore.tool_set('hide', '{"type": "object", "properties": {"a": {}, "b": {}, "c": {"type": "string"}, "d": {"type": "string"}}}', redact => '{/a/b,/l/*/x,/d}');
SELECT called_all('hide', '{"a": "[redacted]", "l": [{"x": "[redacted]", "y": 1}], "c": "[redacted]"}', '{"a": {"b": "[redacted]", "z": 2}, "b": "p", "c": "q"}');
SELECT rule -> 'when', note FROM rules WHERE rule ->> 'tool' = 'hide';
DELETE FROM agentcore.call_log_entry WHERE tool = 'hide';
SELECT agentcore.tool_drop('hide');
-- what lies behind less than two calls does not count
SELECT rule -> 'when', note FROM agentcore.policy_suggest_rules('bot', '2026-01-01', min_calls => 2);
SELECT rule, note FROM agentcore.policy_suggest_rules('bot', '2026-01-01', min_calls => 5);
-- what was never given and cannot be kept out is said
BEGIN;
SELECT agentcore.tool_set('bare', '{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}, "c/d": {"type": "object"}, "e": {}, "f": {"type": "boolean"}}}'), called('bare', '{"b": true}');
SELECT rule -> 'when', note FROM agentcore.policy_suggest_rules('bot', '2026-01-01') WHERE rule ->> 'tool' = 'bare';
ROLLBACK;
-- values of several types; an open schema; arguments that were not recorded
SELECT called_all('free', '{"a": 1, "b": {"c": "x"}, "m": {"n": 1}}', '{"a": "1", "b": {"c": "y"}, "m": "text"}'), called('dark', NULL, 2), called('dark', '{"x": 1}');
SELECT * FROM rules WHERE rule ->> 'tool' IN ('free', 'dark');
-- refused, audited and made by others; another attempt is the same call
SELECT called('note', '{"text": "no"}', verdict => 'deny', reason => 'not_in_allowlist'), called('note', '{"text": "wait"}', verdict => 'wait', reason => 'in_progress'),
       called('note', '{"text": "bad"}', reason => 'denylist_match', enforced => false), called('note', '{"text": "wrong"}', reason => 'invalid_args', enforced => false),
       called('note', '{"text": "new"}', reason => 'not_in_allowlist', enforced => false), called('note', '{"text": "kept"}', verdict => 'cached'),
       called('note', '{"text": "theirs"}', agent => 'other'), called('note', '{"text": "again"}', attempts => 3);
SELECT * FROM rules WHERE rule ->> 'tool' = 'note';
-- addresses
SELECT called_all('fetch', '{"url": "https://api.example.com/v1/items/1"}', '{"url": "https://api.example.com/v1/items/2?q=1"}', '{"url": "https://api.example.com/v2/"}', '{"url": "https://api.example.com/v1/items/1", "method": "DELETE"}',
                  '{"url": "http://www.example.com:8080/a/%2e%2e/b"}', '{"url": "https://www.example.com/a;b/c"}', '{"url": "https://[2600:1f18::1]/x"}',
                  '{"url": "http://10.0.0.1/admin"}', '{"url": "http://169.254.169.254/latest/meta-data"}', '{"url": "https://intranet/"}', '{"url": "https://a.10-0-0-1.nip.io/"}'),
       called_all('ping', '{"host": "db.example.com"}', '{"host": "192.168.0.1"}', '{"host": "api.example.com"}'), called('put', '{"link": "https://files.example.com/in/a.txt"}', 2),
       called('fetch', '{"url": "https://evil.example.net/"}', verdict => 'deny', reason => 'not_in_allowlist');
SELECT rule, calls, note FROM rules WHERE list = 'allow';
SELECT agentcore.policy_suggest('bot', '2026-01-01') #> '{policies,0,schemes}';
SELECT rule, calls, note FROM agentcore.policy_suggest_rules('bot', '2026-01-01', suffixes => '{*.example.com}') WHERE list = 'allow' AND rule ->> 'pattern' ~ 'example';
SELECT rule, calls FROM agentcore.policy_suggest_rules('bot', '2026-01-01', max_values => 1) WHERE rule ->> 'pattern' = 'api.example.com';
SELECT rule, calls FROM agentcore.policy_suggest_rules('bot', '2026-01-01', min_calls => 2) WHERE list = 'allow' AND rule IS NOT NULL;
-- the document is taken as it is, in a fresh policy
\set VERBOSITY terse
SELECT * FROM agentcore.config_apply(agentcore.policy_suggest('bot', '2026-01-01', policy => 'narrow'), dry_run => true);
SET client_min_messages = warning;
SELECT * FROM agentcore.config_apply(agentcore.policy_suggest('bot', '2026-01-01', policy => 'narrow'));
-- what was done is allowed, but for what is never suggested
SELECT l.id - min(l.id) OVER () AS n, l.tool, c.verdict, c.reason, c.detail FROM agentcore.call_log_entry l, agentcore.call_begin('bot', l.tool, l.args) c
 WHERE l.agent = 'bot' AND l.verdict IN ('run', 'cached') AND l.enforced AND c.verdict <> 'run' ORDER BY l.id;
-- so says a replay: only what is never suggested, and what an audit let pass, is newly denied
SELECT tool, before_verdict, after_verdict, after_reason, unknown, count(*) FROM agentcore.call_replay('2026-01-01', '2026-01-02') WHERE agent = 'bot' AND changed IS DISTINCT FROM false GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5;
-- what was not is denied
SELECT d.tool, d.args, c.verdict, c.reason FROM (VALUES ('refund', '{"amount": 9.99, "currency": "EUR", "memo": "a", "fast": true}'::jsonb), ('refund', '{"amount": 10, "currency": "GBP", "memo": "a", "fast": true}'), ('refund', '{"amount": 10, "memo": "z", "fast": true}'),
   ('refund', '{"amount": 10, "memo": "a", "fast": false}'), ('refund', '{"amount": 10, "memo": "a", "fast": true, "bcc": "me"}'), ('refund', '{"amount": 10, "memo": "a", "fast": true, "copies": [1]}'), ('refund', '{"amount": 10, "memo": "a", "fast": true, "to": ["x", "z"]}'),
   ('refund', '{"amount": 10, "memo": "a", "fast": true, "lines": [{"sku": "s", "a/b": 8}]}'), ('refund', '{"amount": 10, "memo": "a"}'), ('note', '{"text": "no"}'), ('drop/it', '{}'), ('fetch', '{"url": "https://api.example.com/v1/users"}'), ('fetch', '{"url": "https://api.example.com/v2/", "method": "POST"}'),
   ('fetch', '{"url": "https://evil.example.net/"}'), ('fetch', '{"url": "http://api.example.com/v1/items/1"}'), ('ping', '{"host": "db2.example.com"}')) d (tool, args), agentcore.call_begin('bot', d.tool, d.args) c;
RESET client_min_messages;
-- a suffix of strangers, and arguments that say nothing
SELECT pg_temp.refused(s) FROM unnest(ARRAY[$$SELECT agentcore.policy_suggest('bot', '2026-01-01', suffixes => '{*.com}')$$, $$SELECT agentcore.policy_suggest('bot', '2026-01-01', suffixes => '{*.github.io}')$$, $$SELECT agentcore.policy_suggest('bot', NULL)$$,
  $$SELECT agentcore.policy_suggest(NULL, '2026-01-01')$$, $$SELECT agentcore.policy_suggest('bott', '2026-01-01')$$, $$SELECT agentcore.policy_suggest('bot', '2026-01-01', min_calls => 0)$$, $$SELECT agentcore.policy_suggest('bot', '2026-01-01', max_values => -1)$$,
  $$SELECT agentcore.policy_suggest('bot', '2026-01-01', min_calls => NULL)$$]) s;
-- until
SELECT count(*) FROM agentcore.policy_suggest_rules('bot', '2026-01-01', until => '2026-01-01 12:03 UTC');
-- a long name of an agent makes no longer name of a policy
SELECT agentcore.agent_set(repeat('ä', 127), 'wide'), octet_length(agentcore.policy_suggest(repeat('ä', 127), '2026-01-01') #>> '{policies,0,name}');
