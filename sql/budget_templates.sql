-- Budgets that a template makes at their first use.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
DROP ROLE IF EXISTS regress_tpl_ann, regress_tpl_bob, regress_tpl_reader;
CREATE ROLE regress_tpl_ann;
CREATE ROLE regress_tpl_bob;
CREATE ROLE regress_tpl_reader;
SELECT access_grant('regress_tpl_ann', 'agent'), access_grant('regress_tpl_bob', 'agent'), access_grant('regress_tpl_reader', 'reader');
CREATE VIEW public.made AS
  SELECT budget, parent, max_tokens, used_tokens, held_tokens, template FROM budget_status WHERE template IS NOT NULL ORDER BY budget;

-- what a template needs
SELECT budget_set('team', max_tokens => 1000), budget_set('free'), budget_set('free child', parent => 'free');
SELECT budget_template_set('customer:*', max_tokens => 100);
SELECT budget_template_set('customer:*', parent => 'nobody');
SELECT budget_template_set('customer:*', parent => 'free child');
SELECT budget_template_set('*', parent => 'team');
SELECT budget_template_set('customer', parent => 'team');
SELECT budget_template_set('c*r*', parent => 'team');
SELECT budget_template_set('', parent => 'team');
SELECT budget_template_set(NULL, parent => 'team');
SELECT budget_template_set('customer:*', parent => 'team', max_budgets => -1);
SELECT budget_template_set('customer:*', parent => 'team', max_budgets => 1000001);
SELECT budget_template_set('customer:*', parent => 'team', reset => '{existing}');
SELECT budget_template_set('customer:*', reset => '{parent}');
SELECT budget_template_set('customer:*', max_tokens => 100, parent => 'team');
SELECT budget_template_set('customer:*', max_tokens => 100, parent => 'team');
SELECT budget_template_set('customer:*');
SELECT budget_template_set('customer:*', max_usd => 0.5, period => '1 day', tz => 'Europe/Rome', max_budgets => 5);
SELECT * FROM budget_templates \gx
SELECT budget_template_set('customer:*', reset => '{max_usd,period,tz,max_budgets}');
SELECT pattern, max_usd, period, kind, tz, max_budgets, made FROM budget_templates;
-- a parent may have its limit in another window, or above
SELECT budget_limit_set('free', 'day', max_calls => 10, period => '1 day'), budget_template_set('job:*', parent => 'free child');

-- looking makes nothing
SELECT budget_windows('customer:1');
SELECT granted, reason, denied_by, detail FROM budget_try_acquire('customer:1', 101);
SELECT count(*) FROM made;
SELECT budget_set('team', enabled => false);
SELECT granted, reason, denied_by FROM budget_try_acquire('customer:1', 1);
SELECT budget_set('team', enabled => true);
SELECT count(*) FROM made;
-- the first use makes it, the second finds it
SELECT granted FROM budget_try_acquire('customer:1', 60);
SELECT * FROM made;
SELECT granted, reason, denied_by, detail FROM budget_try_acquire('customer:1', 60);
SELECT granted FROM budget_try_acquire('customer:1', 40), budget_acquire('customer:2', 7) x;
SELECT * FROM made;
SELECT budget_commit(permit, tokens => 50) FROM permits WHERE budget = 'customer:1' ORDER BY created_at LIMIT 1;
SELECT used_tokens, held_tokens FROM budget_status WHERE budget = 'team';
SELECT * FROM budget_verify();
-- a name without anything behind the prefix, and one that no template covers
SELECT budget_acquire('customer:', 1);
SELECT budget_acquire('customer', 1);
SELECT budget_acquire('other', 1);
-- the longest prefix wins, whichever is older
SELECT budget_template_set('customer:eu:*', max_tokens => 5, parent => 'team'), budget_template_set('cust*', max_tokens => 6, parent => 'team');
SELECT budget_acquire('customer:eu:1', 1) IS NOT NULL, budget_acquire('custom', 1) IS NOT NULL, budget_acquire('customer:e', 1) IS NOT NULL;
SELECT * FROM made;
SELECT budget_template_drop('cust*'), budget_template_drop('cust*');
SELECT budget_template_drop(NULL);
SELECT budget_acquire('custom2', 1);
SELECT budget_acquire('custom', 1) IS NOT NULL;
SELECT pattern, made FROM budget_templates ORDER BY 1;

