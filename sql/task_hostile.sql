-- Tasks and calls that run once, against whoever names tasks at will and spells arguments anew.
SET client_min_messages = warning;
SET agentcore.budget_guard = off;
SET search_path = agentcore, public;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
CREATE FUNCTION pg_temp.ask(tool text, args jsonb DEFAULT '{}', task text DEFAULT 't', key text DEFAULT NULL, tenant text DEFAULT '') RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || regexp_replace(left(detail, 100), '[0-9a-f-]{36}', 'ID') || ')', '')
    FROM agentcore.call_begin('a', tool, args, task => task, key => key, tenant => tenant) $$;
CREATE FUNCTION pg_temp.settle(tool text, args jsonb, how text, task text DEFAULT 't') RETURNS text LANGUAGE plpgsql AS $$
DECLARE id uuid; said text;
BEGIN
  SELECT call_id INTO id FROM agentcore.call_begin('a', tool, args, task => task);
  EXECUTE format(how, id) INTO said;
  RETURN said;
END $$;
SELECT policy_set('p'), policy_allow_tool('p', '*') IS NOT NULL, agent_set('a', policy => 'p'), count(tool_set(t, '{"type": "object"}')) FROM unnest('{web,pay,wire,free}'::text[]) t;
SELECT tool_set('web', taints => '{untrusted}'), tool_set('wire', once => '1 day'),
  tool_set('pay', '{"type": "object", "properties": {"to": {}}, "required": ["to"]}', once => '1 day', once_by => '{/to}');

-- once: other spellings of one value are one call, other values are not
SELECT spelling, pg_temp.settle('wire', first::jsonb, $$SELECT agentcore.call_commit('%s', '1')$$, spelling) AS first, pg_temp.ask('wire', again::jsonb, spelling, key => spelling) AS again
  FROM (VALUES ('value', '{"n": 1}', '{"n": 1.0}'), ('exponent', '{"n": 1000}', '{"n": 1e3}'), ('minus nothing', '{"n": 0}', '{"n": -0.0}'), ('order', '{"a": 1, "b": {"c": 2, "d": 3}}', '{ "b" : {"d":3,"c":2.00}, "a":1 }'),
    ('twice', '{"n": 1}', '{"n": 2, "n": 1}'), ('escape', '{"n": "caf\u00e9"}', '{"n": "café"}'), ('large', '{"n": 12345678901234567890123}', '{"n": 12345678901234567890123.000}')) s (spelling, first, again);
SELECT spelling, pg_temp.settle('wire', first::jsonb, $$SELECT agentcore.call_commit('%s', '1')$$, spelling) AS first, pg_temp.ask('wire', again::jsonb, spelling, key => spelling) AS again
  FROM (VALUES ('text', '{"n": 1}', '{"n": "1"}'), ('null', '{"n": null}', '{}'), ('list', '{"n": [1, 2]}', '{"n": [2, 1]}'), ('case', '{"n": "a"}', '{"n": "A"}'), ('space', '{"n": "a"}', '{"n": "a "}'), ('normal form', '{"n": "caf\u00e9"}', '{"n": "cafe\u0301"}'),
    ('larger', '{"n": 12345678901234567890123}', '{"n": 12345678901234567890124}')) s (spelling, first, again);
-- by a chosen member a number and its text are one; a list, an object and a text that looks like one are not
SELECT f AS first, a AS again, pg_temp.settle('pay', jsonb_build_object('to', f::jsonb), $$SELECT agentcore.call_commit('%s', '1')$$, f || a) AS first, pg_temp.ask('pay', jsonb_build_object('to', a::jsonb), f || a) AS again
  FROM (VALUES ('7', '"7"'), ('7', '7.000'), ('1e2', '"100"'), ('true', '"true"'), ('["7"]', '["7.0"]'), ('[7]', '[7.0]'), ('{"a": 7}', '{"a": 7.0}'), ('[7]', '"[7]"'), ('{}', '"{}"'), ('[]', '{}'), ('null', '""'), ('null', 'null'), ('"7"', '"7.0"')) s (f, a);
