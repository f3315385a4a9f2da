-- A cost that nobody states: told once, and held as a budget's minimum.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set VERBOSITY terse
SET search_path = agentcore, public;
-- pairs in one statement are meant here
SET agentcore.budget_guard = off;

-- The notice: in a budget of money, or below one, where the cost is unknown; once per session ----
SELECT budget_set('org', max_usd => 10), budget_set('team', max_tokens => 1000, parent => 'org'), budget_set('tokens', max_tokens => 1000),
       budget_set('windows'), budget_limit_set('windows', 'day', max_usd => 5, period => '1 day'),
       policy_set('p'), policy_allow_tool('p', '*') IS NOT NULL, tool_set('fetch', '{}'), tool_set('priced', '{}', est_usd => 0.1), agent_set('a', 'p', budget => 'team');
SELECT budget_release(budget_acquire('team', usd => 1)), budget_release(budget_acquire('team', usd => 0)), budget_release(budget_acquire('tokens'));
\set VERBOSITY default
SELECT budget_release(budget_acquire('team'));
\set VERBOSITY terse
SELECT budget_release(budget_acquire('team')), budget_release(budget_acquire('org'));
\c
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SELECT verdict FROM call_begin('a', 'priced', key => 'priced');
SELECT count(*) FROM call_explain('a', 'fetch');
SELECT verdict, call_id FROM call_begin('a', 'fetch', est_usd => 0, key => 'free') \gset
SELECT verdict, call_id AS unknown FROM call_begin('a', 'fetch', key => 'unknown') \gset
SELECT verdict FROM call_begin('a', 'fetch', '{"n": 1}');
\c
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SELECT budget_release(budget_acquire('windows'));
\c
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
\set VERBOSITY terse

-- tool_lint() names the budgets ----
SELECT path, keyword, effect, problem FROM tool_lint('fetch', 'agentcore');
SELECT count(*) FROM tool_lint('priced', 'agentcore');
SELECT budget_set('x' || i, max_usd => 1) FROM generate_series(1, 3) i;
SELECT problem FROM tool_lint('fetch', 'agentcore');
SELECT count(budget_set(budget, min_hold_usd => 0.01)) FROM budget_status;
SELECT count(*) FROM tool_lint('fetch', 'agentcore');
SELECT budget_set('x1', min_hold_usd => 0);
SELECT problem FROM tool_lint('fetch', 'agentcore');
SELECT count(budget_set(budget, reset => '{min_hold_usd}')) FROM budget_status;
SELECT tenant_set(true, tenant => 'other') IS NOT NULL AS made, tool_set('fetch', '{}', tenant => 'other');
SELECT count(*) FROM tool_lint('fetch', 'agentcore', tenant => 'other');

-- The minimum: the largest of the chain, only of what is unknown ----
SELECT budget_set('org', min_hold_usd => 0.5, min_hold_tokens => 10), budget_set('team', min_hold_usd => 0.2, min_hold_tokens => 100);
SELECT budget, min_hold_tokens, min_hold_usd FROM budget_status WHERE budget IN ('org', 'team', 'tokens') ORDER BY budget;
SELECT budget_acquire('team', key => 'both') IS NOT NULL, budget_acquire('team', tokens => 0, key => 'usd') IS NOT NULL, budget_acquire('team', usd => 0.001, key => 'tokens') IS NOT NULL,
       budget_acquire('team', 7, 0, key => 'none') IS NOT NULL, budget_acquire('org', key => 'org') IS NOT NULL;
