-- policy_explain(), policy_simulate() and policy_diff() of calls, by their contexts.
\pset format unaligned
\pset tuples_only on
-- at noon, whatever time it is: rules of this script are about the night
SELECT set_config('agentcore.debug_clock_offset', ((extract(epoch FROM (date_trunc('day', now() AT TIME ZONE 'UTC') + '12 hours') AT TIME ZONE 'UTC' - now())) * 1000)::bigint::text, false) IS NOT NULL AS noon;
SELECT agentcore.policy_set('pay'), agentcore.policy_allow_tool('pay', 'look/*') > 0,
       agentcore.policy_allow_tool('pay', 'send', name => 'small', "when" => '{"/args/amount": {"exclusiveMinimum": 0, "maximum": 1000}}') > 0,
       agentcore.policy_ask_tool('pay', 'send', name => 'dear', votes => 2, "when" => '{"/args/amount": {"exclusiveMinimum": 1000}}') > 0,
       agentcore.policy_deny_tool('pay', 'send', name => 'own', "when" => '{"/args/payee": {"equals": "/subject", "type": "string"}}') > 0,
       agentcore.policy_deny_tool('pay', 'send', name => 'night', audit => true, "when" => '{"/clock/hour": {"not": {"minimum": 6, "maximum": 21}}}') > 0;
SELECT agentcore.policy_set('berlin', tz => 'Europe/Berlin'), agentcore.policy_allow_tool('berlin', '*') > 0, agentcore.policy_deny_tool('berlin', 'send', name => 'night', "when" => '{"/clock/hour": {"not": {"minimum": 6, "maximum": 21}}}') > 0;
CREATE TABLE calls (n int, context jsonb);
INSERT INTO calls VALUES (1, '{"tool": "send", "args": {"amount": 20, "payee": "p"}, "subject": "s", "clock": {"hour": 12}}'), (2, '{"tool": "send", "args": {"amount": 2000, "payee": "p"}, "subject": "s", "clock": {"hour": 12}}'),
  (3, '{"tool": "send", "args": {"amount": "20", "payee": "p"}, "subject": "s", "clock": {"hour": 12}}'), (4, '{"tool": "send", "args": {"amount": 20, "payee": "s"}, "subject": "s", "clock": {"hour": 12}}'),
  (5, '{"tool": "send", "args": {"amount": 20, "payee": "p"}, "subject": "s", "clock": {"hour": 23}}'), (6, '{"tool": "look/at"}'), (7, '{"tool": "other"}'), (8, NULL), (9, '{"args": {}}'),
  (10, '{"tool": "send", "args": {"amount": 20, "payee": "p"}}'), (11, '{"tool": "send", "args": {"amount": 20, "payee": "p"}, "subject": "s", "clock": {"at": "2026-07-01T21:30:00Z"}}');
SELECT n, given, allowed, reason, detail FROM agentcore.policy_simulate('pay', contexts => ARRAY(SELECT context FROM calls ORDER BY n));
-- the time of a call is read in the zone of the policy: 21:30 UTC is 23:30 in Berlin in summer
SELECT allowed, reason FROM agentcore.policy_simulate('berlin', contexts => '{"{\"tool\": \"send\", \"clock\": {\"hour\": 21, \"at\": \"2026-07-01T21:30:00Z\"}}", "{\"tool\": \"send\", \"clock\": {\"hour\": 21}}"}');
SELECT effect, pattern, matched, why, name, truth, pointer FROM agentcore.policy_explain('pay', tool => 'send', context => '{"args": {"amount": 2000, "payee": 7}, "subject": "s", "clock": {"hour": 12}}');
SELECT effect, pattern, matched, why, name, truth, pointer FROM agentcore.policy_explain('pay', context => '{"tool": "look/at"}') WHERE effect <> 'special';
SELECT effect, matched, why FROM agentcore.policy_explain('pay', tool => 'other') WHERE effect = 'decision';
-- a policy '*' is judged beside; asked for itself, it says what it refuses
SELECT agentcore.policy_set('*'), agentcore.policy_deny_tool('*', 'send', name => 'freeze', "when" => '{"/traits": {"not": {"contains": {"const": "safe"}}}}') > 0, agentcore.policy_deny_tool('*', 'look/never') > 0;
SELECT n, allowed, reason, detail FROM agentcore.policy_simulate('pay', contexts => '{"{\"tool\": \"send\", \"args\": {\"amount\": 5, \"payee\": \"p\"}, \"subject\": \"s\", \"traits\": [\"safe\"], \"clock\": {\"hour\": 7}}", "{\"tool\": \"send\", \"args\": {\"amount\": 5, \"payee\": \"p\"}, \"subject\": \"s\", \"clock\": {\"hour\": 7}}", "{\"tool\": \"look/never\"}"}');
SELECT n, allowed, reason, detail FROM agentcore.policy_simulate('*', contexts => '{"{\"tool\": \"send\", \"traits\": [\"safe\"]}", "{\"tool\": \"send\"}", "{\"tool\": \"look/never\"}", "{\"tool\": \"unheard\"}"}');
SELECT name, truth, why FROM agentcore.policy_explain('pay', tool => 'send') WHERE name = 'freeze';
SELECT name, truth FROM agentcore.policy_explain('*', tool => 'send') WHERE name = 'freeze';
SELECT n, change, reason_after FROM agentcore.policy_diff('*', contexts => '{"{\"tool\": \"send\"}"}', rules => '{"deny_tools": [{"tool": "send", "name": "freeze", "when": {"/traits": {"contains": {"const": "x"}, "type": "array"}}}]}');
SELECT agentcore.policy_drop('*');

