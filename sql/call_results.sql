-- A settlement is never lost: whatever its result, its error or its usage is, the call
-- is ended and charged, and its row says what was dropped or repaired.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
-- each call is begun and ended in one statement here
SET agentcore.budget_guard = off;
SET search_path = agentcore, pg_catalog;
SELECT budget_set('b', max_usd => 1000), policy_set('p'), policy_allow_tool('p', '*') > 0 AS allowed, agent_set('a', 'p', 'b');
SELECT tool_set('t', '{"type": "object"}', est_usd => 1), model_price_set('m', 0.001, 0.002);
CREATE FUNCTION public.started(k text) RETURNS uuid LANGUAGE sql AS $$ SELECT call_id FROM agentcore.call_begin('a', 't', jsonb_build_object('k', k), key => k) $$;
CREATE FUNCTION public.again(k text, OUT verdict text, OUT result text, OUT detail text) LANGUAGE sql AS $$
  SELECT v.verdict, left(v.result::text, 60), v.detail FROM agentcore.call_begin('a', 't', jsonb_build_object('k', k), key => k) v $$;
CREATE FUNCTION public.kept(k text, OUT state text, OUT charged_usd numeric, OUT result_kept boolean, OUT result_note text) LANGUAGE sql AS $$
  SELECT state, charged_usd, result_kept, result_note FROM agentcore.permits WHERE key = k ORDER BY created_at DESC LIMIT 1 $$;

-- Too large: dropped, by either way
SELECT call_commit(public.started('large'), to_jsonb(repeat('x', 5000000)), usd => 0.5);
SELECT * FROM public.kept('large');
SELECT * FROM public.again('large');
SELECT call_commit(public.started('large text'), result_text => repeat('x', 5000000));
SELECT * FROM public.kept('large text');
SET agentcore.max_args_size = '1 kB';
SELECT call_commit(public.started('small'), to_jsonb(repeat('x', 990)));
SELECT call_commit(public.started('too small'), to_jsonb(repeat('x', 1040)));
SELECT * FROM public.kept('small');
RESET agentcore.max_args_size;
-- the result that fits counts where both are given
SELECT call_commit(public.started('both'), '{"n": 1}', result_text => '{"n": 2}');
SELECT * FROM public.kept('both');
SELECT call_commit(public.started('either'), to_jsonb(repeat('x', 5000000)), result_text => '{"n": 2}');
SELECT * FROM public.again('either');
-- given and kept, and not given
SELECT call_commit(public.started('whole'), '{"n": 1}');
SELECT * FROM public.kept('whole');
SELECT call_commit(public.started('none'));
SELECT * FROM public.kept('none');
SELECT * FROM public.again('none');

-- Text: JSON as JSON, with what jsonb cannot hold repaired; all else as a string
SET client_min_messages = error;
SELECT n, c.committed, a.result, k.result_note
  FROM (VALUES (1, '{"a": [1, "x"]}'), (2, '"text"'), (3, 'null'), (4, ' 5 '), (5, 'plain words'), (6, ''), (7, '{"a": '), (8, '{"a": 1} trailing'),
               (10, '{"a": "x\u0000y"}'), (11, '{"a\u0000": "\ud800"}'), (12, '["\udc00", "\ud834\udd1e", "\ud834", "\ud834\u0041", "\uD834\uD834\uDD1E"]'),
               (13, '["\\u0000", "\\\u0000", "\\\\ud800"]'), (14, '"\ud83'), (15, 'C:\users\u0000'), (16, '"\ud834\"'), (17, '["\u0000\u0000", "\uDFFF\uD800"]'),
               (20, '[1e400000]'), (21, '[1e-400000]'), (22, repeat('[', 100000)), (23, repeat('[', 30000) || repeat(']', 30000)), (24, '{"a": 1, "a": 2}'),
               (25, E'tab\there "\nand a line'), (26, E'{"a": "line\nin it"}'), (27, 'NaN'), (28, '[1,]'), (29, '123456789012345678901234567890.5')) v(n, given),
       LATERAL (SELECT call_commit(public.started('text ' || n), result_text => given) AS committed) c,
       LATERAL (SELECT * FROM public.again(left('text ' || n || c.committed, length('text ' || n)))) a,
       LATERAL (SELECT * FROM public.kept(left('text ' || n || a.verdict, length('text ' || n)))) k
 ORDER BY n;
SET client_min_messages = warning;
SELECT call_commit(public.started('warned'), result_text => '"\u0000"');
SELECT * FROM public.kept('warned');
SELECT * FROM public.again('warned');
SELECT call_commit(public.started('a string'), result_text => 'not JSON, and no reason to warn');
-- so do the others that take a result
SELECT call_id AS id FROM llm_begin('a', 'm', 10, 10, key => 'model') \gset
SELECT llm_commit(:'id', '{"input_tokens": 10, "output_tokens": 5}', result_text => 'hello "\u0000" world');
SELECT * FROM public.kept('model');
SELECT verdict, result FROM llm_begin('a', 'm', 10, 10, key => 'model');
SELECT public.started('resolved') AS id \gset
SELECT reason FROM call_fail(:'id', 504);
SELECT call_resolve(:'id', true, result_text => '{"x": "\u0000"}');
SELECT * FROM public.kept('resolved');
SELECT public.started('resolved large') AS id \gset
SELECT reason FROM call_fail(:'id', 504);
SELECT call_resolve(:'id', true, to_jsonb(repeat('x', 5000000)));
SELECT * FROM public.again('resolved large');