-- what becomes of the first decides, whatever its end is called
SELECT how, pg_temp.settle('pay', jsonb_build_object('to', how), how) AS "end", pg_temp.ask('pay', jsonb_build_object('to', how), key => how) AS again
  FROM unnest(ARRAY[$$SELECT agentcore.call_release('%s')$$, $$SELECT action || ' ' || reason FROM agentcore.call_fail('%s', 400, 'bad')$$, $$SELECT action || ' ' || reason FROM agentcore.call_fail('%s', NULL, 'CancelledError')$$,
    $$SELECT action || ' ' || reason FROM agentcore.call_fail('%s', 504)$$, $$SELECT action || ' ' || reason FROM agentcore.call_fail('%s', NULL, 'it broke')$$, $$SELECT agentcore.call_commit('%s')$$, $$SELECT agentcore.call_commit('%s', '{"isError": true}')$$]) how;
-- nobody knows: what an approver says counts, and says it once
SELECT call_id AS u FROM call_begin('a', 'pay', '{"to": "u"}', task => 't') \gset
SELECT action FROM call_fail(:'u', 504);
SELECT pg_temp.ask('pay', '{"to": "u"}', key => 'u1') AS unknown, call_resolve(:'u', false), pg_temp.ask('pay', '{"to": "u"}', key => 'u2') AS free, call_resolve(:'u', true, '1') AS "says otherwise", pg_temp.ask('pay', '{"to": "u"}', key => 'u3') AS runs;
SELECT call_release(call_id) AS released, call_commit(call_id, '1') AS "and committed" FROM tasks_once WHERE tool = 'pay' AND state = 'open' AND call_id = (SELECT id FROM permit WHERE key = 'u2');
SELECT pg_temp.ask('pay', '{"to": "u"}', key => 'u4') AS again;

-- names: 255 bytes that can be read, of this tenant
SELECT what, pg_temp.refused(format('SELECT verdict FROM agentcore.call_begin(''a'', ''web'', task => %L)', name)) AS begin, pg_temp.refused(format('SELECT agentcore.task_set(%L)', name)) AS "set", pg_temp.refused(format('SELECT agentcore.task_stop(%L)', name)) AS stop,
    pg_temp.refused(format('SELECT agentcore.task_set(''below'', parent => %L)', name)) AS parent, pg_temp.refused(format('SELECT agentcore.task_clear(%L, ''untrusted'', ''read'')', name)) AS clear
  FROM (VALUES ('1 MB', repeat('x', 1000000)), ('256 bytes', repeat('x', 256)), ('empty', ''), ('control', E'a\x01b'), ('line', E'a\nb')) n (what, name);
SELECT pg_temp.refused(format('SELECT agentcore.task_set(''x'', labels => ARRAY[%L])', label)) FROM unnest(ARRAY[repeat('x', 1000000), '', E'a\x01b']) label;
SELECT policy_set('p', tenant => 'other'), policy_allow_tool('p', '*', tenant => 'other') IS NOT NULL, agent_set('a', policy => 'p', tenant => 'other'), tool_set('web', '{"type": "object"}', taints => '{untrusted}', tenant => 'other'), tool_set('pay', '{"type": "object"}', once => '1 day', tenant => 'other');
SELECT task_set('mine', labels => '{vip}'), task_set('mine', parent => 'theirs', tenant => 'other'), pg_temp.ask('web', task => 'mine', tenant => 'other'), task_stop('mine', tenant => 'other');
SELECT s.* FROM (VALUES (''), ('other')) t (tenant), task_status('mine', t.tenant) s;
SELECT pg_temp.settle('pay', '{"to": "z"}', $$SELECT agentcore.call_commit('%s', '1')$$, 'shared'), pg_temp.ask('pay', '{"to": "z"}', 'shared', tenant => 'other') AS "the other's";

-- 10,000 names: each is a task of its own, and one of which nothing is remembered has no row
SELECT count(*) FILTER (WHERE verdict = 'run') FROM generate_series(1, 500) n, call_begin('a', 'free', '{}', task => 'many' || n);
SELECT (SELECT count(*) FROM task_label WHERE root LIKE 'many%') AS labels, (SELECT count(*) FROM task WHERE name LIKE 'many%') AS tasks;
DO $$BEGIN FOR n IN 1..10000 LOOP PERFORM agentcore.call_begin('a', 'web', '{}', task => 'tainted' || n); IF n % 100 = 0 THEN COMMIT; END IF; END LOOP; END$$;
SELECT count(*) FROM task_label WHERE root LIKE 'tainted%';