-- what an unknown amount holds: by the template, from the first use on
SELECT budget_template_set('min:*', max_tokens => 100, parent => 'team', min_hold_tokens => 30, min_hold_usd => 0.25);
SELECT pattern, min_hold_tokens, min_hold_usd FROM budget_templates WHERE pattern = 'min:*';
SELECT granted FROM budget_try_acquire('min:1') UNION ALL SELECT granted FROM budget_try_acquire('min:1', 71);
SELECT budget, held_tokens, held_usd, min_hold_tokens, min_hold_usd, template FROM budget_status WHERE budget = 'min:1';
SELECT budget_template_set('min:*', min_hold_tokens => 101);
SELECT granted, reason, denied_by, detail FROM budget_try_acquire('min:2');
SELECT budget_template_set('min:*', min_hold_tokens => 20, reset => '{min_hold_usd}', existing => true);
SELECT budget, min_hold_tokens, min_hold_usd, template FROM budget_status WHERE template = 'min:*';
SELECT budget_template_set('min:*', min_hold_tokens => 20, existing => true), budget_template_set('min:*', min_hold_tokens => -1);
SELECT budget_release(permit) FROM permits WHERE budget = 'min:1';
SELECT budget_set('min:1', enabled => true), budget_drop('min:1'), budget_template_drop('min:*');

-- ROLLBACK of the first use
BEGIN;
SELECT budget_acquire('customer:back', 1) IS NOT NULL;
SAVEPOINT a;
SELECT budget_acquire('customer:back2', 1) IS NOT NULL;
ROLLBACK TO a;
SELECT count(*) FROM made WHERE budget LIKE '%back%';
SELECT budget_acquire('customer:back2', 1) IS NOT NULL;
ROLLBACK;
SELECT count(*) FROM made WHERE budget LIKE '%back%';
SELECT count(*) FROM budget_counter WHERE budget LIKE '%back%';
SELECT budget_acquire('customer:back', 1) IS NOT NULL;
BEGIN;
SELECT budget_acquire('customer:back3', 1) IS NOT NULL;
ROLLBACK;
SELECT budget_acquire('customer:back3', 3) IS NOT NULL;
BEGIN;
SAVEPOINT a;
SELECT budget_acquire('customer:back2', 1) IS NOT NULL;
ROLLBACK TO a;
SELECT budget_acquire('customer:back2', 2) IS NOT NULL;
COMMIT;
SELECT * FROM made WHERE budget LIKE '%back%';
SELECT * FROM budget_verify();

-- how many
SELECT budget_template_set('few:*', parent => 'team', max_budgets => 3);
SELECT budget_acquire('few:' || i, 1) IS NOT NULL FROM generate_series(1, 3) i;
SELECT granted, reason, denied_by, can_ever_fit, retry_after, detail FROM budget_try_acquire('few:4', 1);
SELECT budget_acquire('few:4', 1);
SELECT budget_adjust('few:4', 1);
SELECT granted FROM budget_try_acquire('few:3', 1);
SELECT budget_template_set('few:*', max_budgets => 2), granted FROM budget_try_acquire('few:1', 1);
SELECT granted FROM budget_try_acquire('few:4', 1);
SELECT budget_template_set('few:*', max_budgets => 4);
SELECT granted FROM budget_try_acquire('few:4', 1);
SELECT granted FROM budget_try_acquire('few:5', 1);
-- rows beyond a lowered limit still count
SELECT budget_template_set('low:*', parent => 'team', max_budgets => 1000);
SELECT count(budget_acquire('low:' || i, 1)) FROM generate_series(1, 20) i;
SELECT budget_template_set('low:*', max_budgets => 25);
SELECT count(*) FILTER (WHERE granted) FROM generate_series(21, 40) i, budget_try_acquire('low:' || i, 1);
SELECT made, max_budgets, (SELECT count(DISTINCT place) FROM budget WHERE template = 'low:*') FROM budget_templates WHERE pattern = 'low:*';
-- a template that is dropped and made again counts those of before
SELECT budget_template_drop('few:*'), budget_template_set('few:*', parent => 'team', max_budgets => 4);
SELECT granted FROM budget_try_acquire('few:5', 1);
SELECT budget_template_set('few:*', max_budgets => 0), granted FROM budget_try_acquire('few:6', 1);

-- switched off
SELECT budget_template_set('off:*', parent => 'team', enabled => false);
SELECT granted, reason, detail FROM budget_try_acquire('off:1', 1);
SELECT budget_template_set('off:*', enabled => true), granted FROM budget_try_acquire('off:1', 1);
SELECT granted FROM budget_try_acquire('off:1', 1);
-- a parent that has lost its limit since
SELECT budget_set('loose', max_tokens => 5), budget_template_set('loose:*', parent => 'loose');
SELECT budget_set('loose', reset => '{max_tokens}');
SELECT granted, reason, denied_by, detail FROM budget_try_acquire('loose:1', 1);
SELECT budget_acquire('loose:1', 1);
SELECT budget_adjust('loose:1', 1);
SELECT budget_set('loose', max_tokens => 5), granted FROM budget_try_acquire('loose:1', 1);
SELECT budget_set('loose', max_tokens => 50), granted FROM budget_try_acquire('loose:1', 1);