-- Errors and headers of any size and kind, and numbers that are no status
SELECT action, reason FROM call_fail(public.started('error 1'), 400, repeat('x', 20000000), repeat('9', 20000000));
SELECT action, reason FROM call_fail(public.started('error 2'), 503, repeat('é', 200000));
SELECT action, reason FROM call_fail(public.started('error 3'), 500, repeat('{"error":', 100000));
SELECT action, reason FROM call_fail(public.started('error 4'), 0, 'ECONNREFUSED');
SELECT action, reason FROM call_fail(public.started('error 5'), 1006, 'ECONNREFUSED');
SELECT action, reason FROM call_fail(public.started('error 6'), -1, 'ECONNREFUSED');
SELECT action, reason FROM call_fail(public.started('error 7'), 2147483647, '', '');

-- Usage: of a stream that was cut what had come, and the estimate for what is not understood
CREATE FUNCTION public.model(k text) RETURNS uuid LANGUAGE sql AS $$ SELECT call_id FROM agentcore.llm_begin('a', 'm', 1000, 500, key => k) $$;
SELECT action, reason FROM call_fail(public.model('cut 1'), 499, 'client disconnected', usage => '{"input_tokens": 1000, "output_tokens": 10}');
SELECT state, held_usd, charged_usd, charged_tokens FROM permits WHERE key = 'cut 1';
SELECT action, reason FROM call_fail(public.model('cut 2'), error => 'AbortError', usage => '{"type": "message_start", "message": {"usage": {"input_tokens": 900, "output_tokens": 1}}}');
SELECT state, charged_usd, charged_tokens FROM permits WHERE key = 'cut 2';
SELECT llm_commit(public.model('cut 3'), '{"type": "response.incomplete", "response": {"usage": {"input_tokens": 900, "output_tokens": 100}}}');
SELECT state, charged_usd, charged_tokens FROM permits WHERE key = 'cut 3';
-- neither is told: the hold stays, and the key is free
SELECT public.model('cut 4') AS id \gset
SELECT action, reason FROM call_fail(:'id', 499, 'client disconnected');
SELECT call_status(:'id'), held_usd, charged_usd FROM permits WHERE permit = :'id';
SELECT verdict, call_id <> :'id' AS another FROM llm_begin('a', 'm', 1000, 500, key => 'cut 4');
SELECT held_usd, in_flight FROM budget_status WHERE budget = 'b';
SELECT action, reason FROM call_fail(:'id', 499, 'client disconnected');
SELECT llm_commit(:'id', '{"input_tokens": 1000, "output_tokens": 20}');
SELECT state, charged_usd FROM permits WHERE permit = :'id';
SELECT public.model('cut 5') AS id \gset
SELECT reason FROM call_fail(:'id', error => 'context canceled');
SET agentcore.debug_clock_offset = 86400000;
SELECT budget_reap() > 0 AS reaped;
RESET agentcore.debug_clock_offset;
SELECT call_status(:'id'), charged_usd FROM permits WHERE permit = :'id';
SELECT llm_commit(:'id', '{"input_tokens": 1000, "output_tokens": 20}');
SELECT call_status(:'id'), charged_usd FROM permits WHERE permit = :'id';
-- told in part
SELECT reason FROM call_fail(public.model('cut 6'), 499, tokens => 7);
SELECT charged_usd, charged_tokens FROM permits WHERE key = 'cut 6';
SELECT reason FROM call_fail(public.model('cut 7'), 499, usd => 0.125);
SELECT charged_usd, charged_tokens FROM permits WHERE key = 'cut 7';
SELECT reason FROM call_fail(public.model('cut 8'), 499, usd => 0.125, usage => '{"input_tokens": 1000, "output_tokens": 10}');
SELECT charged_usd, charged_tokens FROM permits WHERE key = 'cut 8';
-- not understood
CREATE FUNCTION public.charged(usage jsonb, OUT ended text, OUT usd numeric, OUT tokens bigint) LANGUAGE plpgsql AS $$
DECLARE id uuid := public.model(gen_random_uuid()::text);
BEGIN
  SELECT f.reason INTO ended FROM agentcore.call_fail(id, 400, usage => charged.usage) f;
  SELECT charged_usd, charged_tokens INTO usd, tokens FROM agentcore.permits WHERE permit = id;
END $$;
SET client_min_messages = error;
SELECT n, c.*
  FROM (VALUES (0, NULL), (1, '{"input_tokens": 1000, "output_tokens": 10}'), (2, '{}'), (3, '[]'), (4, '{"input_tokens": -1}'), (5, '{"input_tokens": "x"}'),
               (6, '{"input_tokens": 9223372036854775807, "output_tokens": 9223372036854775807}'), (7, '{"input_tokens": 1e300}'), (8, '{"input_tokens": 20000000000}'),
               (9, '{"input_tokens": 1.5}'), (10, 'null'), (11, '"usage"'), (12, '{"input_tokens": 5, "cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 7}}')) v(n, usage),
       LATERAL public.charged(usage::jsonb) c
 ORDER BY n;