-- policy_diff() foretells what the setters do; nothing is written, and no lock is taken
CREATE FUNCTION foretold(rules jsonb, VARIADIC change text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  asked constant jsonb[] := ARRAY(SELECT context FROM calls ORDER BY n);
  said jsonb; was jsonb; statement text;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_build_array(n, allowed_before, reason_before, allowed_after, reason_after) ORDER BY n), '[]') INTO said FROM agentcore.policy_diff('pay', contexts => asked, rules => rules);
  CREATE TEMP TABLE before_it AS SELECT * FROM agentcore.policy_simulate('pay', contexts => asked);
  FOREACH statement IN ARRAY change LOOP EXECUTE statement; END LOOP;
  SELECT coalesce(jsonb_agg(jsonb_build_array(n, b.allowed, b.reason, a.allowed, a.reason) ORDER BY n), '[]') INTO was
    FROM before_it b JOIN agentcore.policy_simulate('pay', contexts => asked) a USING (n) WHERE (a.allowed, a.reason) IS DISTINCT FROM (b.allowed, b.reason);
  RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = CASE WHEN said = was THEN 'as foretold: ' || said::text ELSE format('foretold %s, was %s', said, was) END;
EXCEPTION WHEN raise_exception THEN RETURN SQLERRM;
END $$;
SELECT foretold('{"allow_tools": ["other"]}', $$SELECT agentcore.policy_allow_tool('pay', 'other')$$);
SELECT foretold('{"deny_tools": ["look/*", {"tool": "send", "name": "own", "when": {"/args/payee": {"const": "p"}}}]}',
  $$SELECT agentcore.policy_deny_tool('pay', 'look/*')$$, $$SELECT agentcore.policy_deny_tool('pay', 'send', name => 'own', "when" => '{"/args/payee": {"const": "p"}}')$$);
SELECT foretold('{"allow_tools": [{"tool": "send", "name": "small", "when": {"/args/amount": {"type": "number", "maximum": 10}}}]}', $$SELECT agentcore.policy_allow_tool('pay', 'send', name => 'small', "when" => '{"/args/amount": {"type": "number", "maximum": 10}}')$$);
SELECT foretold('{"ask_tools": [{"tool": "send", "name": "small", "votes": 2}]}', $$SELECT agentcore.policy_ask_tool('pay', 'send', name => 'small', votes => 2)$$);
SELECT foretold('{"deny_tools": [{"tool": "send", "name": "night", "when": {"/clock/hour": {"not": {"minimum": 6, "maximum": 21}}}}]}', $$SELECT agentcore.policy_deny_tool('pay', 'send', name => 'night', "when" => '{"/clock/hour": {"not": {"minimum": 6, "maximum": 21}}}')$$);
SELECT foretold('{"mode": "audit"}', $$SELECT agentcore.policy_set('pay', mode => 'audit')$$);
SELECT foretold('{"mode": "off"}', $$SELECT agentcore.policy_set('pay', mode => 'off')$$);
SELECT foretold(format('{"drop": [%s]}', rule)::jsonb, format($$SELECT agentcore.policy_rule_drop('pay', %s)$$, rule)) FROM agentcore.policy_rules WHERE policy = 'pay' AND name = 'dear';
-- the zone in which the clock is read; a policy keeps the one that it has
SELECT foretold('{"tz": "Europe/Berlin"}', $$SELECT agentcore.policy_set('pay', tz => 'Europe/Berlin')$$);
SELECT foretold('{"tz": null}', $$SELECT agentcore.policy_set('pay', reset => '{tz}')$$);
SELECT p.proposal, change, detail_before, detail_after FROM unnest('{"{\"tz\": \"UTC\"}","{\"tz\": null}","{\"mode\": \"enforce\"}"}'::jsonb[]) p (proposal), unnest('{f,t}'::bool[]) r (replace),
  agentcore.policy_diff('berlin', contexts => ARRAY(SELECT context FROM calls WHERE n = 11), rules => p.proposal, replace => r.replace) ORDER BY r.replace, p.proposal;
