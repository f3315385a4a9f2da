-- Budgets: who may use one, and every way around that.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
DROP ROLE IF EXISTS regress_spend_ann, regress_spend_bob, regress_spend_carl, regress_spend_group, regress_spend_admin;
CREATE ROLE regress_spend_ann;
CREATE ROLE regress_spend_bob;
CREATE ROLE regress_spend_carl;
CREATE ROLE regress_spend_group;
CREATE ROLE regress_spend_admin;
GRANT regress_spend_group TO regress_spend_carl;
SELECT access_grant(r, 'agent') FROM unnest('{regress_spend_ann,regress_spend_bob,regress_spend_carl}'::text[]) r;
SELECT access_grant('regress_spend_admin', 'admin');

-- rich is ann's, poor is bob's, shared belongs to an agent without an owner, free to none
SELECT budget_set('org', max_tokens => 1000000), budget_set('rich', max_tokens => 100000, parent => 'org'),
       budget_set('rich run', parent => 'rich'), budget_set('rich run 1', parent => 'rich run'),
       budget_set('poor', max_tokens => 10, parent => 'org'), budget_set('shared', parent => 'org'),
       budget_set('other', parent => 'org'), budget_set('free', max_tokens => 1000), budget_set('common');
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0, tool_set('t', 'true'), model_price_set('m', 0.001, 0.001);
SELECT agent_set('anns', 'web', 'rich', owner => 'regress_spend_ann'), agent_set('bobs', 'web', 'poor', owner => 'regress_spend_bob'),
       agent_set('anyones', 'web', 'shared');