-- never a parent, never without its parent
SELECT budget_set('child', parent => 'customer:1');
SELECT budget_set('child', parent => 'customer:new');
SELECT budget_template_set('sub:*', parent => 'customer:1');
SELECT budget_template_set('sub:*', parent => 'customer:new');
SELECT budget_drop('team');
SELECT budget_set('lone', max_tokens => 5), budget_template_set('lone:*', parent => 'lone');
SELECT budget_drop('lone');
SELECT budget_template_drop('lone:*'), budget_drop('lone');
-- levels: those that a template may make count
SELECT budget_set('l1', max_tokens => 100);
SELECT budget_set('l' || i, parent => 'l' || i - 1) FROM generate_series(2, 16) i;
SELECT budget_template_set('deep:*', parent => 'l16');
SELECT budget_template_set('deep:*', parent => 'l15');
SELECT budget_set('l0', max_tokens => 100);
SELECT budget_set('l1', parent => 'l0');

-- what becomes one like others
SELECT budget_set('customer:1', max_tokens => 500), budget_set('customer:2'), budget_set('customer:2');
SELECT budget_limit_set('customer:e', 'day', max_calls => 10, period => '1 day');
SELECT budget, max_tokens, template FROM budget_status WHERE budget IN ('customer:1', 'customer:2', 'customer:e') ORDER BY 1;
SELECT budget_set('child', parent => 'customer:1');
SELECT granted FROM budget_try_acquire('customer:1', 300);

-- those that it has made
SELECT count(budget_acquire('customer:x' || i, 10)) FROM generate_series(1, 3) i;
SELECT budget_template_set('customer:*', max_tokens => 30);
SELECT budget, max_tokens FROM made WHERE template = 'customer:*';
SELECT budget_template_set('customer:*', existing => true), budget_template_set('customer:*', existing => true);
SELECT budget, max_tokens FROM made WHERE template = 'customer:*';
SELECT granted, detail FROM budget_try_acquire('customer:x1', 21);
SELECT budget_commit(permit) FROM permits WHERE budget = 'customer:x1' AND state = 'open';
-- a new window counts from the ledger
SELECT budget_template_set('customer:*', period => '50 years', on_expiry => 'charge_estimate', thresholds => '{50}', existing => true);
SELECT budget, used_tokens, max_tokens, kind, period, on_expiry, thresholds FROM budget_status WHERE template = 'customer:*' ORDER BY 1;
SELECT max_tokens FROM budget_status WHERE budget = 'customer:1';
SELECT * FROM budget_verify();

-- who may make one: who could use it then
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0, tool_set('t', 'true'), model_price_set('m', 0.001, 0.001);
SELECT budget_set('anyones'), budget_set('anns', max_tokens => 1000), agent_set('ann', 'web', 'anns', owner => 'regress_tpl_ann'), agent_set('bob', 'web', owner => 'regress_tpl_bob', charges => '{one:*,none:*}');
SELECT budget_template_set('anns:*', parent => 'anns'), budget_template_set('listed:*', parent => 'team', spenders => '{regress_tpl_bob}'),
       budget_template_set('closed:*', parent => 'team', spenders => '{}'), budget_template_set('open:*', parent => 'team'),
       budget_template_set('named:*', parent => 'team');