-- replace: a list that is given is whole, the others stay
SELECT n, change, allowed_after, reason_after, rule_after, proposed FROM agentcore.policy_diff('pay', contexts => ARRAY(SELECT context FROM calls ORDER BY n), rules => '{"allow_tools": ["other"]}', replace => true);
SELECT n, change, allowed_after, reason_after, proposed FROM agentcore.policy_diff('pay', contexts => ARRAY(SELECT context FROM calls ORDER BY n), rules => '{"deny_tools": [], "ask_tools": [{"tool": "look/*", "name": "q"}]}', replace => true);
SELECT n, change, allowed_after, reason_after, proposed FROM agentcore.policy_diff('pay', contexts => ARRAY(SELECT context FROM calls ORDER BY n), rules => '{"allow": ["example.com"], "ask_tools": [{"tool": "look/*", "name": "ask-look"}]}');
-- what a setter would refuse is refused
CREATE FUNCTION refused(rules jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; detail text;
BEGIN
  PERFORM FROM agentcore.policy_diff('pay', contexts => '{}', rules => rules);
  RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT refused('{"allow_tools": [{"tool": "send", "when": {"/args/amount": {"maximum": 1}}}]}');
SELECT refused('{"allow_tools": [{"tool": "send", "name": "x", "audit": true}]}');
SELECT refused('{"allow_tools": [{"tool": "send", "name": "x", "when": {"/arg/amount": {"maximum": 1}}}]}');
SELECT refused('{"deny_tools": [{"tool": "s*d"}]}');
SELECT refused('{"ask_tools": [{"tool": "send", "name": "x", "votes": 99}]}');
SELECT refused('{"ask_tools": [{"tool": "send", "name": "x", "votes": "many"}]}');
SELECT refused('{"ask_tools": [{"tool": "send", "name": "x", "approvers": "nobody_of_that_name"}]}');
SELECT refused('{"ask_tools": [7]}');
SELECT refused('{"tz": "Mars/Olympus"}');
SELECT refused('{"tz": 5}');
SELECT refused('{"deny_tools": "send"}');
-- contexts that are none, and neither or both questions
SELECT allowed FROM agentcore.policy_simulate('pay', contexts => '{"{\"tol\": 1}"}');
SELECT allowed FROM agentcore.policy_simulate('pay', contexts => '{"[]"}');
SELECT allowed FROM agentcore.policy_simulate('pay', contexts => '{"{\"tool\": \"send\", \"args\": 7}"}');
SELECT allowed FROM agentcore.policy_simulate('pay', contexts => '{"{\"tool\": \"send\", \"clock\": {\"at\": \"never\"}}"}');
SELECT allowed FROM agentcore.policy_simulate('pay', '{https://example.com}', contexts => '{}');
SELECT allowed FROM agentcore.policy_simulate('pay');
SELECT 1 FROM agentcore.policy_diff('pay', '{https://example.com}');
SELECT 1 FROM agentcore.policy_explain('pay', 'https://example.com', tool => 'send');
-- recorded calls, in a transaction that cannot write
SELECT agentcore.agent_set('payer', 'pay'), agentcore.tool_set('send', '{"type": "object"}', log_args => '{/amount,/payee}');
SET agentcore.audit = 'all';
SELECT verdict FROM agentcore.call_begin('payer', 'send', '{"amount": 20, "payee": "p", "note": "private"}', subject => 's');
SELECT verdict FROM agentcore.call_begin('payer', 'send', '{"amount": 900, "payee": "q", "note": "private"}', subject => 's');
RESET agentcore.audit;
BEGIN READ ONLY;
SELECT given, change, reason_after, detail_after FROM agentcore.policy_diff('pay', contexts => ARRAY(SELECT context FROM agentcore.call_log WHERE context IS NOT NULL ORDER BY at),
  rules => '{"allow_tools": [{"tool": "send", "name": "small", "when": {"/args/amount": {"type": "number", "maximum": 500}}}], "deny_tools": [{"tool": "send", "name": "night", "audit": true, "when": {"/clock/hour": {"maximum": -1}}}]}');
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode NOT IN ('AccessShareLock', 'ExclusiveLock');
COMMIT;
DROP FUNCTION foretold(jsonb, text[]), refused(jsonb);
DROP TABLE calls;
