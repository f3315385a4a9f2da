-- What the log keeps of arguments and results: record, log_args, redact.
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SET agentcore.audit = 'all';
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS allows, agent_set('a', 'p');
SELECT model_price_set('m', 1, 1);
SHOW agentcore.record;

CREATE FUNCTION kept() RETURNS TABLE (tool text, event text, verdict text, args jsonb, digest boolean, result jsonb, context_args jsonb, detail text)
LANGUAGE sql BEGIN ATOMIC
  SELECT l.tool, l.event, l.verdict, l.args, l.args_digest IS NOT NULL, l.result, l.context -> 'args', l.detail FROM call_log l ORDER BY l.id;
END;
CREATE FUNCTION made(tool text, args jsonb, result jsonb DEFAULT '{"x": 1, "y": [2]}') RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(call_commit(call_id, made.result), verdict || ' ' || reason) FROM call_begin('a', made.tool, made.args) $$;

-- each level, by the tool and by the setting; a tool's own word counts before it
SELECT tool_set(n, '{}', record => nullif(n, 'unset'), log_args => '{/a}') FROM unnest('{none,digest,args,all,unset}'::text[]) n;
SELECT made(n, '{"a": 1, "b": 2}') FROM unnest('{none,digest,args,all,unset}'::text[]) n;
SELECT tool, event, args, digest, result, context_args FROM kept();
TRUNCATE call_log_entry;
SET agentcore.record = 'none';
SELECT made('unset', '{"a": 1, "b": 2}'), made('digest', '{"a": 1, "b": 2}');
SELECT llm_commit(call_id, tokens => 1, result => '"said"') FROM llm_begin('a', 'm', 1, 1);
SET agentcore.record = 'all';
SELECT made('unset', '{"a": 1, "b": 2}'), made('none', '{"a": 1, "b": 2}');
SELECT llm_commit(call_id, tokens => 1, result => '"said"') FROM llm_begin('a', 'm', 1, 1);
SELECT tool, event, args, digest, result, context_args FROM kept();
SET agentcore.record = 'nothing';

-- digests: of equal arguments, whatever their order and spelling, of one tenant
TRUNCATE call_log_entry;
SELECT policy_set('p', tenant => 't'), policy_allow_tool('p', '*', tenant => 't') > 0 AS allows, agent_set('a', 'p', tenant => 't'), tool_set('all', '{}', tenant => 't');
SELECT made('all', v::jsonb) FROM unnest('{"{\"a\": 1.0, \"b\": 2}","{\"b\": 2, \"a\": 1}","{\"b\": 2, \"a\": 3}"}'::text[]) v;
SELECT verdict FROM call_begin('a', 'all', args_text => '{"b":2,"a":1}');
SELECT verdict FROM call_begin('a', 'all', '{"a": 1, "b": 2}', tenant => 't');
SELECT DENSE_RANK() OVER (ORDER BY first) AS same, n FROM (SELECT args_digest, min(id) AS first, count(*) AS n FROM call_log WHERE event = 'begin' GROUP BY 1) d;
SELECT count(*) AS computed FROM call_log WHERE args_digest IN (sha256('{"a":1,"b":2}'), cache_key('all', '{"a":1,"b":2}'));

-- redact: wins over everything; the mark says nothing of the value
TRUNCATE call_log_entry;
SELECT tool_set('pay', '{}', record => 'all', log_args => '{/card,/list/*/pin,/open}', redact => '{/card/number,/list/*/pin,/args/only,/result/token,/a~1b,/deep/0/x}');
SELECT made('pay', v::jsonb, '{"token": "secret", "only": "shown", "card": {"number": "secret"}}') FROM unnest(ARRAY[
  '{"card": {"number": "secret", "name": "n"}, "open": 1, "only": "secret", "a/b": ["secret"]}',
  '{"card": {"number": {"secret": "secret"}}, "list": [{"pin": "secret", "n": 1}, {"n": 2}, "secret", ["secret"]]}',
  '{"card": "{\"number\": \"secret\"}", "list": "secret", "deep": "secret"}',
  '{"card": ["secret"], "list": {"k": {"pin": "secret", "n": 1}}, "deep": [{"x": "secret"}, {"x": "shown"}]}',
  '{"card": null, "list": [], "token": "shown", "deep": {"0": {"x": "secret"}, "1": 1}}',
  '{"args": {"only": "secret"}}']) v;
