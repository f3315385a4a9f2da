-- Budgets that count the calls of some models and tools only.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
SET search_path = agentcore, public;
SET agentcore.budget_guard = off;
SELECT budget_set('org'), budget_set('team', max_tokens => 10000, parent => 'org'),
       budget_set('gptx', max_tokens => 100, parent => 'team', "only" => '{gpt-x*,search,gpt-x*}'),
       budget_set('team run', parent => 'gptx', on_expiry => 'release', overrun => 'cap');
SELECT budget, "only" FROM budget_status WHERE "only" IS NOT NULL;
SELECT policy_set('web'), policy_allow_tool('web', '*') > 0, tool_set('t', 'true'), tool_set('search', 'true'),
       model_price_set('gpt-x', 0.001, 0.001), model_price_set('gpt-x-mini', 0.001, 0.001), model_price_set('other', 0.001, 0.001), model_price_set('vendor/other', 0.001, 0.001),
       model_alias_set('best', 'gpt-x'), model_alias_set('gpt-x-like', 'other');
SELECT agent_set('a', 'web', 'gptx'), agent_set('b', 'web', 'team run');

-- which budgets a call counts for: by the name that it is begun with, or the one that an alias prices it by
CREATE FUNCTION public.paid_by(call text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  its uuid;
BEGIN
  EXECUTE 'SELECT call_id FROM agentcore.' || call INTO its;
  PERFORM agentcore.call_release(its);
  RETURN (SELECT budgets FROM agentcore.permit WHERE id = its);
END $$;
SELECT m, public.paid_by(format('llm_begin(''a'', %L, 1, 1)', m)) FROM unnest('{gpt-x,gpt-x-mini,best,gpt-x-like,other,vendor/other}'::text[]) m;
SELECT t, public.paid_by(format('call_begin(''a'', %L, est_tokens => 1)', t)) FROM unnest('{t,search}'::text[]) t;
-- a permit without the gate says of no call what it is: all count
SELECT budget_acquire('gptx', 1) AS p \gset
SELECT budgets FROM permit WHERE id = :'p';
SELECT budget_release(:'p');

-- a full one refuses what it counts, and nothing else
SELECT call_commit(call_id, tokens => 90) FROM call_begin('a', 'search', est_tokens => 90);
SELECT verdict, denied_by, used, held, max, asked FROM llm_begin('a', 'gpt-x', 5, 5);
SELECT verdict, denied_by, used, held, max, asked FROM llm_begin('a', 'best', 5, 5);
SELECT verdict FROM llm_begin('a', 'other', 5, 5);
SELECT verdict FROM call_begin('a', 't', est_tokens => 50);
SELECT budget, used_tokens, held_tokens FROM budget_status ORDER BY budget COLLATE "C";

-- what was left out is left out to the end, whatever the list says then; an overrun and a refund too
SELECT call_id AS c FROM llm_begin('b', 'other', 5, 5) \gset
SELECT budget, budgets FROM permit WHERE id = :'c';
SELECT budget_set('gptx', reset => '{only}');
SELECT call_extend(:'c', '1 h', 1000), llm_commit(:'c', tokens => 900);
SELECT budget, budgets, tokens FROM ledger WHERE permit = :'c';
SELECT budget_set('gptx', "only" => '{gpt-x}');
SELECT * FROM budget_verify();

-- the budget that is named counts not: its on_expiry and overrun are those of the next above it
SELECT agent_set('a', budget => 'gptx'), budget_set('gptx', overrun => 'charge'), budget_set('team', overrun => 'cap');
SELECT call_id AS c FROM call_begin('a', 't', est_tokens => 10) \gset
SELECT call_commit(:'c', tokens => 25);
SELECT budget, budgets, event, tokens FROM ledger WHERE permit = :'c' ORDER BY event DESC;

-- in a union each budget decides for itself
SELECT budget_set('customer'), budget_set('customer other', parent => 'customer', "only" => '{other}'), agent_set('a', charges => '{customer*}'), budget_set('gptx', max_tokens => 1000);
SELECT m, public.paid_by(format('llm_begin(''a'', %L, 0, 1, budgets => ''{customer other}'')', m)) FROM unnest('{gpt-x-mini,gpt-x,other}'::text[]) m;

-- a template of such budgets makes none for a call that they do not count
SELECT budget_template_set('best of *', parent => 'team', max_tokens => 100, "only" => '{gpt-x*}'), agent_set('a', charges => '{best of *}');
SELECT m, public.paid_by(format('llm_begin(''a'', %L, 0, 1, budgets => ''{best of 1}'')', m)) FROM unnest('{other}'::text[]) m;
SELECT count(*) AS made FROM budget_status WHERE template IS NOT NULL;
SELECT m, public.paid_by(format('llm_begin(''a'', %L, 0, 1, budgets => ''{best of 1}'')', m)) FROM unnest('{gpt-x}'::text[]) m;
SELECT budget, template, "only" FROM budget_status WHERE template IS NOT NULL;
SELECT budget_template_set('best of *', "only" => '{other}', existing => true);
SELECT budget, "only" FROM budget_status WHERE template IS NOT NULL;

-- a template below one: what is left of the path has a limit, or not
SELECT budget_template_set('below *', parent => 'gptx', max_tokens => 5), agent_set('a', charges => '{below *,part of *}'), budget_set('boundless');
SELECT m, public.paid_by(format('llm_begin(''a'', %L, 0, 1, budgets => ''{below 1}'')', m)) FROM unnest('{other}'::text[]) m;
SELECT budget_set('part', parent => 'boundless', max_tokens => 100, "only" => '{gpt-x*,search}');
SELECT budget_template_set('part of *', parent => 'part');
SELECT budget_template_set('part of *', parent => 'part', "only" => '{gpt-x-mini,gpt*}');
SELECT budget_template_set('part of *', parent => 'part', "only" => '{gpt-x-mini,search,gpt-x*}');
SELECT budget_template_set('part of *', reset => '{only}');
SELECT budget_template_set('part of *', max_tokens => 7);
SELECT m, public.paid_by(format('llm_begin(''a'', %L, 0, 1, budgets => ''{part of 1}'')', m)) FROM unnest('{other,gpt-x}'::text[]) m;

-- never on a root, never empty
SELECT budget_set('root', "only" => '{gpt-x}');
SELECT budget_set('gptx', reset => '{parent}');
SELECT budget_set('gptx', "only" => '{}');
SELECT budget_set('gptx', "only" => '{*x}');
SELECT budget_set('gptx', "only" => '{NULL}');
SELECT budget_set('gptx', "only" => '{gpt-x}') AS again, budget_set('gptx', "only" => '{*}') AS changed, budget_set('gptx', max_tokens => 1001) AS more;
SELECT public.paid_by('llm_begin(''a'', ''other'', 1, 1)');
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "gptx", "only": ["gpt-x"]}, {"name": "above", "parent": "org", "only": ["m*"]}]}') WHERE action <> 'unchanged';
SELECT jsonb_path_query_array(config_export(), '$.budgets[*] ? (@.only != null).only');
SELECT kind, name, action FROM config_apply('{"budgets": [{"name": "gptx", "only": null}]}') WHERE action <> 'unchanged';
SELECT budget, "only" FROM budget_status WHERE "only" IS NOT NULL;
SELECT * FROM budget_verify();
DROP FUNCTION public.paid_by;
