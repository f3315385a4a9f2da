-- Rows that no setter wrote: by SQL of the owner, or by a subscription. What cannot be read refuses and says so; it neither opens nor raises.
SET client_min_messages = error;
SET search_path = agentcore, public;
SELECT tool_set('t', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}, "n": {"type": "number"}}}'), tool_set('other', '{"type": "object"}'), policy_set('w'), agent_set('w', policy => 'w'),
  policy_allow_tool('w', 't') > 0 AS allowed, policy_allow('w', 'example.com') > 0 AS host, policy_set('quiet'), agent_set('quiet', policy => 'quiet');
CREATE FUNCTION pg_temp.said(agent text, args jsonb, tool text DEFAULT 't') RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || regexp_replace(detail, '[0-9a-f]+-[-0-9a-f]+', 'ID') || ')', '') || CASE WHEN enforced THEN '' ELSE ' not enforced' END FROM agentcore.call_begin(agent, tool, args, task => 'task', subject => 's') $$;
-- What the gate says after some statements, and whether all that shows policies still answers; nothing stays.
CREATE FUNCTION pg_temp.written(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  statement text; told text; linted text;
BEGIN
  FOREACH statement IN ARRAY statements LOOP EXECUTE statement; END LOOP;
  told := pg_temp.said('w', '{"n": 5, "url": "https://example.com/"}');
  SELECT string_agg(problem, '; ' ORDER BY problem) INTO linted FROM agentcore.policy_lint('w') WHERE problem LIKE '%read%';
  PERFORM FROM agentcore.policy_rules; PERFORM FROM agentcore.policy_checks; PERFORM FROM agentcore.policy_facts; PERFORM FROM agentcore.policy_limits;
  PERFORM FROM agentcore.call_explain('w', 't', '{"n": 5, "url": "https://example.com/"}', task => 'task');
  PERFORM FROM agentcore.policy_simulate('w', contexts => '{"{\"tool\": \"t\", \"args\": {\"n\": 5}}"}');
  PERFORM FROM agentcore.policy_explain('w', tool => 't', context => '{"args": {"n": 5}}');
  PERFORM agentcore.policy_export('w'), agentcore.config_export(), agentcore.url_check('w', 'https://example.com/'), agentcore.tool_check('w', 't'), agentcore.tools_for('w', 'mcp');
  RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = told || coalesce(' | lint: ' || linted, '');
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
WHEN OTHERS THEN RETURN 'RAISES ' || SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION pg_temp.rule(columns text, row_values text) RETURNS text LANGUAGE sql AS $$ SELECT format('INSERT INTO agentcore.policy_rule (tenant, policy, kind, %s) VALUES ('''', ''w'', %s)', columns, row_values) $$;
SELECT pg_temp.written('SELECT 1'), pg_temp.written($$SELECT agentcore.policy_deny_tool('w', 't')$$);

-- a condition that is none
SELECT w, pg_temp.written(pg_temp.rule('effect, pattern, name, "when"', format('''tool'', ''deny'', ''other'', ''x'', %L', w))) FROM unnest(ARRAY['null', '5', '"x"', '[]', '{}', '{"args": {"const": 1}}', '{"/args/n": 5}', '{"/args/n": {"maxmum": 5}}', '{"/args/n": {"maximum": "5"}}', '{"/args/n": {"const": 5}, "/arg": {"const": 1}}',
  '{"/args/n": {"pattern": "("}}', '{"/result/n": {"const": 1}}', '{"/args/n": {"$ref": "#/x"}}']) w;
