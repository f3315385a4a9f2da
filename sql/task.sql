-- Tasks: trees, stops, labels and taints.
SET client_min_messages = warning;
SET search_path = agentcore, public;
CREATE FUNCTION pg_temp.ask(agent text, tool text, task text, args jsonb DEFAULT '{}', key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') || CASE WHEN enforced THEN '' ELSE ' not enforced' END
    FROM agentcore.call_begin(agent, tool, args, task => task, key => key) $$;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
SELECT count(*) FROM unnest('{mail/read,crm/get,web/fetch,web/post}'::text[]) t, tool_set(t, '{"type": "object"}');
SELECT tool_set('mail/read', taints => '{untrusted}'), policy_set('assistant'), agent_set('assistant', policy => 'assistant');

-- 4 no egress after untrusted mail
SELECT policy_allow_tool('assistant', 'mail/read') IS NOT NULL, policy_allow_tool('assistant', 'crm/*') IS NOT NULL,
  policy_allow_tool('assistant', 'web/*', name => 'egress-clean', "when" => '{"/labels": {"not": {"contains": {"const": "untrusted"}}}}') IS NOT NULL;
SELECT pg_temp.ask('assistant', 'web/fetch', 't1') AS fetch, pg_temp.ask('assistant', 'mail/read', 't1') AS read, pg_temp.ask('assistant', 'web/fetch', 't1') AS fetch, pg_temp.ask('assistant', 'crm/get', 't1') AS crm, pg_temp.ask('assistant', 'web/post', 't1') AS post, pg_temp.ask('assistant', 'web/fetch', NULL) AS "no task", pg_temp.ask('assistant', 'web/fetch', 't2') AS other;
-- a taint is written once; the tree has it whole
SELECT pg_temp.ask('assistant', 'mail/read', 't1'), (SELECT count(*) FROM task_label), (SELECT labels FROM tasks WHERE name = 't1');
SELECT task_set('p'), task_set('c', parent => 'p'), task_set('g', parent => 'c', labels => '{vip}'), task_set('g', labels => '{vip}'), pg_temp.ask('assistant', 'mail/read', 'g'), pg_temp.ask('assistant', 'web/fetch', 'p');
SELECT name, parent, root, labels FROM tasks ORDER BY name;
-- only a person clears, on record; the rows stay
SELECT task_clear('c', 'untrusted', 'read by Ann'), task_clear('c', 'untrusted', 'again'), pg_temp.ask('assistant', 'web/fetch', 'g');
SELECT root, label, task, source, cleared IS NOT NULL AS cleared, cleared_by IS NOT NULL AS by, note FROM task_label ORDER BY root, label;
SELECT pg_temp.refused($$SELECT agentcore.task_clear('c', 'vip', NULL)$$);
-- a rolled back begin leaves nothing
BEGIN;
SELECT pg_temp.ask('assistant', 'mail/read', 't3');
ROLLBACK;
SELECT pg_temp.ask('assistant', 'web/fetch', 't3');
-- the parent is fixed, and a name in use is never fresh again
SELECT q, pg_temp.refused(q) FROM unnest(ARRAY[$$SELECT agentcore.task_set('c', parent => 't1')$$, $$SELECT agentcore.task_set('c', parent => 'p')$$, $$SELECT agentcore.task_set('p', parent => 'c')$$, $$SELECT agentcore.task_set('t1', parent => 'p')$$, $$SELECT agentcore.task_set('x', parent => 'x')$$, $$SELECT agentcore.task_set(NULL)$$, $$SELECT agentcore.task_set('')$$, $$SELECT agentcore.task_set('x', labels => '{a,NULL}')$$]) q;
SELECT count(task_set('d' || n, parent => 'd' || n - 1)) FROM generate_series(1, 16) n;
SELECT pg_temp.refused($$SELECT agentcore.task_set('d17', parent => 'd16')$$);
-- a stop counts below it, for retries, and in audit mode; running calls may settle
SELECT agent_set('assistant', mode => 'audit'), (SELECT verdict FROM call_begin('assistant', 'crm/get', '{}', key => 'k', task => 'g'));
SELECT task_stop('c'), task_stop('c');
SELECT t, pg_temp.ask('assistant', 'crm/get', t), pg_temp.ask('assistant', 'crm/get', t, key => 'k' || t) FROM unnest('{p,c,g,t1}'::text[]) t;
SELECT pg_temp.ask('assistant', 'crm/get', 'g', key => 'k'), (SELECT call_commit(call_id) FROM call_log WHERE reason IS NULL AND verdict = 'run' ORDER BY at DESC LIMIT 1);
SELECT feedback FROM call_begin('assistant', 'crm/get', '{}', task => 'g');
SELECT * FROM unnest('{p,c,g,t1,unheard}'::text[]) t, task_status(t);
-- switched-off agents and tools count in audit mode too
SELECT agent_set('assistant', enabled => false), pg_temp.ask('assistant', 'crm/get', 't1'), agent_set('assistant', enabled => true), tool_set('crm/get', enabled => false), pg_temp.ask('assistant', 'crm/get', 't1');