SELECT key, held_tokens, held_usd FROM permits WHERE key IN ('both', 'usd', 'tokens', 'none', 'org') ORDER BY key;
SELECT held_tokens, held_usd FROM budget_status WHERE budget = 'org';
-- the request is what was asked: a repeat is the same whatever the minimum has become
SELECT budget_set('team', min_hold_tokens => 200);
SELECT duplicate FROM budget_try_acquire('team', key => 'both');
SELECT granted, reason FROM budget_try_acquire('team', 100, 0.5, key => 'both');
SELECT count(budget_release(permit)) FROM permits WHERE state = 'open' AND agent IS NULL;
-- a settlement without amounts charges what is held, one with amounts those
SELECT budget_commit(budget_acquire('team')), budget_commit(budget_acquire('team'), 3, 0.001);
SELECT tokens, usd FROM ledger WHERE event = 'commit' ORDER BY at, tokens DESC;
-- the gate holds it, shows no refusal before there is one, and its retries keep it
SELECT verdict, call_id AS call FROM call_begin('a', 'fetch', '{"n": 2}', key => 'gate') \gset
SELECT held_tokens, held_usd FROM permits WHERE permit = :'call';
SELECT call_commit(:'call', '{}', usd => 0.002, tokens => 1);
-- what is abandoned is charged it
SELECT budget_reset_window('team'), budget_reset_window('org');
SELECT verdict, call_id AS call FROM call_begin('a', 'fetch', '{"n": 3}', lease => '1 second') \gset
SET agentcore.debug_clock_offset = '1h';
SELECT budget_reap() > 0 AS reaped;
RESET agentcore.debug_clock_offset;
SELECT charged_tokens, charged_usd FROM permits WHERE permit = :'call';

-- Admission needs that room ----
SELECT budget_set('small', max_usd => 1, min_hold_usd => 0.4);
SELECT i, granted, detail FROM generate_series(1, 3) i, LATERAL budget_try_acquire('small', key => 'small ' || i);
SELECT granted FROM budget_try_acquire('small', usd => 0.2);
SELECT budget_set('tiny', max_usd => 0.3, min_hold_usd => 0.4);
SELECT granted, can_ever_fit, detail FROM budget_try_acquire('tiny');
SELECT granted FROM budget_try_acquire('tiny', usd => 0.3);
SELECT agent_set('b', 'p', budget => 'tiny');
SELECT verdict, reason, detail FROM call_begin('b', 'fetch');
SELECT verdict, reason FROM call_explain('b', 'fetch') WHERE stage = 'budget';
-- a rate of tokens takes what is held, and gets back what was not used
SELECT rate_set('api', rate => 1000, period => '1 day', tokens => 500), budget_set('rated', min_hold_tokens => 200), agent_set('r', 'p', budget => 'rated'),
       tool_set('limited', '{}', target => 'api');
SELECT verdict, call_id AS first FROM call_begin('r', 'limited', '{"n": 1}') \gset
SELECT verdict FROM call_begin('r', 'limited', '{"n": 2}');
SELECT verdict, reason FROM call_begin('r', 'limited', '{"n": 3}', key => 'third');
SELECT call_commit(:'first', '{}', tokens => 1);
SELECT verdict FROM call_begin('r', 'limited', '{"n": 3}', key => 'third');
SELECT verdict, reason FROM call_begin('r', 'limited', '{"n": 4}');

-- Set, kept, reset, exported ----
SELECT budget_set('small', max_calls => 5), budget_set('small', min_hold_usd => 0.4), budget_set('small', min_hold_usd => 0.0000000001);
SELECT min_hold_usd, min_hold_tokens FROM budget_status WHERE budget = 'small';
SELECT budget_set('small', min_hold_tokens => -1);
SELECT budget_set('small', min_hold_usd => -1);
SELECT budget_set('small', min_hold_usd => 'NaN');
SELECT b -> 'min_hold_usd', b -> 'min_hold_tokens' FROM jsonb_array_elements(config_export() -> 'budgets') b WHERE b ->> 'name' = 'team';
SELECT count(*) FROM config_apply(config_export()) WHERE action <> 'unchanged';
SELECT budget_set('small', reset => '{min_hold_usd,min_hold_tokens}');
SELECT min_hold_usd, min_hold_tokens FROM budget_status WHERE budget = 'small';
SELECT * FROM budget_verify();
