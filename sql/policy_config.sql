-- Policies with rules, checks and facts as documents.
SET client_min_messages = error;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
CREATE FUNCTION pg_temp.rules(of_tenant text DEFAULT '') RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(coalesce(name, pattern) || ' ' || effect, ', ' ORDER BY rule) FROM agentcore.policy_rules WHERE tenant = of_tenant AND policy = 'p' $$;
CREATE SCHEMA shop;
CREATE FUNCTION shop.may(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT NULL::text';
CREATE ROLE regress_finance;

-- everything that a policy can have
\set full '{"name": "p", "tz": "Europe/Berlin", "strict_urls": true, "allow": ["*.example.com"], "deny": [], "allow_tools": ["a", {"tool": "refund", "name": "small", "when": {"/args/amount": {"minimum": 0.01, "maximum": 500}}, "feedback": "At most 500."}], "deny_tools": [{"tool": "db/*", "name": "no-prod", "audit": true, "when": {"/args/env": {"enum": ["prod"]}}}, "rm*"], "ask_tools": [{"tool": "refund", "name": "two", "votes": 2, "self": true, "approvers": "regress_finance", "decide_within": "1 day 02:00:00", "bind": ["/amount"], "valid": "[2026-01-01 00:00:00+00,)"}, {"tool": "pay", "name": "one"}], "checks": [{"name": "may", "tool": "refund", "check": "shop.may", "audit": true}], "facts": [{"tool": "tests", "fact": "passed", "value": "/args/commit", "when": {"/result/failed": {"const": 0}}, "valid_for": "01:30:00"}, {"tool": "tests", "fact": "passed", "clears": true}, {"tool": "repo/*", "fact": "passed", "clears": true}], "limits": [{"tool": "refund", "name": "day", "per": ["/args/payee"], "sum_of": "/args/amount", "max_sum": 1000, "period": "1 day 02:00:00", "ask": "two"}, {"tool": "search", "name": "five", "max_calls": 5}]}'
SELECT * FROM agentcore.config_apply(jsonb_build_object('policies', jsonb_build_array(:'full'::jsonb)));
SELECT jsonb_pretty(agentcore.policy_export('p'));
SELECT count(agentcore.tool_set('t', '{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}', traits => '{destructive}', taints => '{untrusted}', once => '1 day 2 hours', once_by => '{/a}', once_scope => 'subject', log_args => '{/a}', record => 'all', redact => '{/b,/c/*}', output_schema => '{"type": "object"}'));

-- export, apply on an empty tenant, export: the same; in another style of intervals too
SELECT count(*) FROM agentcore.config_apply(agentcore.config_export(), tenant => 'copy');
SELECT agentcore.config_export() = agentcore.config_export('copy') AS same;
SET intervalstyle = 'iso_8601'; SET timezone = 'Asia/Tokyo';
SELECT agentcore.config_export() = agentcore.config_export('copy') AS same, agentcore.policy_export('p') = agentcore.policy_export('p', tenant => 'copy') AS same_policy;
RESET intervalstyle; RESET timezone;
SELECT * FROM agentcore.config_apply(agentcore.config_export(), tenant => 'copy') WHERE action <> 'unchanged';
SELECT agentcore.policy_import('q', agentcore.policy_export('p'));
SELECT agentcore.policy_export('q') = agentcore.policy_export('p') AS same, agentcore.policy_import('q', agentcore.policy_export('p'));
SELECT agentcore.config_export() #> '{tools,0}' @> '{"traits": ["destructive"], "taints": ["untrusted"], "once": "1 day 02:00:00", "once_by": ["/a"], "once_scope": "subject", "log_args": ["/a"], "record": "all", "redact": ["/b", "/c/*"], "output_schema": {"type": "object"}}' AS tool_members;

-- limits stand alone too
SELECT agentcore.policy_import('q', '{"limits": [{"tool": "search", "name": "five", "max_calls": 6}]}'), agentcore.policy_export('q') -> 'limits', agentcore.policy_import('q', '{"checks": []}');
SELECT agentcore.policy_export('q') -> 'limits', agentcore.policy_import('q', '{"limits": null}');
SELECT agentcore.policy_export('q') -> 'limits';
-- a list that is there is complete, one that is not stays
SELECT agentcore.config_apply('{"policies": [{"name": "p", "ask_tools": [{"tool": "pay", "name": "one"}]}]}'), pg_temp.rules('');
SELECT pg_temp.rules(), (SELECT count(*) FROM agentcore.policy_checks WHERE tenant = '' AND policy = 'p') AS checks, (SELECT count(*) FROM agentcore.policy_facts WHERE tenant = '' AND policy = 'p') AS facts;
SELECT agentcore.config_apply('{"policies": [{"name": "p", "facts": [{"tool": "tests", "fact": "passed", "clears": true}]}]}');
SELECT tool, fact, clears, value FROM agentcore.policy_facts WHERE tenant = '' AND policy = 'p';
SELECT agentcore.config_apply('{"policies": [{"name": "p", "facts": null, "checks": null, "ask_tools": null, "deny_tools": [{"tool": "x", "name": "small"}], "tz": null}]}');
SELECT pg_temp.rules(), (SELECT count(*) FROM agentcore.policy_checks WHERE tenant = '' AND policy = 'p') AS checks, (SELECT count(*) FROM agentcore.policy_facts WHERE tenant = '' AND policy = 'p') AS facts, (SELECT tz FROM agentcore.policies WHERE tenant = '' AND name = 'p');
SELECT pg_temp.rules('copy');
-- a rule that is written again is all that is said of it
SELECT agentcore.config_apply(jsonb_build_object('policies', jsonb_build_array(:'full'::jsonb)));
SELECT agentcore.config_apply('{"policies": [{"name": "p", "ask_tools": [{"tool": "refund", "name": "two", "votes": null, "self": null}]}]}');
SELECT pattern, votes, self, approvers, decide_within, bind, valid FROM agentcore.policy_rules WHERE tenant = '' AND policy = 'p' AND effect = 'ask';

-- a document from before rules had names leaves those that have one, one that knows names does not
SELECT agentcore.config_apply(jsonb_build_object('policies', jsonb_build_array(:'full'::jsonb)));
SELECT agentcore.config_apply('{"policies": [{"name": "p", "mode": "enforce", "schemes": ["https"], "methods": null, "strict_urls": false, "allow": [], "deny": [], "allow_tools": ["b"], "deny_tools": [{"tool": "rm", "valid": null}]}]}');
SELECT pg_temp.rules(), (SELECT tz FROM agentcore.policies WHERE tenant = '' AND name = 'p');
SELECT agentcore.config_apply('{"policies": [{"name": "p", "allow_tools": null, "deny_tools": null}]}');
SELECT pg_temp.rules();
SELECT agentcore.policy_import('p', '{"allow_tools": ["b"]}');
SELECT pg_temp.rules();
SELECT agentcore.config_apply('{"policies": [{"name": "p", "tz": "UTC", "allow_tools": ["b"]}]}');
SELECT pg_temp.rules();
SELECT agentcore.config_apply('{"policies": [{"name": "p", "deny_tools": [{"tool": "z", "name": "zz"}]}]}');
SELECT pg_temp.rules();

-- the policy '*': an old document cannot name it, so prune leaves it; the one of tenant '*' is nobody's export
SELECT agentcore.policy_set('*'), agentcore.policy_set('*', tenant => '*'), agentcore.policy_deny_tool('*', 'deploy', name => 'freeze', "when" => '{"/clock/hour": {"minimum": 22}}', tenant => '*') IS NOT NULL;
SELECT name, action FROM agentcore.config_apply('{"policies": [{"name": "p", "deny_tools": []}]}', prune => true);
SELECT name, action FROM agentcore.config_apply('{"policies": [{"name": "p", "ask_tools": []}]}', prune => true);
SELECT jsonb_path_query_array(agentcore.config_export(), '$.policies[*].name'), agentcore.policy_export('*', tenant => '*') -> 'deny_tools', pg_temp.refused($$SELECT agentcore.config_export('*')$$);
SELECT agentcore.policy_import('*', '{"deny_tools": [{"tool": "deploy", "name": "freeze"}]}', tenant => '*');
SELECT agentcore.policy_export('*', tenant => '*') -> 'deny_tools', agentcore.policy_drop('*', '*');

-- refused
SELECT m, pg_temp.refused(format('SELECT agentcore.config_apply(%L)', jsonb_build_object('policies', jsonb_build_array('{"name": "p"}' || m::jsonb)))) FROM unnest(ARRAY[
  '{"asks": []}', '{"ask_tools": {}}', '{"ask_tools": ["x"]}', '{"ask_tools": [5]}', '{"checks": ["x"]}', '{"facts": ["x"]}', '{"ask_tools": [{"name": "n"}]}', '{"ask_tools": [{"tool": "x", "name": "n", "vote": 2}]}',
  '{"ask_tools": [{"tool": "x", "name": "n", "approvers": "nobody_at_all"}]}', '{"allow_tools": [{"tool": "x", "name": "n"}, {"tool": "y", "name": "n"}]}', '{"allow_tools": [{"tool": "x", "name": "n"}], "deny_tools": [{"tool": "y", "name": "n"}]}',
  '{"checks": [{"tool": "x", "name": "n", "check": "shop.may"}, {"tool": "y", "name": "n", "check": "shop.may"}]}', '{"checks": [{"tool": "x", "name": "n", "check": "shop.gone"}]}', '{"facts": [{"tool": "x", "fact": "f"}, {"tool": "x", "fact": "f", "clears": false}]}',
  '{"facts": [{"tool": "x", "fact": "f", "clears": 5}]}', '{"facts": [{"tool": "x", "fact": "f", "clears": true, "value": "/args/a"}]}', '{"allow_tools": [{"tool": "x", "name": "n", "when": {"/arg": {"const": 1}}}]}', '{"allow_tools": [{"tool": "x", "name": "n", "votes": 1}]}', '{"tz": "Mars/Olympus"}', '{"tz": 5}']) m;
SELECT d, pg_temp.refused(format('SELECT agentcore.policy_document(%L)', d)) FROM unnest(ARRAY['{"tz": 5}', '{"ask_tools": {}}', '{"facts": 5}', '{"checks": "x"}', '{"asks": []}', '{"tz": "UTC", "facts": null, "checks": [], "ask_tools": []}']) d;
SELECT pg_temp.rules();
DROP OWNED BY regress_finance; DROP ROLE regress_finance;
