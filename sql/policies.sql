-- Ten policies of real teams, each with what must come of it.  doc/policies.md is their guide.
SET client_min_messages = error;
SET search_path = agentcore, public;
\pset format unaligned
\pset tuples_only on
-- one call; it is over at once, so that the next finds nothing in flight
CREATE FUNCTION pg_temp.ask(agent text, tool text, args jsonb DEFAULT NULL, task text DEFAULT NULL, subject text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c record;
BEGIN
  SELECT * INTO c FROM agentcore.call_begin(agent, tool, args, task => task, subject => subject);
  IF c.verdict = 'run' THEN PERFORM agentcore.call_commit(c.call_id, '{"ok": true}'); END IF;
  RETURN c.verdict || CASE WHEN c.enforced THEN '' ELSE ' (not enforced)' END || coalesce(': ' || c.reason, '') || coalesce(', ' || c.detail, '');
END $$;
-- the same of many arguments: what was answered to which
CREATE FUNCTION pg_temp.each(agent text, tool text, many jsonb, task text DEFAULT NULL, subject text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT a::text || ' ' || pg_temp.ask(agent, tool, a, task, subject) FROM jsonb_array_elements(many) a $$;
-- the clock at an hour in Berlin, tomorrow
CREATE FUNCTION pg_temp.at(hour int, minute int DEFAULT 0) RETURNS void LANGUAGE sql AS $$
  SELECT set_config('agentcore.debug_clock_offset', (extract(epoch FROM (date_trunc('day', now() AT TIME ZONE 'Europe/Berlin') + make_interval(days => 1, hours => hour, mins => minute, secs => 1)) AT TIME ZONE 'Europe/Berlin' - clock_timestamp()) * 1000)::bigint::text, false) $$;
SELECT count(*) FROM unnest('{refund,sql/query,mail/send,mail/read,crm/get,crm/put,web/fetch,web/post,payment/send,search,repo/read,repo/write,tests/run,deploy,rollback,db/exec}'::text[]) t, tool_set(t, '{"type": "object"}');
SELECT count(*) FROM unnest('{shop,bi,mail,assistant,pay,res,ci,support,x9}'::text[]) p, policy_set(p), agent_set(p, p);

-- 1 a refund of at most 500, and of nothing that is no amount
SELECT policy_allow_tool('shop', 'refund', name => 'small-refund', "when" => '{"/args/amount": {"minimum": 0.01, "maximum": 500}}') > 0;
SELECT pg_temp.each('shop', 'refund', '[{"amount": 60}, {"amount": 500}, {"amount": 0.01}, {"amount": 500.000000001}, {"amount": 501}, {"amount": 0}, {"amount": -60}, {"amount": "60"}, {"amount": [1]}, {"amount": {"maximum": 1}}, {"amount": true}, {"amount": null}, {"amount": 1e400}, {"Amount": 60}, {}]');

-- and of the order's own total, whatever the pieces
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id text PRIMARY KEY, total numeric NOT NULL);
INSERT INTO shop.orders VALUES ('o1', 100), ('o2', 5000);
CREATE FUNCTION shop.refundable(context jsonb) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT total FROM shop.orders WHERE id = context #>> '{args,order_id}' $$;
REVOKE EXECUTE ON FUNCTION shop.refundable FROM PUBLIC;
SELECT policy_limit_tool('shop', 'refund', name => 'order', per => '{/args/order_id}', sum_of => '/args/amount', max_by => 'shop.refundable');
SELECT pg_temp.each('shop', 'refund', '[{"order_id": "o1", "amount": 60}, {"order_id": "o1", "amount": 60}, {"order_id": "o1", "amount": 40}, {"order_id": "o1", "amount": 0.01}, {"order_id": "o2"}, {"order_id": "o2", "amount": "60"}, {"order_id": "o2", "amount": -60}, {"order_id": "o2", "amount": [1]}, {"order_id": "o2", "amount": 501},
  {"order_id": "o2", "amount": 500}, {"order_id": "o3", "amount": 1}, {"amount": 1}, {"order_id": null, "amount": 1}, {"order_id": ["o2"], "amount": 1}]');

-- 2 one SELECT, as the role that can do nothing else
SELECT policy_allow_tool('bi', 'sql/query', name => 'one-select', "when" => '{"/args/role": {"const": "bi_reader"}, "/args/sql": {"pattern": "^\\s*(?:[Ss][Ee][Ll][Ee][Cc][Tt])\\b[^;]*;?\\s*$"}}') > 0;
SELECT pg_temp.each('bi', 'sql/query', '[{"role": "bi_reader", "sql": "select 1"}, {"role": "bi_reader", "sql": "\n  SeLeCt 1 ;  "}, {"role": "bi_reader", "sql": "select 1; drop table t"}, {"role": "bi_reader", "sql": "with x as (delete from t returning 1) select 1"},
  {"role": "bi_reader", "sql": "selection"}, {"role": "bi_reader", "sql": "-- select\ndelete from t"}, {"role": "bi_reader", "sql": ["select 1"]}, {"role": "bi_reader"}, {"sql": "select 1"}, {"role": "BI_READER", "sql": "select 1"}, {"role": ["bi_reader"], "sql": "select 1"}]');
-- what the pattern cannot see, the role must stop
SELECT pg_temp.ask('bi', 'sql/query', '{"role": "bi_reader", "sql": "select lo_unlink(1)"}');

-- 3 e-mail to the own domain
SELECT policy_allow_tool('mail', 'mail/send', name => 'own-domain', "when" => '{"/args/to/*": {"pattern": "^[A-Za-z0-9._+-]+@example\\.com$"}, "/args/cc/*?": {"pattern": "^[A-Za-z0-9._+-]+@example\\.com$"}, "/args/bcc/*?": {"pattern": "^[A-Za-z0-9._+-]+@example\\.com$"}}') > 0;
SELECT pg_temp.each('mail', 'mail/send', '[{"to": ["a@example.com"]}, {"to": ["a@example.com", "b@example.com"], "cc": ["c@example.com"], "bcc": []}, {"to": ["a@example.com"], "cc": null}]');
SELECT pg_temp.each('mail', 'mail/send', '[{"to": ["a@example.com", "b@evil.org"]}, {"to": ["a@example.com"], "bcc": ["b@evil.org"]}, {"to": "a@example.com"}, {"to": ["a@example.com"], "bcc": "b@evil.org"}, {"to": ["a@example.com"], "bcc": {"0": "b@evil.org"}}, {"to": []}, {}, {"to": [null]}, {"to": [["a@example.com"]]},
  {"to": ["a@example.com.evil.org"]}, {"to": ["b@evil.org,a@example.com"]}, {"to": ["a@example.com\r\nBcc: b@evil.org"]}, {"to": ["a@example.com\n"]}, {"to": ["\u0430@example.com"]}, {"to": ["a@ex\u0430mple.com"]}, {"to": ["<a@example.com> b@evil.org"]}, {"to": ["a@example.com"], "cc": ["a@example.com", 7]}]');

-- 4 nothing goes out once untrusted text was read
SELECT tool_set('mail/read', taints => '{untrusted}'), policy_allow_tool('assistant', 'mail/read') > 0, policy_allow_tool('assistant', 'crm/*') > 0, policy_allow_tool('assistant', 'web/*', name => 'egress-clean', "when" => '{"/labels": {"not": {"contains": {"const": "untrusted"}}}}') > 0;
SELECT pg_temp.ask('assistant', 'web/fetch', task => 't'), pg_temp.ask('assistant', 'mail/read', task => 't'), pg_temp.ask('assistant', 'web/fetch', task => 't'), pg_temp.ask('assistant', 'crm/get', task => 't'), pg_temp.ask('assistant', 'web/post', task => 't');
SELECT pg_temp.ask('assistant', 'web/fetch'), pg_temp.ask('assistant', 'web/fetch', task => 'another');
-- a tool added tomorrow is closed, a child of the task is no way round, and only a person clears
SELECT tool_set('mail/forward', '{"type": "object"}'), pg_temp.ask('assistant', 'mail/forward', task => 'another'), task_set('child', parent => 't'), pg_temp.ask('assistant', 'web/fetch', task => 'child');
SELECT task_clear('t', 'untrusted', 'read by Ann: harmless'), pg_temp.ask('assistant', 'web/fetch', task => 't'), pg_temp.ask('assistant', 'mail/read', task => 'child'), pg_temp.ask('assistant', 'web/fetch', task => 't');

-- 5 two people over 1,000, also in pieces
CREATE ROLE regress_agc_pay_finance;
CREATE ROLE regress_agc_pay_ann SUPERUSER;
CREATE ROLE regress_agc_pay_bob SUPERUSER;
GRANT regress_agc_pay_finance TO regress_agc_pay_ann, regress_agc_pay_bob;
SELECT policy_allow_tool('pay', 'payment/send', name => 'pay', "when" => '{"/args/amount": {"exclusiveMinimum": 0, "maximum": 1000}}') > 0,
  policy_ask_tool('pay', 'payment/send', name => 'two-people', votes => 2, approvers => 'regress_agc_pay_finance', "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0,
  policy_limit_tool('pay', 'payment/send', name => 'day', per => '{/args/payee}', sum_of => '/args/amount', max_sum => 1000, period => '1 day', ask => 'two-people');
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": 999, "payee": "p1"}');
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": 999, "payee": "p1"}');
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": 999, "payee": "p2"}');
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": "5000", "payee": "p3"}');
SELECT verdict, reason, approval FROM call_begin('pay', 'payment/send', '{"amount": 1001, "payee": "p4"}') \gset
\echo :verdict :reason
SET SESSION AUTHORIZATION regress_agc_pay_ann;
SELECT call_approve(:'approval');
RESET SESSION AUTHORIZATION;
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": 1001, "payee": "p4"}');
SET SESSION AUTHORIZATION regress_agc_pay_bob;
SELECT call_approve(:'approval');
RESET SESSION AUTHORIZATION;
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": 1001, "payee": "p4"}');
SELECT verdict, reason FROM call_begin('pay', 'payment/send', '{"amount": 1001, "payee": "p4"}');
SELECT policy_drop('pay') FROM agent_drop('pay');
REVOKE regress_agc_pay_finance FROM regress_agc_pay_ann, regress_agc_pay_bob;

-- 6 five searches a task; a child's count for the tree, and a cached one is free
SELECT policy_allow_tool('res', 'search') > 0, policy_limit_tool('res', 'search', name => 'searches', max_calls => 5), tool_set('search', cache_ttl => '1 hour');
SELECT task_set('searching', parent => 'tree');
SELECT n, pg_temp.ask('res', 'search', jsonb_build_object('q', n), CASE WHEN n = 2 THEN 'searching' ELSE 'tree' END) FROM generate_series(1, 6) n;
SELECT pg_temp.ask('res', 'search', '{"q": 1}', 'tree'), pg_temp.ask('res', 'search', '{"q": 7}', 'searching'), pg_temp.ask('res', 'search', '{"q": 7}'), pg_temp.ask('res', 'search', '{"q": 7}', 'another');

-- 7 deploy what was tested in this task
SELECT policy_allow_tool('ci', 'repo/*') > 0, policy_allow_tool('ci', 'tests/run') > 0, policy_fact('ci', 'tests/run', 'tests_passed', value => '/args/commit', "when" => '{"/result/failed": {"const": 0}, "/result/ran": {"minimum": 1}}'), policy_fact_clear('ci', 'repo/*', 'tests_passed'),
       policy_allow_tool('ci', 'deploy', name => 'tested', "when" => '{"/args/commit": {"type": "string", "in": "/facts/tests_passed"}}') > 0;
CREATE FUNCTION pg_temp.test(commit text, result jsonb, task text DEFAULT 'release') RETURNS text LANGUAGE sql AS $$
  SELECT agentcore.call_commit((SELECT call_id FROM agentcore.call_begin('ci', 'tests/run', jsonb_build_object('commit', commit), task => task)), result) $$;
SELECT pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release');
SELECT call_id AS test FROM call_begin('ci', 'tests/run', '{"commit": "a1"}', task => 'release') \gset
SELECT pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release'), pg_temp.ask('ci', 'deploy', '{"commit": "b2"}', 'release');
SELECT call_commit(:'test', '{"failed": 2, "ran": 40}'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release'), pg_temp.test('a1', '{"failed": 0, "ran": 0}'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release'), pg_temp.test('a1', '"all passed"'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release');
SELECT pg_temp.test('a1', '{"failed": 0, "ran": 40}'), pg_temp.ask('ci', 'deploy', '{"commit": "b2"}', 'release'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'another'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}'), pg_temp.ask('ci', 'deploy', '{"commit": ["a1"]}', 'release'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release');
SELECT pg_temp.ask('ci', 'repo/write', task => 'release'), pg_temp.ask('ci', 'deploy', '{"commit": "a1"}', 'release');

-- 8 a customer's own data
SELECT policy_allow_tool('support', 'crm/*', name => 'own-data', "when" => '{"/args/customer_id": {"type": "string", "equals": "/subject"}}') > 0;
SELECT pg_temp.each('support', 'crm/get', '[{"customer_id": "c7"}, {"customer_id": "c8"}, {"customer_id": "C7"}, {"customer_id": "c7 "}, {"customer_id": ["c7"]}, {"customer_id": {"$eq": "c7"}}, {"customer_id": null}, {"customer_id": "*"}, {"customer_id": ""}, {}]', subject => 'c7');
SELECT pg_temp.each('support', 'crm/put', '[{"customer_id": "c7"}, {"customer_id": null}, {}]');

-- 9 a freeze for everybody at night
SELECT policy_set('*', tz => 'Europe/Berlin'), policy_deny_tool('*', 'deploy', name => 'freeze', feedback => 'No deploys from 22:00 to 6:00.', "when" => '{"/clock/hour": {"not": {"minimum": 6, "maximum": 21}}}') > 0;
SELECT policy_set('day'), agent_set('day', 'day'), policy_allow_tool('day', 'deploy') > 0, policy_allow_tool('day', 'rollback') > 0;
SELECT pg_temp.at(12), pg_temp.ask('day', 'deploy'), pg_temp.at(21, 59), pg_temp.ask('day', 'deploy'), pg_temp.at(6), pg_temp.ask('day', 'deploy');
SELECT pg_temp.at(23), pg_temp.ask('day', 'deploy'), pg_temp.ask('day', 'rollback'), pg_temp.at(22), pg_temp.ask('day', 'deploy'), pg_temp.at(5, 59), pg_temp.ask('day', 'deploy');
SELECT pg_temp.at(23);
SELECT feedback FROM call_begin('day', 'deploy');
SELECT pg_temp.at(12);
-- what only '*' speaks of is allowed to nobody, and '*' can allow nothing
SELECT pg_temp.ask('day', 'db/exec'), pg_temp.ask('shop', 'deploy');
SELECT policy_allow_tool('*', 'db/exec');
RESET agentcore.debug_clock_offset;
SELECT policy_drop('*');

-- 10 a rule that is watched before it is enforced
SELECT policy_allow_tool('x9', 'db/*') > 0, policy_deny_tool('x9', 'db/*', name => 'no-prod', audit => true, "when" => '{"/args/env": {"enum": ["prod"]}}') > 0;
SELECT pg_temp.each('x9', 'db/exec', '[{"env": "prod"}, {}, {"env": null}, {"env": ["prod"]}, {"env": "dev"}]');
SELECT policy_deny_tool('x9', 'db/*', name => 'no-prod', "when" => '{"/args/env": {"enum": ["prod"]}}') > 0, (SELECT count(*) FROM policy_rules WHERE policy = 'x9' AND name = 'no-prod');
SELECT pg_temp.each('x9', 'db/exec', '[{"env": "prod"}, {}, {"env": ["prod"]}, {"env": "dev"}, {"env": "PROD"}]');
DROP SCHEMA shop CASCADE;
DROP ROLE regress_agc_pay_finance, regress_agc_pay_ann, regress_agc_pay_bob;