SELECT args, result, context_args FROM kept();
SELECT bool_or(l::text LIKE '%secret%') AS leaks FROM call_log l;
SELECT made('pay', '["secret"]', '["secret"]'), made('pay', '"secret"', '"secret"'), made('pay', '{}', 'null');
SELECT bool_or(l::text LIKE '%secret%') AS leaks FROM call_log l;
-- all of it
SELECT tool_set('pay', redact => '{""}');
TRUNCATE call_log_entry;
SELECT made('pay', '{"card": "secret"}', '{"x": "secret"}');
SELECT args, result, context_args FROM kept();

-- what refuses a call may quote its arguments: not where some are redacted
TRUNCATE call_log_entry;
SELECT tool_set('get', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}, "additionalProperties": false}', record => 'args', redact => '{/url}');
SELECT policy_allow('p', 'example.com') > 0 AS allows;
SELECT verdict, reason FROM call_begin('a', 'get', '{"url": "https://secret.example.org/secret"}');
SELECT verdict, reason FROM call_begin('a', 'get', '{"url": "secret:"}');
SELECT verdict, reason FROM call_begin('a', 'get', '{"url": 1, "secret": 2}');
SELECT verdict, reason, stage, args, detail FROM call_log ORDER BY id;

-- refused before the arguments were judged: as they were sent; of a tool that nobody knows no arguments
TRUNCATE call_log_entry;
SELECT policy_deny_tool('p', 'args') > 0 AS denies, policy_deny_tool('p', 'pay') > 0 AS denies;
SET agentcore.record = 'all';
SELECT verdict, reason FROM call_begin('a', 'args', args_text => '{"a": 1, "b": 2}');
SELECT verdict, reason FROM call_begin('a', 'args', args_text => 'secret');
SELECT verdict, reason FROM call_begin('a', 'pay', args_text => '{"card": "secret"}');
SELECT verdict, reason FROM call_begin('a', 'nobody', '{"a": "secret"}');
SELECT verdict, reason FROM call_begin('a', 'all', args_text => '{"a": secret');
SELECT verdict, reason FROM call_begin('a', 'all', jsonb_build_object('a', repeat('secret', 1000000)));
SELECT verdict, reason FROM call_begin('a', 'all', args_text => repeat('[', 5000) || repeat(']', 5000));
SELECT tool, verdict, args, digest, context_args FROM kept();

-- a result that was dropped, one that came twice, and one of a tool that is gone
TRUNCATE call_log_entry;
SELECT call_commit(call_id, jsonb_build_object('x', repeat('secret', 1000000))) FROM call_begin('a', 'all', '{}');
SELECT call_id AS twice FROM call_begin('a', 'all', '{"n": 1}', key => 'k') \gset
SELECT call_commit(:'twice', '{"first": 1}');
SELECT call_commit(:'twice', '{"second": 2}');
SELECT call_id AS gone FROM call_begin('a', 'unset', '{"n": 1}') \gset
SELECT tool_drop('unset');
SELECT call_commit(:'gone', '{"secret": 1}');
SELECT tool, verdict, result FROM kept() WHERE event = 'commit';

-- what a settlement was charged
TRUNCATE call_log_entry;
SELECT call_commit(call_id, tokens => 5, usd => 0.5) FROM call_begin('a', 'all', '{"n": 1}', est_tokens => 7, est_usd => 1);
SELECT call_commit(call_id) FROM call_begin('a', 'all', '{"n": 1}', est_tokens => 7, est_usd => 1);
SELECT call_release(call_id) FROM call_begin('a', 'all', '{"n": 2}', est_tokens => 7, est_usd => 1);
SELECT call_id AS again FROM call_begin('a', 'all', '{"n": 1}', est_tokens => 7, est_usd => 1) \gset
SELECT action FROM call_fail(:'again', 503, tokens => 2);
SELECT call_commit(:'again', tokens => 3);
SELECT call_commit(:'again', tokens => 3), call_commit(:'again', tokens => 4), call_release(:'again');
SELECT action, reason FROM call_fail(:'again', 503, tokens => 9);
SELECT event, verdict, tokens, usd FROM call_log ORDER BY id;

-- those who may not see arguments see none of it
CREATE ROLE regress_record_reader;
SELECT access_grant('regress_record_reader', 'reader', '{""}');
SELECT made('digest', '{"a": 1}');
SELECT count(args_digest) > 0 AS digests FROM call_log;
SET ROLE regress_record_reader;
SELECT count(*) > 0 AS rows, count(args) + count(result) + count(context) + count(args_digest) AS seen FROM call_log;
SET agentcore.record = 'none';
RESET ROLE;
SELECT access_revoke('regress_record_reader');
DROP OWNED BY regress_record_reader;
DROP ROLE regress_record_reader;
DROP FUNCTION kept(), made(text, jsonb, jsonb);