-- what a role may use, by every way to name a budget: yes, or the SQLSTATE (where the ways differ: all of them)
CREATE FUNCTION public.may_use(budget text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  way text;
  answers text[] := '{}';
BEGIN
  FOREACH way IN ARRAY ARRAY['budget_acquire($1)', 'budget_acquire($1, 0, 0, 0)', 'budget_acquire($1, key => $1)',
    'budget_try_acquire($1)', 'budget_try_acquire($1, key => ''other '' || $1)', 'budget_acquire(''common'', also => ARRAY[$1])'] LOOP
    BEGIN
      EXECUTE 'SELECT agentcore.' || way USING budget;
      answers := answers || 'yes'::text;
    EXCEPTION WHEN OTHERS THEN answers := answers || SQLSTATE;
    END;
  END LOOP;
  RETURN CASE WHEN 1 = (SELECT count(DISTINCT a) FROM unnest(answers) a) THEN answers[1] ELSE answers::text END;
END $$;
CREATE FUNCTION public.may_use_as(role text, budget text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SET LOCAL ROLE regress_spend_%s', role);
  answer := public.may_use(budget);
  RESET ROLE;
  RETURN answer;
END $$;
CREATE VIEW public.uses AS
  SELECT b.name AS budget, public.may_use_as('ann', b.name) AS ann, public.may_use_as('bob', b.name) AS bob,
         public.may_use_as('carl', b.name) AS carl, public.may_use_as('admin', b.name) AS admin
    FROM agentcore.budget b WHERE b.tenant = '' AND b.name <> 'common' ORDER BY 1;
SELECT * FROM public.uses;

-- an agent that is switched off gives no right, and opens nothing; one that is dropped leaves its budget open
SELECT agent_set('anns', 'web', 'rich', owner => 'regress_spend_ann', enabled => false);
SELECT budget, ann, bob FROM public.uses WHERE budget LIKE 'rich%';
SELECT agent_drop('anns');
SELECT budget, ann, bob FROM public.uses WHERE budget LIKE 'rich%';
SELECT agent_set('anns', 'web', 'rich', owner => 'regress_spend_ann');
-- a role that was granted to another one
GRANT regress_spend_ann TO regress_spend_bob;
SELECT budget, bob FROM public.uses WHERE budget = 'rich';
REVOKE regress_spend_ann FROM regress_spend_bob;
SELECT budget, bob FROM public.uses WHERE budget = 'rich';
-- agents of another tenant have no say here
SELECT access_grant('regress_spend_bob', 'agent', '{elsewhere}'), policy_set('web', tenant => 'elsewhere'), budget_set('rich', tenant => 'elsewhere'),
       agent_set('bobs', 'web', 'rich', owner => 'regress_spend_bob', tenant => 'elsewhere');
SET ROLE regress_spend_bob;
SELECT budget_acquire('rich', tenant => 'elsewhere') IS NOT NULL AS there;
SELECT budget_acquire('rich');
CALL budget_acquire_wait('rich', deadline => '1 s');
CALL budget_acquire_wait('rich run 1', deadline => '1 s');
CALL budget_acquire_wait('none', deadline => '1 s');
-- refused before a cached answer is given, or a key answered, and with nothing taken
SELECT verdict FROM call_begin('bobs', 't', key => 'mine', budget => 'poor');
SELECT verdict FROM call_begin('bobs', 't', key => 'mine', budget => 'rich');
SELECT verdict FROM call_begin('bobs', 't');
RESET ROLE;

-- another's permit: none of the ways to end, lengthen or enlarge it finds it
SET ROLE regress_spend_ann;
SELECT budget_acquire('rich', 7) AS raw \gset
SELECT call_id AS gated FROM call_begin('anns', 't', est_tokens => 7) \gset
SET ROLE regress_spend_bob;
\set VERBOSITY sqlstate
SELECT budget_commit(:'raw', 90000);
SELECT budget_commit(:'gated', 90000);
SELECT budget_release(:'raw');
SELECT budget_extend(:'raw', '1 h');
SELECT call_commit(:'gated', tokens => 90000);
SELECT llm_commit(:'gated', tokens => 90000);
SELECT call_fail(:'gated', 503, tokens => 90000);
SELECT call_extend(:'gated', '1 h', 90000);
SELECT call_resolve(:'gated', true, tokens => 90000);
SELECT call_status(:'gated');
SELECT budget_adjust('rich', 90000);
SELECT budget_set('poor', parent => 'rich');
SELECT budget_drop('rich');
SELECT budget_reap();
\set VERBOSITY default
RESET ROLE;
SELECT used_tokens, held_tokens >= 14 AS held FROM budget_status WHERE tenant = '' AND budget = 'rich';

-- a permit of one's own is enlarged as long as one may use its budget; its lease goes on
SELECT agent_set('anns', 'web', 'rich', owner => 'regress_spend_carl');
SET ROLE regress_spend_ann;
SELECT budget_extend(:'raw', '1 h', 1);
SELECT call_extend(:'gated', '1 h', 1);
SELECT budget_extend(:'raw', '1 h'), call_extend(:'gated', '1 h');
SELECT budget_commit(:'raw'), call_commit(:'gated');
RESET ROLE;

SELECT agent_set('anns', owner => 'regress_spend_ann');
-- spenders name roles beside the agents, by membership; a list, also an empty one, shuts out the others
SELECT budget_set('free', spenders => '{regress_spend_ann}'), budget_set('rich', spenders => '{regress_spend_group,regress_spend_ann}'),
       budget_set('other', spenders => '{}');
SELECT * FROM public.uses;
SELECT budget_set('free', spenders => '{regress_spend_ann}') AS again, budget_set('free', max_tokens => 900) AS kept;
SELECT budget, spenders FROM budget_status WHERE tenant = '' AND spenders IS NOT NULL ORDER BY 1;
SELECT budget_set('free', spenders => '{regress_spend_nobody}');
SELECT budget_set('free', spenders => '{NULL}');
-- as a document
SELECT jsonb_path_query_array(config_export(), '$.budgets[*] ? (@.name == "free" || @.name == "poor").spenders') AS exported;
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "free", "spenders": ["regress_spend_bob"], "max_overrun": 3}]}');
SELECT budget, spenders, max_overrun FROM budget_status WHERE tenant = '' AND budget = 'free';
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "free", "spenders": null}]}');
SELECT budget, spenders, max_overrun FROM budget_status WHERE tenant = '' AND budget = 'free';
SELECT budget_set('rich', reset => '{spenders}'), budget_set('other', reset => '{spenders}');
SELECT * FROM public.uses WHERE budget IN ('free', 'rich', 'other');
-- a role that was granted functions by hand, and nothing else, sees nothing
CREATE ROLE regress_spend_hand;
GRANT USAGE ON SCHEMA agentcore TO regress_spend_hand;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentcore TO regress_spend_hand;
SET ROLE regress_spend_hand;
SELECT * FROM budget_counted('', 'rich');
SELECT * FROM budget_windows('rich');
SELECT * FROM budget_unbilled('rich', '-infinity');
SELECT * FROM budget_verify();
RESET ROLE;
DROP OWNED BY regress_spend_hand;
DROP ROLE regress_spend_hand;
-- a role that is gone is nobody
SELECT budget_set('free', spenders => '{regress_spend_group}');
DROP ROLE regress_spend_group;
SELECT budget, carl, ann FROM public.uses WHERE budget = 'free';
SELECT budget_set('free', max_tokens => 901) AS still_changed;

DROP VIEW public.uses;
DROP FUNCTION public.may_use, public.may_use_as;
SELECT access_revoke(r) FROM unnest('{regress_spend_ann,regress_spend_bob,regress_spend_carl,regress_spend_admin}'::text[]) r;
DROP ROLE regress_spend_ann, regress_spend_bob, regress_spend_carl, regress_spend_admin;
