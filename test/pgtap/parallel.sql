-- Every function that may be called in a parallel plan is called in one: in a worker
-- where it is PARALLEL SAFE, and in the leader while workers run where it is safe or
-- RESTRICTED.  It answers as it does alone.  So do the views.
\set ON_ERROR_STOP on
\set QUIET on
SELECT plan(7);

SET search_path = public, agentcore;
SELECT policy_set('p'), policy_allow('p', 'example.com'), policy_allow_tool('p', '*'), policy_deny('p', '10.0.0.0/8'),
       budget_set('b', max_tokens => 1000, period => '1 day', thresholds => '{50}'), budget_limit_set('b', 'l', max_calls => 9, period => '1 hour', kind => 'sliding'),
       budget_set('daily', max_calls => 100, period => '1 day'), agent_set('a', 'p', 'b'),
       tool_set('t', '{"type": "object", "properties": {"u": {"type": "string", "format": "uri"}}}'), model_price_set('m', 1e-6, 2e-6),
       cache_set('t', '{}', '"value"'), retry_policy_set('r'), breaker_set('t'), rate_set('t', 5, '1 s') \g /dev/null
SELECT call_id FROM call_begin('a', 't', '{"u": "https://example.com/"}', key => 'k') \gset
SELECT budget_acquire('daily', 1) \g /dev/null
CREATE TABLE wide AS SELECT i FROM generate_series(1, 20) i;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', false) \g /dev/null

-- An argument that has no default, by its name or else by its type.
CREATE FUNCTION sample(name text, type regtype) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce((SELECT format('%L', v) FROM (VALUES ('tenant', ''), ('policy', 'p'), ('budget', 'daily'), ('tool', 't'), ('agent', 'a'), ('model', 'm'), ('kind', 'fixed'),
      ('tz', 'UTC'), ('url', 'https://example.com/'), ('urls', '{https://example.com/,https://10.0.0.1/}'), ('ips', '{10.0.0.1,8.8.8.8}'), ('format', 'mcp'), ('type', 'jsonb'),
      ('period', '1 h'), ('call_id', current_setting('parallel.call')), ('at', current_setting('parallel.at')), ('usage', '{"input_tokens": 1, "output_tokens": 1}'), ('document', '{"allow": ["example.com"]}'), ('definition', '{"name": "x", "inputSchema": {}}')) x (n, v) WHERE n = name),
    CASE type::text WHEN 'jsonb' THEN '''{}''' WHEN 'json' THEN '''{}''' WHEN 'jsonb[]' THEN '''{"{}"}''' WHEN 'text' THEN '''{}''' WHEN 'agentcore.jsonschema' THEN '''{}'''
      WHEN 'jsonschema' THEN '''{}''' WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1' WHEN 'bigint[]' THEN '''{}''' WHEN 'boolean' THEN 'true'
      WHEN 'timestamp with time zone' THEN '''2026-01-01''' WHEN 'regtype' THEN '''text''' WHEN 'anyelement' THEN 'NULL' WHEN 'interval' THEN '''1 h''' ELSE 'NULL' END || '::' || CASE type::text WHEN 'anyelement' THEN 'agentcore.tool' ELSE type::text END) $$;
SELECT set_config('parallel.call', :'call_id', false), set_config('parallel.at', now()::text, false) \g /dev/null

CREATE VIEW calls AS
  SELECT p.oid::regprocedure::text AS name, p.proparallel AS label, p.provolatile <> 'v' AS repeats,
         format('%s(%s)', p.proname, (SELECT string_agg(CASE WHEN p.provariadic <> 0 AND a.n = p.pronargs THEN 'VARIADIC ' ELSE '' END || sample(a.name, a.type), ', ' ORDER BY a.n)
           FROM unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY a (name, type, n)
          -- one of urls and contexts is needed, though either may be left out
          WHERE a.n <= p.pronargs - p.pronargdefaults + (p.proname = 'policy_simulate')::int)) AS call
    FROM pg_proc p
   WHERE p.pronamespace = 'agentcore'::regnamespace AND p.proparallel <> 'u' AND p.prorettype <> 'trigger'::regtype
  UNION ALL
  SELECT 'view ' || relname, 'r', false, format('(TABLE %I)', relname) FROM pg_class WHERE relnamespace = 'agentcore'::regnamespace AND relkind = 'v';

-- The rows, or the SQLSTATE; "parallel" says whether the plan has workers.
CREATE FUNCTION answer(statement text, OUT answer text, OUT parallel boolean) LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  parallel := false;
  FOR line IN EXECUTE 'EXPLAIN ' || statement LOOP
    parallel := parallel OR line LIKE '%Gather%';
  END LOOP;
  EXECUTE format('SELECT string_agg(r::text, E''\n'') FROM (%s) r', statement) INTO answer;
EXCEPTION WHEN OTHERS THEN
  answer := SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION in_worker(call text) RETURNS text LANGUAGE sql AS $$ SELECT format('SELECT x FROM %s x', call) $$;
CREATE FUNCTION in_leader(call text) RETURNS text LANGUAGE sql AS
  $$ SELECT format('SELECT x FROM (SELECT count(*) FROM wide) w (n), LATERAL (SELECT n OFFSET 0) one, %s x', call) $$;
CREATE TABLE answers AS
  SELECT c.*, w.answer AS alone, w.parallel AS alone_parallel FROM calls c, answer(in_worker(call)) w;

-- any plan is cheap enough to be parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE leader AS SELECT a.*, l.answer, l.parallel FROM answers a, answer(in_leader(call)) l;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', false) \g /dev/null
CREATE TABLE worker AS SELECT a.*, w.answer, w.parallel FROM answers a, answer(in_worker(call)) w WHERE a.label = 's';

SELECT cmp_ok((SELECT count(*) FROM answers), '>', 60::bigint, 'there are functions and views to call');
SELECT is_empty($$ SELECT name, call, alone FROM answers WHERE alone ~ '^([0-9A-Z]{5}) ' AND alone !~ '^TC001 ' $$, 'each of them has arguments that it takes');
SELECT is_empty('SELECT name, call FROM leader WHERE NOT parallel', 'workers run while the leader calls it');
SELECT is_empty('SELECT name, call FROM worker WHERE NOT parallel', 'it runs in a worker');
SELECT is_empty($$ SELECT name, call, alone, answer FROM leader WHERE answer IS DISTINCT FROM alone AND (repeats OR answer ~ '^[0-9A-Z]{5} ') $$,
  'in the leader of a parallel plan it answers as it does alone');
SELECT is_empty($$ SELECT name, call, alone, answer FROM worker WHERE answer IS DISTINCT FROM alone AND (repeats OR answer ~ '^[0-9A-Z]{5} ') $$,
  'in a worker it answers as it does alone');
SELECT is((SELECT count(*) FROM leader WHERE name LIKE 'view %'), (SELECT count(*) FROM pg_class WHERE relnamespace = 'agentcore'::regnamespace AND relkind = 'v'), 'every view was read');
SELECT * FROM finish();