SELECT llm_commit(public.model('garbage'), '{"what": "is this"}');
SELECT llm_commit(public.model('large usage'), jsonb_build_object('input_tokens', 5, 'x', repeat('x', 5000000)));
SELECT key, state, charged_usd FROM permits WHERE key IN ('garbage', 'large usage') ORDER BY 1;
RESET client_min_messages;
SELECT llm_commit(public.model('told'), '{"what": "is this"}', tokens => 1, usd => 0.001);
SELECT llm_commit(public.model('warned too'), '{"what": "is this"}', tokens => 1);

-- What the call leaned on is gone
SET client_min_messages = warning;
SELECT model_price_set('gone', 0.001, 0.002), tool_set('gone', '{"type": "object"}', cache_ttl => '1 h', retry_policy => 'default', target => 'x', est_usd => 1);
SELECT policy_set('q'), policy_allow_tool('q', '*') > 0 AS allowed, budget_set('c', max_usd => 10), agent_set('gone', 'q', 'c');
SELECT call_id AS a FROM llm_begin('gone', 'gone', 100, 100) \gset
SELECT call_id AS b FROM llm_begin('gone', 'gone', 100, 100) \gset
SELECT call_id AS c FROM call_begin('gone', 'gone', '{"n": 1}', key => 'c') \gset
SELECT call_id AS d FROM call_begin('gone', 'gone', '{"n": 2}', key => 'd') \gset
SELECT call_id AS e FROM call_begin('gone', 'gone', '{"n": 3}', key => 'e') \gset
SELECT call_id AS f FROM call_begin('gone', 'gone', '{"n": 4}', key => 'f') \gset
SELECT call_id AS g FROM call_begin('gone', 'gone', '{"n": 5}', key => 'g') \gset
-- a row that no longer compiles, as a restore or a hand can leave one
UPDATE tool SET input_schema = '{"$ref": "https://example.com/nowhere"}' WHERE name = 'gone';
SELECT call_commit(:'c', '{"n": 1}');
SELECT action, reason FROM call_fail(:'d', 503);
SELECT tool_drop('gone'), agent_drop('gone'), policy_drop('q'), model_price_drop('gone');
SELECT tenant_set(false);
SELECT llm_commit(:'a', '{"input_tokens": 100, "output_tokens": 10}'), call_commit(:'e', '{"n": 3}');
SELECT action, reason FROM call_fail(:'b', 499, usage => '{"input_tokens": 100, "output_tokens": 10}');
SELECT action, reason FROM call_fail(:'f', 504);
SELECT call_resolve(:'f', true, '{"n": 4}');
SELECT action, reason FROM call_fail(:'g', 404);
SELECT tenant_set(true);
SELECT coalesce(key, tool) AS what, state, charged_tokens, charged_usd, result_kept FROM permits WHERE agent = 'gone' ORDER BY created_at;
SELECT used_usd, held_usd FROM budget_status WHERE budget = 'c';

-- Numbers at the end of their range
SELECT public.started('huge') AS id \gset
SELECT action FROM call_fail(:'id', 503, tokens => 9223372036854775807, usd => 9000000000);
SELECT action FROM call_fail(:'id', 503, tokens => 9223372036854775807, usd => 9000000000);
SELECT call_commit(:'id', '{}', tokens => 9223372036854775807, usd => 9000000000);
SELECT state, charged_tokens, charged_usd FROM permits WHERE permit = :'id';
SELECT model_price_set('dear', 9000000, 1), agent_set('free', 'p');
SELECT call_id AS id FROM llm_begin('free', 'dear', 1, 1) \gset
SELECT llm_commit(:'id', '{"input_tokens": 10000000000, "output_tokens": 0}');
SELECT charged_usd FROM permits WHERE permit = :'id';
SELECT * FROM budget_verify();

-- Without a key there is nothing to replay; what the cache does not take is kept nowhere
SELECT tool_set('cached', '{"type": "object"}', cache_ttl => '1 h', cache_max_size => 100);
SELECT call_id AS id FROM call_begin('free', 'cached', '{"n": 1}') \gset
SELECT call_commit(:'id', to_jsonb(repeat('x', 200)));
SELECT result_kept, result_note FROM permits WHERE permit = :'id';
SELECT call_id AS id FROM call_begin('free', 'cached', '{"n": 2}') \gset
SELECT call_commit(:'id', '"x"');
SELECT result_kept, result_note FROM permits WHERE permit = :'id';
SELECT verdict, result FROM call_begin('free', 'cached', '{"n": 2}');
SELECT call_id AS id FROM call_begin('free', 'cached', '{"n": 3}', key => 'cached') \gset
SELECT call_commit(:'id', to_jsonb(repeat('x', 200)));
SELECT state, result_kept, result_note FROM permits WHERE permit = :'id';

DROP FUNCTION public.started, public.again, public.kept, public.model, public.charged;
