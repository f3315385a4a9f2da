-- Rules that look at the call: conditions over its context.
SET client_min_messages = warning;
SET search_path = agentcore, public;
CREATE FUNCTION pg_temp.ask(agent text, tool text, args jsonb, subject text DEFAULT NULL, task text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') || CASE WHEN enforced THEN '' ELSE ' not enforced' END
    FROM agentcore.call_begin(agent, tool, args, subject => subject, task => task) $$;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT count(*) FROM unnest('{refund,sql/query,mail/send,crm/get,deploy,rollback,db/x}'::text[]) t, tool_set(t, '{"type": "object"}');
SELECT count(policy_set(p)), count(agent_set(p, policy => p)) FROM unnest('{shop,bi,mail,support,x9,ops}'::text[]) p;

-- 1 a range of amounts: another type, absence and an array are no number
SELECT policy_allow_tool('shop', 'refund', name => 'small-refund', "when" => '{"/args/amount": {"minimum": 0.01, "maximum": 500}}') IS NOT NULL;
SELECT a, pg_temp.ask('shop', 'refund', a::jsonb) FROM unnest(ARRAY['{"amount": 60}', '{"amount": 500}', '{"amount": 500.0}', '{}', '{"amount": "60"}', '{"amount": -60}', '{"amount": [1]}', '{"amount": 501}', '{"amount": null}', '{"amount": 5e2}', '{"amount": true}', '{"amount": {"maximum": 1}}', '{"Amount": 60}']) a;

-- 2 read-only SQL
SELECT policy_allow_tool('bi', 'sql/query', name => 'one-select', "when" => '{"/args/role": {"const": "bi_reader"},
  "/args/sql": {"pattern": "^\\s*(?:[Ss][Ee][Ll][Ee][Cc][Tt])\\b[^;]*;?\\s*$"}}') IS NOT NULL;
SELECT s, pg_temp.ask('bi', 'sql/query', jsonb_build_object('role', 'bi_reader', 'sql', s)) FROM unnest(ARRAY['select 1', 'SELECT 1;', 'select 1; drop table x', 'with x as (delete from y) select 1', E'select 1;\n', '']) s;
SELECT pg_temp.ask('bi', 'sql/query', '{"sql": "select 1"}'), pg_temp.ask('bi', 'sql/query', '{"role": "BI_READER", "sql": "select 1"}');

-- 3 e-mail to the own domain
SELECT policy_allow_tool('mail', 'mail/send', name => 'own-domain', "when" => '{"/args/to/*": {"pattern": "^[A-Za-z0-9._+-]+@example\\.com$"},
  "/args/cc/*?": {"pattern": "^[A-Za-z0-9._+-]+@example\\.com$"}, "/args/bcc/*?": {"pattern": "^[A-Za-z0-9._+-]+@example\\.com$"}}') IS NOT NULL;
SELECT a, pg_temp.ask('mail', 'mail/send', a::jsonb) FROM unnest(ARRAY['{"to": ["a@example.com"]}', '{"to": ["a@example.com", "b@example.com"], "cc": []}', '{"to": ["a@example.com", "b@evil.org"]}', '{"to": ["a@example.com"], "bcc": ["x@evil.org"]}', '{"to": "a@example.com"}', '{"to": ["a@example.com"], "bcc": "a@example.com"}', '{"to": []}', '{}', '{"to": ["a@example.com.evil.org"]}', '{"to": ["b@evil.org,a@example.com"]}', '{"to": ["a@example.com\r\nBcc: x@evil.org"]}', '{"to": ["a@example.com\n"]}', '{"to": ["а@example.com"]}', '{"to": {"0": "a@example.com"}}', '{"to": [["a@example.com"]]}', '{"to": [null]}', '{"to": ["a@example.com"], "cc": null}', '{"to": ["a@example.com"], "cc": [null]}', '{"to": ["a@example.com"], "cc": {}}']) a;

-- 8 the customer's own data
SELECT policy_allow_tool('support', 'crm/*', name => 'own-data', "when" => '{"/args/customer_id": {"type": "string", "equals": "/subject"}}') IS NOT NULL;
SELECT s, a, pg_temp.ask('support', 'crm/get', a::jsonb, s) FROM (VALUES ('c1', '{"customer_id": "c1"}'), ('c1', '{"customer_id": "c2"}'), ('c1', '{}'), ('c1', '{"customer_id": null}'), (NULL, '{"customer_id": "c1"}'), ('1', '{"customer_id": 1}'), ('c1', '{"customer_id": ["c1"]}')) v (s, a);

-- 10 a canary: judged and not enforced until it is written again without audit
SELECT policy_allow_tool('x9', 'db/*') IS NOT NULL, policy_deny_tool('x9', 'db/*', name => 'no-prod', audit => true, "when" => '{"/args/env": {"enum": ["prod"]}}') IS NOT NULL;
SELECT a, pg_temp.ask('x9', 'db/x', a::jsonb) FROM unnest(ARRAY['{"env": "prod"}', '{}', '{"env": "dev"}']) a;
SELECT policy_deny_tool('x9', 'db/*', name => 'no-prod', "when" => '{"/args/env": {"enum": ["prod"]}}') IS NOT NULL;
SELECT a, pg_temp.ask('x9', 'db/x', a::jsonb) FROM unnest(ARRAY['{"env": "prod"}', '{}', '{"env": "dev"}', '{"env": "PROD"}', '{"env": 5}']) a;
SELECT name, effect, audit, "when" FROM policy_rules WHERE policy = 'x9' AND name IS NOT NULL;

-- elements of a deny: one is enough
SELECT policy_allow_tool('ops', 'deploy'), policy_deny_tool('ops', 'deploy', name => 'no-root', "when" => '{"/args/hosts/*": {"const": "root"}}', feedback => 'Not on root.') FROM policy_rule_drop('ops', 1);
SELECT a, pg_temp.ask('ops', 'deploy', a::jsonb) FROM unnest(ARRAY['{"hosts": ["a"]}', '{"hosts": ["a", "root"]}', '{"hosts": []}', '{}', '{"hosts": "root"}', '{"hosts": ["a", 5]}']) a;
SELECT feedback FROM call_begin('ops', 'deploy', '{"hosts": ["root"]}');
SELECT feedback FROM call_begin('shop', 'refund', '{"amount": 900}');

-- inside a schema and for "in" too, another type is unknown, and no element of an inner list is absence
SELECT policy_rule_drop('ops', rule) FROM policy_rules WHERE policy = 'ops' ORDER BY rule;
SELECT policy_allow_tool('ops', 'deploy', name => 'few', "when" => '{"/args/n": {"type": ["string", "number"], "not": {"minimum": 500}}, "/args/teams/*/members/*?": {"const": "ann"}}') IS NOT NULL,
  policy_deny_tool('ops', 'deploy', name => 'blocked', "when" => '{"/args/id": {"in": "/args/blocked"}}') IS NOT NULL,
  policy_deny_tool('ops', 'deploy', name => 'much', "when" => '{"/args/m?": {"type": ["string", "number"], "allOf": [{"minimum": 500}]}}') IS NOT NULL,
  policy_deny_tool('ops', 'deploy', name => 'any', "when" => '{"/args/o?": {"type": ["string", "number"], "anyOf": [{"minimum": 500}]}}') IS NOT NULL,
  policy_deny_tool('ops', 'deploy', name => 'bob', "when" => '{"/args/groups/*/members/*": {"const": "bob"}}') IS NOT NULL;
SELECT a, pg_temp.ask('ops', 'deploy', '{"n": 5, "id": 4, "blocked": [17], "groups": [{"members": ["ann"]}]}' || a::jsonb) FROM unnest(ARRAY['{}', '{"n": "900"}', '{"n": 900}', '{"id": 17}', '{"id": "17"}', '{"id": "4"}', '{"blocked": []}', '{"blocked": null}', '{"blocked": 17}',
  '{"m": 5}', '{"m": "900"}', '{"m": 900}', '{"o": 5}', '{"o": "900"}', '{"o": 900}', '{"groups": []}', '{"groups": [{"members": []}]}', '{"groups": [{"members": ["ann"]}, {"members": []}]}', '{"groups": [{"members": ["ann"]}, {}]}', '{"groups": [{"members": ["bob"]}, {"members": ["ann"]}]}']) a;

-- refused when written
SELECT w, pg_temp.refused(format('SELECT agentcore.policy_allow_tool(%L, %L, name => %L, "when" => %L)', 'shop', 'refund', 'r', w)) FROM unnest(ARRAY[
  '5', '[]', '{}', '{"args": {"const": 1}}', '{"": {"const": 1}}', '{"/arg/amount": {"maximum": 5}}', '{"/args/amount": {"maxmum": 5}}', '{"/args/amount": {}}', '{"/args/amount": true}',
  '{"/args/amount": {"maximum": "5"}}', '{"/args": {"properties": {"amount": {"maximum": 500}}}}', '{"/args": {"required": ["amount"]}}', '{"/args/a": {"pattern": "x"}}', '{"/args/a": {"pattern": "^a|b$"}}',
  '{"/args/a": {"pattern": "^a$|^b$"}}', '{"/args/a": {"pattern": "^(a|b)$"}}', '{"/args/a": {"pattern": "^a\\$"}}', '{"/args/a": {"pattern": "^a\\\\$"}}', '{"/args/a": {"pattern": "^*a$"}}', '{"/args/a": {"pattern": "^[|]$"}}', '{"/args/a": {"not": {"pattern": "x"}}}',
  '{"/args/a": {"pattern": "^($"}}', '{"/args/a": {"minimum": 1, "minLength": 1}}', '{"/args/a": {"type": ["number", "string"], "minimum": 1, "minLength": 1}}', '{"/args/a": {"type": "string", "maximum": 5}}', '{"/args/a": {"type": "integer", "maximum": 5}}', '{"/args/a": {"type": "string", "enum": ["a", 5]}}', '{"/args/a": {"type": "null"}}', '{"/args/a": {"enum": ["x", null]}}', '{"/args/a": {"type": "sting"}}',
  '{"/args/a": {"anyOf": [{"minimum": 5}, {"equals": "/subject"}]}}', '{"/args/a": {"equals": "/subjct"}}', '{"/args/a": {"equals": "/args/b/*"}}', '{"/args/a": {"in": 5}}', '{"/args/a": {"if": {"minimum": 5}}}', '{"/args/a": {"$ref": "#"}}', '{"/args/a": {"format": "emial"}}', '{"/args/a": {"format": "email"}}',
  '{"/task/x": {"const": 1}}', '{"/clock/hours": {"maximum": 5}}', '{"/labels/x": {"const": 1}}', '{"/result/x": {"const": 1}}', '{"/args/a": {"prefixItems": [{"const": 1}]}}', '{"/args/~a": {"const": 1}}', '{"/args/a": {"not": {}}}', '{"/args/a": {"items": {"maximum": 5}}}', '{"/labels": {"not": {"contains": {"const": "untrusted"}}}}']) w;
SELECT pg_temp.refused($$SELECT agentcore.policy_allow_tool('shop', 'refund', "when" => '{"/args/a": {"const": 1}}')$$), pg_temp.refused($$SELECT agentcore.policy_deny_tool('shop', 'refund', audit => true)$$), pg_temp.refused($$SELECT agentcore.policy_ask_tool('shop', 'refund')$$), pg_temp.refused($$SELECT agentcore.policy_ask_tool('shop', 'refund', name => 'a', votes => 0)$$), pg_temp.refused($$SELECT agentcore.policy_ask_tool('shop', 'refund', name => 'a', approvers => 'nobody_at_all')$$);

-- 9 policy '*' of the tenant: a freeze at night, for everybody, in the zone of the policy
CREATE FUNCTION pg_temp.at(hour int) RETURNS text LANGUAGE sql AS $$
  SELECT set_config('agentcore.debug_clock_offset', (extract(epoch FROM ((date_trunc('day', clock_timestamp() AT TIME ZONE 'Europe/Berlin') + make_interval(hours => hour, mins => 30)) AT TIME ZONE 'Europe/Berlin') - clock_timestamp()) * 1000)::bigint::text, false) IS NOT NULL $$;
SELECT policy_set('*', tz => 'Europe/Berlin'), policy_set('*', tz => 'Europe/Berlin');
SELECT policy_rule_drop('ops', rule) FROM policy_rules WHERE policy = 'ops';
SELECT policy_allow_tool('ops', 'deploy') IS NOT NULL, policy_allow_tool('ops', 'rollback') IS NOT NULL,
  policy_deny_tool('*', 'deploy', name => 'freeze', feedback => 'No deploys from 22:00 to 6:00.', "when" => '{"/clock/hour": {"not": {"minimum": 6, "maximum": 21}}}') IS NOT NULL;
SELECT h, pg_temp.at(h), pg_temp.ask('ops', 'deploy', '{}'), pg_temp.ask('ops', 'rollback', '{}') FROM unnest('{12,23,5,6,21,22}'::int[]) h;
SELECT pg_temp.at(23), (SELECT feedback FROM call_begin('ops', 'deploy'));
SELECT pg_temp.at(12);
-- what only '*' speaks of is denied; it can hold no allow
SELECT pg_temp.ask('shop', 'deploy', '{}'), pg_temp.refused($$SELECT agentcore.policy_allow_tool('*', 'deploy')$$), pg_temp.refused($$SELECT agentcore.policy_allow('*', 'example.com')$$), pg_temp.refused($$SELECT agentcore.policy_set('ops', tz => 'Mars/Olympus')$$);
-- its denies by name and by host count too
SELECT policy_deny_tool('*', 'roll*') IS NOT NULL, policy_deny('*', 'evil.example') IS NOT NULL, policy_allow('ops', '*') IS NOT NULL, tool_set('deploy', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}');
SELECT pg_temp.ask('ops', 'rollback', '{}'), pg_temp.ask('ops', 'deploy', '{"url": "https://evil.example/"}'), pg_temp.ask('ops', 'deploy', '{"url": "https://good.example/"}');
-- tenant '*': one policy, for every tenant; the gate reads it
SELECT pg_temp.refused($$SELECT agentcore.policy_set('other', tenant => '*')$$), policy_set('*', tenant => '*'), policy_deny_tool('*', 'deploy', tenant => '*') IS NOT NULL;
SELECT pg_temp.ask('ops', 'deploy', '{"url": "https://good.example/"}'), policy_drop('*', '*'), policy_drop('*');
SELECT set_config('agentcore.debug_clock_offset', '0', false);
SELECT pg_temp.ask('ops', 'deploy', '{"url": "https://good.example/"}');

-- the audit mode of a tool covers its schema, and nothing else
SELECT tool_set('audited', '{"type": "object", "required": ["n"]}', mode => 'audit'), policy_set('au'), agent_set('au', policy => 'au');
SELECT pg_temp.ask('au', 'audited', '{"n": 1}'), policy_allow_tool('au', 'audited', name => 'small', "when" => '{"/args/n?": {"maximum": 5}}') IS NOT NULL, pg_temp.ask('au', 'audited', '{"n": 1}'), pg_temp.ask('au', 'audited', '{}'), pg_temp.ask('au', 'audited', '{"n": 6}');

-- a policy in audit mode reports what it would do: every set of rules, with arguments that each condition fits, does not fit, or lacks
SELECT policy_set('would'), agent_set('would', policy => 'would');
CREATE FUNCTION pg_temp.would(mask int, OUT differ bigint, OUT said text) LANGUAGE plpgsql AS $$
DECLARE
  rules constant text[] := ARRAY[$r$policy_allow_tool('would', 'deploy', name => 'allow', "when" => '{"/args/a": {"const": 1}}')$r$, $r$policy_deny_tool('would', 'deploy', name => 'deny', "when" => '{"/args/d": {"const": 1}}')$r$,
    $r$policy_ask_tool('would', 'deploy', name => 'ask', "when" => '{"/args/k": {"const": 1}}')$r$, $r$policy_deny_tool('would', 'deploy', name => 'watch-deny', audit => true, "when" => '{"/args/d": {"const": 1}}')$r$,
    $r$policy_ask_tool('would', 'deploy', name => 'watch-ask', audit => true, "when" => '{"/args/k": {"const": 1}}')$r$, $r$policy_allow_tool('would', 'dep*')$r$, $r$policy_deny_tool('would', 'deplo*')$r$];
  asked constant jsonb[] := ARRAY(SELECT jsonb_build_object('tool', 'deploy', 'args', coalesce(jsonb_object_agg(m, v) FILTER (WHERE v IS NOT NULL), '{}'))
    FROM generate_series(0, 26) n, LATERAL (VALUES ('a', nullif(n % 3, 2)), ('d', nullif(n / 3 % 3, 2)), ('k', nullif(n / 9, 2))) x (m, v) GROUP BY n ORDER BY n);
BEGIN
  PERFORM agentcore.policy_rule_drop('would', rule) FROM agentcore.policy_rules WHERE policy = 'would';
  FOR i IN 1 .. 7 LOOP
    IF mask & (1 << i - 1) > 0 THEN EXECUTE 'SELECT agentcore.' || rules[i]; END IF;
  END LOOP;
  PERFORM agentcore.policy_set('would', mode => 'enforce');
  CREATE TEMP TABLE enforcing AS SELECT * FROM agentcore.policy_simulate('would', contexts => asked);
  PERFORM agentcore.policy_set('would', mode => 'audit');
  SELECT count(*) FILTER (WHERE NOT a.allowed OR (a.reason, split_part(a.detail, ' (', 1)) IS DISTINCT FROM (e.reason, split_part(e.detail, ' (', 1))), string_agg(DISTINCT a.reason, ' ') INTO differ, said
    FROM enforcing e JOIN agentcore.policy_simulate('would', contexts => asked) a USING (n);
  DROP TABLE enforcing;
END $$;
SELECT count(*), sum(differ) AS differ, string_agg(DISTINCT said, ', ') FROM generate_series(0, 127) mask, pg_temp.would(mask);
-- the same of the gate: an ask that no allow meets, a deny beside no allow, an allow that was missed
SELECT policy_rule_drop('would', rule) FROM policy_rules WHERE policy = 'would' AND name IS NULL;
SELECT pg_temp.ask('would', 'deploy', a::jsonb) FROM unnest(ARRAY['{"a": 0, "d": 0, "k": 1}', '{"a": 0, "d": 1, "k": 0}', '{"a": 0, "d": 0, "k": 0}', '{"a": 1, "d": 0, "k": 0}']) a;
-- '*' in audit mode takes nothing away from what the agent's own policy would say
SELECT policy_set('*', mode => 'audit'), policy_ask_tool('*', 'deploy', name => 'common') IS NOT NULL;
SELECT pg_temp.ask('would', 'deploy', a::jsonb) FROM unnest(ARRAY['{"a": 0, "d": 0, "k": 1}', '{"a": 0, "d": 1, "k": 0}', '{"a": 0, "d": 0, "k": 0}', '{"a": 1, "d": 0, "k": 0}']) a;
SELECT policy_drop('*');

-- a name is told although the rule has no condition; an empty feedback is none
SELECT policy_set('named'), agent_set('named', policy => 'named'), policy_allow_tool('named', '*', name => 'all') > 0, policy_deny_tool('named', 'roll*', name => 'no-way-back', feedback => '') > 0;
SELECT verdict, reason, detail, feedback FROM call_begin('named', 'rollback');
SELECT effect, pattern, matched, why, name, truth FROM policy_explain('named', tool => 'rollback');
SELECT name, feedback FROM policy_rules WHERE policy = 'named';
CREATE FUNCTION public.says_nothing(jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT '' $$;
REVOKE EXECUTE ON FUNCTION public.says_nothing FROM PUBLIC;
SELECT policy_check_set('named', 'deploy', 'silent', 'public.says_nothing');
SELECT verdict, reason, detail, feedback FROM call_begin('named', 'deploy');
DROP FUNCTION public.says_nothing;