CREATE FUNCTION public.may_use(budget text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  way text;
  answers text[] := '{}';
BEGIN
  FOREACH way IN ARRAY ARRAY['budget_acquire($1, 1)', 'budget_try_acquire($1, 1)', 'budget_acquire($1, 1, key => $1)',
    'budget_acquire(''anyones'', 1, also => ARRAY[$1])'] LOOP
    BEGIN
      EXECUTE 'SELECT agentcore.' || way USING budget;
      answers := answers || 'yes'::text;
      RAISE EXCEPTION 'undo' USING ERRCODE = 'TC999';
    EXCEPTION WHEN SQLSTATE 'TC999' THEN NULL;
      WHEN OTHERS THEN answers := answers || SQLSTATE;
    END;
  END LOOP;
  RETURN (SELECT string_agg(DISTINCT a, ' ') FROM unnest(answers) a);
END
$$;
-- an agent may name one before it is made, and leads to it and to what is above
SELECT budget_set('above', max_tokens => 10000), budget_template_set('own:*', parent => 'above'), agent_set('ann2', 'web', 'own:ann', owner => 'regress_tpl_ann');
SELECT agent_set('ann3', 'web', 'nobody');
CREATE VIEW public.names AS SELECT unnest('{anns:1,listed:1,closed:1,open:1,own:ann,own:2,above}'::text[]) AS name;
GRANT SELECT ON public.names TO PUBLIC;
SET ROLE regress_tpl_ann;
SELECT name, may_use(name) FROM public.names;
SET ROLE regress_tpl_bob;
SELECT name, may_use(name) FROM public.names;
RESET ROLE;
SELECT count(*) FROM made WHERE budget IN (SELECT name FROM public.names);
-- the same once they are made, in a session that has not heard of it (no registry table changes) and in one that looks anew
SET ROLE regress_tpl_ann;
SELECT budget_acquire('anns:1', 1) IS NOT NULL, budget_acquire('open:1', 1) IS NOT NULL;
SELECT verdict FROM call_begin('ann2', 't');
SET ROLE regress_tpl_bob;
SELECT budget_acquire('listed:1', 1) IS NOT NULL;
SELECT name, may_use(name) FROM public.names;
RESET ROLE;
SELECT budget_set('touched');
SET ROLE regress_tpl_bob;
SELECT name, may_use(name) FROM public.names;
SET ROLE regress_tpl_reader;
SELECT budget_acquire('open:2', 1);
SELECT pattern, made FROM budget_templates WHERE pattern = 'open:*';
SELECT budget_template_set('mine:*', parent => 'team');
SELECT budget_template_drop('open:*');
SELECT budget_prune('*', '0');
RESET ROLE;

-- the gate: a row, and no error
SELECT budget_template_set('one:*', parent => 'team', max_budgets => 1);
SELECT verdict, reason FROM call_begin('bob', 't', budget => 'one:1', key => 'k1');
SELECT verdict, reason, detail, retry_after FROM call_begin('bob', 't', budget => 'one:2', key => 'k2');
SELECT verdict, reason FROM call_begin('bob', 't', budget => 'one:1', key => 'k3');
SELECT verdict, reason, detail FROM llm_begin('bob', 'm', 1, 1, budget => 'one:2', key => 'k4');
SELECT stage, verdict, reason FROM call_explain('bob', 't', budget => 'one:2') WHERE verdict IS NOT NULL AND stage = 'budget';
SELECT verdict, reason FROM call_begin('bob', 't', budget => 'none:2');

-- nobody hears of it: nothing else is compiled again, or even looked at (an invalidation would make the next call look at agent and tool)
SELECT budget_template_set('many:*', parent => 'team', max_budgets => 2000);
SELECT verdict FROM call_begin('ann', 't');
CREATE TEMP TABLE compiled AS SELECT class, tenant, name, compiles FROM compiled_objects();
BEGIN;
SELECT verdict FROM call_begin('ann', 't');
CREATE TEMP TABLE looks AS SELECT i, pg_stat_get_xact_numscans(i) AS n FROM unnest('{agentcore.agent_pkey,agentcore.tool_pkey}'::regclass[]) i;
SELECT count(budget_acquire('many:' || i, 0)) FROM generate_series(1, 300) i;
SELECT verdict FROM call_begin('ann', 't');
SELECT i, pg_stat_get_xact_numscans(i) - n AS looks FROM looks;
COMMIT;
SELECT class, name, c.compiles, n.compiles FROM compiled c JOIN compiled_objects() n USING (class, tenant, name) WHERE c.compiles <> n.compiles;
SELECT made FROM budget_templates WHERE pattern = 'many:*';

-- after a registry change, who may use one of them is read along its chain and those of the agents, not of all
SELECT count(*) >= 300 AS many FROM budget;
BEGIN;
SELECT pg_stat_get_xact_tuples_returned('agentcore.budget_pkey'::regclass) AS before \gset
SELECT tool_set('changed', '{}');
SET LOCAL ROLE regress_tpl_bob;
SELECT granted FROM budget_try_acquire('many:7', 0);
RESET ROLE;
SELECT pg_stat_get_xact_tuples_returned('agentcore.budget_pkey'::regclass) - :before <= 30 AS few;
ROLLBACK;

-- prune
SELECT budget_prune(NULL, '1 day');
SELECT budget_prune('many:*', NULL);
SELECT budget_prune('many:*', '-1 day');
SELECT budget_prune('m*y', '1 day');
SELECT budget_prune('many:*', '0');
SELECT count(budget_release(permit)) FROM permits WHERE budget LIKE 'many:%' AND budget <> 'many:7';
SELECT budget_commit(budget_acquire('many:9', 1), tokens => 1);
SELECT budget_prune('many:*', '1 hour');
SET agentcore.debug_clock_offset = '2h';
SELECT budget_prune('many:1', '1 hour'), budget_prune('many:1', '1 hour'), budget_prune('many:1*', '1 hour'), budget_prune('many:*', '1 hour');
SELECT budget, used_tokens, in_flight FROM budget_status WHERE template = 'many:*' ORDER BY 1;
RESET agentcore.debug_clock_offset;
SELECT budget_prune('customer:1', '0'), budget_prune('team', '0');
SELECT budget_drop('many:9'), granted FROM budget_try_acquire('many:1', 1);
SELECT * FROM budget_verify();
-- of a name that is used again an earlier budget counts for nothing
SELECT budget_commit(budget_acquire('many:10', 8), tokens => 8);
SELECT budget_drop('many:10');
SELECT budget_acquire('many:10', 1) IS NOT NULL;
SELECT * FROM made WHERE budget = 'many:10';
SELECT * FROM budget_verify();
-- a counter that was left without its definition
INSERT INTO budget_counter SELECT tenant, 'many:left', slot, since, seen, window_revision, starts, '{0,0,0}', '{0,0,0,0}' FROM budget_counter WHERE budget = 'many:10';
SELECT granted FROM budget_try_acquire('many:left', 1);
SELECT * FROM made WHERE budget = 'many:left';

-- administrators
SELECT budget_reset_window('many:new');
SELECT budget_adjust('many:new', 5, reason => 'before its first call'), budget_adjust('many:new2', 0);
SELECT * FROM made WHERE budget LIKE 'many:new%';

-- configuration: templates, and none of the budgets that they have made
SELECT jsonb_path_query(config_export(), '$.budgets[*].name ? (@ like_regex "^(customer|many|few)")') ORDER BY 1;
SELECT jsonb_pretty(jsonb_path_query_array(config_export(), '$.budget_templates[*] ? (@.pattern == "customer:*")'));
SELECT kind, name, action FROM config_apply(config_export()) WHERE action <> 'unchanged';
SELECT kind, name, action FROM config_apply('{"budget_templates": [{"pattern": "doc:*", "parent": "team", "max_usd": 2.5}, {"pattern": "many:*", "max_tokens": 9}]}') WHERE action <> 'unchanged';
SELECT * FROM config_apply('{"budget_templates": [{"pattern": "doc:*", "slots": 2}]}');
SELECT * FROM config_apply('{"budget_templates": [{"pattern": "doc:*"}, {"pattern": "doc:*"}]}');
SELECT * FROM config_apply('{"budget_templates": [{"pattern": "doc:*", "max_usd": "x"}]}');
SELECT max_tokens, count(*) FROM budget_status WHERE template = 'many:*' GROUP BY 1;
SELECT kind, name, action FROM config_apply('{"budget_templates": [{"pattern": "many:*", "existing": true}]}') WHERE action <> 'unchanged';
SELECT max_tokens, count(*) FROM budget_status WHERE template = 'many:*' GROUP BY 1;
SELECT count(*) AS made FROM made;
SELECT kind, name, action FROM config_apply(jsonb_set(config_export(), '{budget_templates}', '[]'), dry_run => true, prune => true) WHERE action <> 'unchanged' AND name ~ '^(customer|doc)';
SELECT kind, name, action FROM config_apply(config_export() || '{"budget_templates": []}', prune => true) WHERE action <> 'unchanged' AND name ~ '^(customer|doc)';
SELECT count(*) AS made FROM made;

-- tenants
SELECT budget_set('team', max_tokens => 10, tenant => 't2'), budget_template_set('a:*', parent => 'team', tenant => 't2');
SELECT budget_acquire('a:1', 1);
SELECT budget_acquire('a:1', 1, tenant => 't2') IS NOT NULL;
SELECT tenant, budget, template FROM budget_status WHERE budget = 'a:1';
SELECT * FROM budget_verify();

DROP VIEW public.made, public.names;
DROP FUNCTION public.may_use(text);
SELECT access_revoke('regress_tpl_ann'), access_revoke('regress_tpl_bob'), access_revoke('regress_tpl_reader');
DROP ROLE regress_tpl_ann, regress_tpl_bob, regress_tpl_reader;