SELECT e, pg_temp.written('DELETE FROM agentcore.policy_rule WHERE kind = ''tool''', pg_temp.rule('effect, pattern, name, "when"', format('''tool'', %L, ''t'', ''x'', ''{"/args/n": {"maxmum": 5}}''', e))) FROM unnest('{allow,allow_when,ask,deny}'::text[]) e;
-- one that is beyond the limits of a schema
SELECT pg_temp.written(pg_temp.rule('effect, pattern, name, "when"', format('''tool'', ''deny'', ''other'', ''x'', %L', format('{"/args/n": %s{"const": 1}%s}', repeat('{"not": ', n), repeat('}', n))))) FROM unnest('{100,1000}'::int[]) n;
SELECT pg_temp.written(pg_temp.rule('effect, pattern, name, "when"', format('''tool'', ''deny'', ''other'', ''x'', %L', (SELECT jsonb_object_agg('/args/m' || i, '{"const": 1}'::jsonb) FROM generate_series(1, 1000) i))));
SELECT pg_temp.written(pg_temp.rule('effect, pattern, name, "when"', format('''tool'', ''deny'', ''other'', ''x'', %L', jsonb_build_object('/args/n', jsonb_build_object('enum', (SELECT jsonb_agg(i) FROM generate_series(1, 300000) i))))));
SELECT pg_temp.written(pg_temp.rule('effect, pattern, name, "when"', format('''tool'', ''deny'', ''other'', ''x'', %L', jsonb_build_object('/args/n', jsonb_build_object('pattern', '^' || repeat('(a|b)*', 20000) || '$')))));
-- more rules than a policy may have
SELECT pg_temp.written($$INSERT INTO agentcore.policy_rule (tenant, policy, kind, effect, pattern, name, "when") SELECT '', 'w', 'tool', 'deny', 'other', 'r' || i, '{"/args/n": {"const": 1}}' FROM generate_series(1, 4001) i$$);

-- effects, kinds and patterns that nobody knows
SELECT c, pg_temp.written('ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_effect_check', 'ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_kind_check', 'ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_pattern_check',
  pg_temp.rule('effect, pattern', c)) FROM unnest(ARRAY[$$'tool', 'permit', 't'$$, $$'tool', '', 't'$$, $$'tool', 'DENY', 't'$$, $$'url', 'permit', 'example.com'$$, $$'url', 'ask', 'example.com'$$, $$'url', 'allow_when', 'example.com'$$, $$'Tool', 'deny', 't'$$, $$'', 'deny', 't'$$, $$'URL', 'allow', '*'$$,
  $$'tool', 'deny', 'a*b'$$, $$'tool', 'deny', '**'$$, $$'tool', 'deny', ''$$, $$'url', 'deny', ''$$, $$'url', 'deny', 'EXAMPLE.com'$$, $$'url', 'deny', 'https://example.com'$$, $$'url', 'allow', '10.0.0.1/8'$$, $$'tool', 'deny', repeat('t', 300)$$, $$'url', 'deny', repeat('t', 300)$$]) c;
SELECT c, pg_temp.written('DELETE FROM agentcore.policy_rule WHERE kind = ''tool''', 'ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_effect_check', pg_temp.rule('effect, pattern', c)) FROM unnest(ARRAY[$$'tool', 'permit', 't'$$, $$'tool', 'Allow', 't'$$, $$'tool', 'allow_when', 't'$$]) c;
-- members that do not belong to the kind of rule, or to each other
SELECT c, v, pg_temp.written('DELETE FROM agentcore.policy_rule', 'ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_votes_check', pg_temp.rule('effect, pattern', '''tool'', ''allow'', ''t'''), pg_temp.rule('effect, pattern, ' || c, '''url'', ''allow'', ''example.com'', ' || v)) FROM (VALUES ('"when"', $$'{"/args/n": {"const": 1}}'$$), ('audit', 'true'), ('methods', $$'{NULL}'$$), ('methods', $$'{get}'$$), ('methods', $$'{{GET},{POST}}'$$), ('methods', $$'{}'$$), ('ports', '''{NULL}'''), ('ports', '''{443,NULL}'''), ('ports', '''{-1}'''), ('ports', '''{443}'''), ('path_prefix', '''x'''), ('path_prefix', $$'/a/../b'$$), ('valid', '''empty''')) x (c, v);
SELECT c, v, pg_temp.written('DELETE FROM agentcore.policy_rule WHERE kind = ''tool''', 'ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_votes_check', pg_temp.rule('effect, pattern, ' || c, '''tool'', ''allow'', ''t'', ' || v)) FROM (VALUES ('"when"', $$'{"/args/n": {"const": 5}}'$$), ('audit', 'true'), ('"when", audit', $$'{"/args/n": {"const": 5}}', true$$), ('votes', '2'), ('approvers', '''nobody'''), ('valid', '''empty''')) x (c, v);
SELECT c, v, pg_temp.written('DELETE FROM agentcore.policy_rule WHERE kind = ''tool''', 'ALTER TABLE agentcore.policy_rule DROP CONSTRAINT policy_rule_votes_check', pg_temp.rule('effect, pattern, ' || c, '''tool'', ''ask'', ''t'', ' || v))
  FROM (VALUES ('name', 'NULL'), ('votes', '3'), ('name, votes', '''a'', 3'), ('name, votes', '''a'', 0'), ('name, votes', '''a'', -5'), ('name, votes', '''a'', 2147483647'), ('name, bind', '''a'', ''{NULL}'''), ('name, bind', '''a'', ''{x}'''), ('name, bind', '''a'', ''{/args/n,/}'''), ('name, bind', '''a'', ''{{/args/n},{/args/url}}'''), ('name, bind', '''a'', ''{""}'''),
    ('name, decide_within', '''a'', ''-1 day'''), ('name, decide_within', '''a'', ''100000 years'''), ('name, approvers', '''a'', ''nobody_of_that_name'''), ('name, audit', '''a'', true')) x (c, v);

-- the policy itself
SELECT s, pg_temp.written('ALTER TABLE agentcore.policy DROP CONSTRAINT policy_mode_check', 'UPDATE agentcore.policy SET ' || s || ' WHERE name = ''w''') FROM unnest(ARRAY['mode = ''open''', 'mode = ''''', 'schemes = ''{}''', 'schemes = ''{HTTPS}''', 'schemes = ''{NULL}''', 'schemes = ''{https,NULL}''', 'schemes = ''{gopher,https}''', 'methods = ''{}''', 'methods = ''{NULL}''', 'methods = ''{get}''']) s;
-- a zone that there is none of: nobody knows the hour, so an allow by it does not hold and a deny by it does
SELECT e, pg_temp.written('DELETE FROM agentcore.policy_rule WHERE kind = ''tool''', 'UPDATE agentcore.policy SET tz = ''Mars/Olympus'' WHERE name = ''w''', format($$SELECT agentcore.policy_%s_tool('w', 't', name => 'hour', "when" => '{"/clock/hour": {"minimum": %s, "maximum": 23}}')%s$$, e, CASE e WHEN 'deny' THEN 24 ELSE 0 END, CASE e WHEN 'deny' THEN ', agentcore.policy_allow_tool(''w'', ''t'')' END)) FROM unnest('{allow,deny}'::text[]) e;
-- a mode that looks away does so for no row that cannot be read; switched off, nothing is judged
SELECT m, pg_temp.written(format('UPDATE agentcore.policy SET mode = %L WHERE name = ''w''', m), pg_temp.rule('effect, pattern, name, "when"', '''tool'', ''deny'', ''other'', ''x'', ''{}''')) FROM unnest('{audit,off}'::text[]) m;
-- policy '*': what cannot be read stops every agent of the tenant
SELECT pg_temp.written($$SELECT agentcore.policy_set('*')$$, $$INSERT INTO agentcore.policy_rule (tenant, policy, kind, effect, pattern, name, "when") VALUES ('', '*', 'tool', 'deny', 'other', 'x', '{"x": 1}')$$);
SELECT pg_temp.written($$SELECT agentcore.policy_set('*')$$, $$INSERT INTO agentcore.policy_rule (tenant, policy, kind, effect, pattern) VALUES ('', '*', 'tool', 'allow', 't'), ('', '*', 'url', 'allow', 'example.com')$$, $$DELETE FROM agentcore.policy_rule WHERE policy = 'w'$$);

-- checks, facts and limits
SELECT v, pg_temp.written('ALTER TABLE agentcore.policy_check DROP CONSTRAINT policy_check_tool_check', 'INSERT INTO agentcore.policy_check (tenant, policy, name, tool, "check") VALUES ('''', ''w'', ''c'', ' || v || ')') FROM unnest(ARRAY[$$'t', 'nowhere.such'$$, $$'t', ''$$, $$'t', 'a b;c('$$, $$'t', 'now'$$, $$'a*b', 'pg_catalog.now'$$, $$'', 'pg_catalog.now'$$, $$'**', 'pg_catalog.now'$$, $$'other', 'nowhere.such'$$]) v;
SELECT v, pg_temp.written('ALTER TABLE agentcore.policy_limit DROP CONSTRAINT policy_limit_tool_check, DROP CONSTRAINT policy_limit_max_sum_check, DROP CONSTRAINT policy_limit_max_calls_check', 'INSERT INTO agentcore.policy_limit (tenant, policy, name, tool, per, max_calls, sum_of, max_sum, period) VALUES ('''', ''w'', ''l'', ' || v || ')') FROM unnest(ARRAY[$$'t', '{}', 5, NULL, NULL, NULL$$, $$'t', '{x}', 5, NULL, NULL, NULL$$, $$'t', '{NULL}', 5, NULL, NULL, NULL$$, $$'t', '{{/task},{/subject}}', 5, NULL, NULL, NULL$$,
  $$'t', '{/task}', NULL, '/args/n', 'NaN', NULL$$, $$'t', '{/task}', NULL, '/args/n', -5, NULL$$, $$'t', '{/task}', NULL, 'n', 5, NULL$$, $$'t', '{/task}', NULL, NULL, NULL, NULL$$, $$'t', '{/task}', 5, NULL, NULL, '-1 day'$$, $$'t', '{/task}', 5, NULL, NULL, '0'$$, $$'t', '{/task}', 5, NULL, NULL, '1 month'$$, $$'t', '{/task}', 5, NULL, NULL, '100000 years'$$, $$'t', '{/task}', -5, NULL, NULL, NULL$$,
  $$'a*b', '{/task}', 5, NULL, NULL, NULL$$, $$'', '{/task}', 5, NULL, NULL, NULL$$, $$'t', '{/task,/task,/task,/task,/task,/task,/task,/task,/task,/task}', 5, NULL, NULL, NULL$$]) v;
SELECT pg_temp.written($$INSERT INTO agentcore.policy_limit (tenant, policy, name, tool, per, max_calls, ask) VALUES ('', 'w', 'l', 't', '{/task}', 0, 'nobody')$$);
SELECT v, pg_temp.written('INSERT INTO agentcore.policy_fact (tenant, policy, tool, fact, value, "when") VALUES ('''', ''w'', ''t'', ''f'', ' || v || ')') FROM unnest(ARRAY[$$NULL, 'null'$$, $$NULL, '5'$$, $$NULL, '{"x": 1}'$$, $$'x', NULL$$, $$'', NULL$$]) v;
-- a fact that cannot be read is not given; one that takes away does so for whatever tool it was meant
CREATE FUNCTION pg_temp.shown(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  statement text; told text;
BEGIN
  PERFORM agentcore.policy_fact('w', 't', 'shown'), agentcore.policy_allow_tool('w', 'other');
  FOREACH statement IN ARRAY statements LOOP EXECUTE statement; END LOOP;
  PERFORM agentcore.call_commit(call_id) FROM agentcore.call_begin('w', 't', '{"n": 5}', task => 'facts');
  SELECT string_agg(fact, ',' ORDER BY fact) INTO told FROM agentcore.task_facts WHERE state = 'held';
  PERFORM agentcore.call_commit(call_id) FROM agentcore.call_begin('w', 'other', task => 'facts');
  SELECT concat_ws(' | ', told, 'then ' || coalesce(string_agg(fact, ',' ORDER BY fact), 'none'), (SELECT 'lint: ' || string_agg(rule || ' ' || problem, '; ' ORDER BY rule, problem) FROM agentcore.policy_lint('w') WHERE problem LIKE '%read%')) INTO told FROM agentcore.task_facts WHERE state = 'held';
  RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = told;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
WHEN OTHERS THEN RETURN 'RAISES ' || SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT v, pg_temp.shown('ALTER TABLE agentcore.policy_fact DROP CONSTRAINT policy_fact_tool_check', 'INSERT INTO agentcore.policy_fact (tenant, policy, fact, tool, value, "when", valid_for, clears) VALUES ('''', ''w'', ' || v || ')') FROM unnest(ARRAY[$$'more', 't', '/args/n', '{"/args/n": {"const": 5}}', '1 day', false$$, $$'more', 't', NULL, '{"/args/n": {}}', NULL, false$$,
  $$'more', 't', 'n', NULL, NULL, false$$, $$'more', 't', NULL, NULL, '-1 day', false$$, $$'more', 't*t', NULL, NULL, NULL, false$$, $$'more', '', NULL, NULL, NULL, false$$,
  $$'shown', 'other', NULL, NULL, NULL, true$$, $$'shown', 'oth*r', NULL, NULL, NULL, true$$, $$'shown', '', NULL, NULL, NULL, true$$, $$'shown', 'other', 'x', '5', '-1 day', true$$]) v;

-- as a subscription applies it, and as it is loaded: the compiled policy is not asked any more
SELECT pg_temp.said('w', '{"n": 5}');
SET session_replication_role = replica;
INSERT INTO agentcore.policy_rule (tenant, policy, id, kind, effect, pattern, name, "when") VALUES ('', 'w', 1000, 'tool', 'deny', 't', 'applied', '{"/args/n": {"minimum": 5}}');
SELECT pg_temp.said('w', '{"n": 5}'), pg_temp.said('w', '{"n": 4}');
UPDATE agentcore.policy_rule SET "when" = '[]' WHERE id = 1000;
SELECT pg_temp.said('w', '{"n": 4}');
DELETE FROM agentcore.policy_rule WHERE id = 1000;
RESET session_replication_role;
SELECT pg_temp.said('w', '{"n": 5}');
COPY agentcore.policy_rule (tenant, policy, id, kind, effect, pattern, name, "when") FROM stdin;
	w	1001	tool	allow_when	other	loaded	{"/args/n": {"maximum": 5}}
	w	1002	tool	ask	other	\N	\N
\.
SELECT pg_temp.said('w', '{"n": 5}', 'other'), (SELECT string_agg(rule || ' ' || problem, ', ') FROM policy_lint('w') WHERE problem LIKE '%read%');
DELETE FROM agentcore.policy_rule WHERE id = 1002;
SELECT pg_temp.said('w', '{"n": 5}', 'other'), pg_temp.said('w', '{"n": 6}', 'other');