-- trees: as deep as allowed, no circles, stopped from above
SELECT count(task_set('d' || n, parent => 'd' || n - 1)) FROM generate_series(1, 16) n;
SELECT pg_temp.refused(format('SELECT agentcore.task_set(%L, parent => %L)', c, p)) FROM (VALUES ('d17', 'd16'), ('d0', 'd16'), ('d0', 'd0'), ('d3', 'd16'), ('d16', 'd0')) n (c, p);
SELECT pg_temp.ask('web', task => 'd16'), (SELECT labels FROM task_status('d0')), pg_temp.ask('pay', '{"to": "deep"}', 'd16'), pg_temp.ask('pay', '{"to": "deep"}', 'd0', key => 'deep');
SELECT task_stop('d0'), pg_temp.ask('free', task => 'd16') AS deep, pg_temp.ask('free', task => 'd0') AS root, task_set('d99', parent => 'd5'), pg_temp.ask('free', task => 'd99') AS "new below";
-- rows that somebody wrote: a circle, a parent that is gone, too deep
SET session_replication_role = replica;
INSERT INTO task (tenant, name, parent, root, depth, created_by, created_at) VALUES ('', 'c1', 'c2', 'c1', 1, 'x', now()), ('', 'c2', 'c1', 'c1', 1, 'x', now()), ('', 'orphan', 'gone', 'gone', 1, 'x', now());
INSERT INTO task_label (tenant, root, label, task, source, at) SELECT '', n, '', n, 'x', now() FROM unnest('{c1,c2,orphan}'::text[]) n;
RESET session_replication_role;
SELECT n, pg_temp.ask('web', task => n), pg_temp.refused(format('SELECT root FROM agentcore.task_status(%L)', n)), pg_temp.refused(format('SELECT agentcore.task_stop(%L)', n)), pg_temp.ask('web', task => n) FROM unnest('{c1,c2,orphan}'::text[]) n;

-- retention leaves what calls that are open need
SELECT pg_temp.ask('pay', '{"to": "kept"}', 'kept', key => 'kept'), policy_limit_tool('p', 'free', 'three', per => '{/task}', max_calls => 3, period => '1 day');
SELECT pg_temp.ask('free', task => 'kept'), pg_temp.ask('free', task => 'kept'), pg_temp.ask('free', task => 'kept'), pg_temp.ask('free', task => 'kept');
SELECT set_config('agentcore.debug_clock_offset', (72 * 3600000)::text, false), task_retain('1 day') > 0 AS deleted;
SELECT call_commit(id, '1') AS late, pg_temp.ask('pay', '{"to": "kept"}', 'kept') AS again FROM permit WHERE key = 'kept';
SELECT pg_temp.ask('free', task => 'kept') AS "a day is over";
RESET agentcore.debug_clock_offset;

-- a limit's row that somebody wrote: nothing passes that it does not clearly allow
CREATE TABLE broken (what text, change text);
INSERT INTO broken VALUES ('per', $$per = '{/nowhere}'$$), ('per is none', $$per = '{args}'$$), ('many per', $$per = array_fill('/task'::text, ARRAY[9])$$), ('sum without a maximum', $$sum_of = '/args/n'$$), ('maximum without a sum', $$max_sum = 1$$), ('sum of nothing', $$sum_of = 'n', max_sum = 1$$),
  ('function is gone', $$sum_of = '/args/n', max_by = 'gone'$$), ('max_sum', $$sum_of = '/args/n', max_sum = 'NaN'$$), ('months are of 30 days', $$period = '1 month', max_calls = 0$$), ('period of nothing is for ever', $$period = '0', max_calls = 0$$), ('period before', $$period = '-1 day'$$), ('nothing is limited', $$max_calls = NULL$$), ('ask is gone', $$max_calls = 0, ask = 'gone'$$), ('as it was', $$max_calls = 100$$);
CREATE FUNCTION pg_temp.broken(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
  EXECUTE 'UPDATE agentcore.policy_limit SET per = ''{/task}'', max_calls = 100, sum_of = NULL, max_sum = NULL, max_by = NULL, period = NULL, ask = NULL WHERE name = ''three''';
  EXECUTE format('UPDATE agentcore.policy_limit SET %s WHERE name = ''three''', change);
  SELECT pg_temp.ask('free', '{"n": 1}', 'broken') INTO said;
  RETURN said;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT what, pg_temp.broken(change) FROM broken;
DROP TABLE broken;
