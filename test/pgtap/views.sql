-- What a view tells: nothing to a role without a level, and to a reader of one tenant
-- exactly the same whether other tenants have rows or not.  Every view is looked at, also
-- one that is added later: by EXPLAIN ANALYZE with the rows and the rows removed, after
-- ANALYZE, under every leakproof operator on every column.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(13);

CREATE ROLE agentcore_tap_reader;
CREATE ROLE agentcore_tap_stranger;
SELECT agentcore.access_grant('agentcore_tap_reader', 'reader', '{seen}');
SET LOCAL agentcore.audit = 'all';
SET LOCAL agentcore.track_timing = 'on';

CREATE FUNCTION public.passes(jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT NULL::text';
REVOKE EXECUTE ON FUNCTION public.passes(jsonb) FROM PUBLIC;
CREATE FUNCTION fill(tenant text, n integer) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  x text;
BEGIN
  PERFORM agentcore.tenant_set(false, tenant => tenant), agentcore.tenant_set(true, tenant => tenant);
  FOR i IN 1 .. n LOOP
    x := tenant || i;
    PERFORM agentcore.policy_set(x, tenant => tenant), agentcore.policy_allow(x, x || '.example.com', tenant => tenant),
            agentcore.policy_allow_tool(x, '*', tenant => tenant),
            agentcore.special_set(x || '.internal', x, tenant => tenant), agentcore.special_set(format('192.0.2.%s', i), x, tenant => tenant),
            agentcore.tool_set(x, '{}', tenant => tenant), agentcore.tool_set(x || '_asks', '{}', needs_approval => true, tenant => tenant), agentcore.tool_set(x || '_once', '{}', once => '1 day', tenant => tenant),
            agentcore.json_schema_set('https://example.com/' || x, '{}', tenant => tenant),
            agentcore.model_price_set(x, usd_per_input_token => 1, usd_per_output_token => 1, tenant => tenant),
            agentcore.model_alias_set(x || '-*', x, tenant => tenant),
            agentcore.model_set(x, target => x, tenant => tenant),
            agentcore.budget_set(x, max_tokens => 1000000, tenant => tenant),
            agentcore.budget_template_set(x || '-*', parent => x, tenant => tenant),
            agentcore.budget_limit_set(x, x, period => '1 hour', max_tokens => 1000, tenant => tenant),
            agentcore.agent_set(x, x, budget => x, tenant => tenant),
            agentcore.policy_fact(x, '*', 'f', tenant => tenant), agentcore.task_set(x, labels => '{l}', tenant => tenant),
            agentcore.policy_limit_tool(x, 'other', 'l', max_calls => 9, tenant => tenant),
            agentcore.policy_check_set(x, 'other', 'c', 'public.passes', tenant => tenant);
    INSERT INTO agentcore.log_batch (tenant, batch, from_id, to_id, ids, rows, fields, root, at, role, seal)
    VALUES (tenant, i, 1, 0, '{}', 0, 1, sha256(x::bytea), now(), x, sha256(x::bytea));
    PERFORM agentcore.call_begin(x, x || '_once', '{}', task => x, tenant => tenant);
    PERFORM agentcore.approval_grant(x, 'nothing', tenant => tenant), agentcore.call_approve(b.approval, tenant => tenant)
       FROM agentcore.call_begin(x, x || '_asks', '{}', tenant => tenant) b;
    PERFORM agentcore.call_commit(b.call_id, tokens => 5, tenant => tenant),
            agentcore.cache_set(x, '{}', '1', tenant => tenant), agentcore.breaker_report(x, true, tenant => tenant)
       FROM agentcore.call_begin(x, x, '{}', task => x, tenant => tenant) b;
  END LOOP;
END $$;

CREATE VIEW views AS
  SELECT c.oid, c.oid::regclass::text AS name,
         EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant') AS has_tenant
    FROM pg_class c WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind = 'v';

-- SQLSTATE, or the first column of the first row
CREATE FUNCTION as_role(role text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  PERFORM set_config('role', role, true);
  BEGIN
    EXECUTE query INTO answer;
  EXCEPTION WHEN others THEN
    answer := SQLSTATE;
  END;
  PERFORM set_config('role', 'none', true);
  RETURN answer;
END $$;

CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text := '';
BEGIN
  PERFORM set_config('role', 'agentcore_tap_reader', true);
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, TIMING off, SUMMARY off) ' || query LOOP
    lines := lines || line || E'\n';
  END LOOP;
  PERFORM set_config('role', 'none', true);
  RETURN lines;
END $$;

SELECT fill('seen', 2), fill('unseen', 9);
SELECT cmp_ok((SELECT count(*) FROM views), '>', 20::bigint, 'there are views to look at');
SELECT is_empty($$ SELECT name FROM views WHERE has_table_privilege('agentcore_tap_stranger', oid, 'SELECT') $$, 'a stranger may read no view');
SELECT is_empty($$ SELECT name FROM views WHERE as_role('agentcore_tap_stranger', 'SELECT count(*) FROM ' || name) <> '42501'
                     OR as_role('agentcore_tap_stranger', 'EXPLAIN SELECT count(*) FROM ' || name) <> '42501' $$, 'and none does');
SELECT is_empty($$ SELECT name FROM views WHERE NOT has_table_privilege('agentcore_tap_reader', oid, 'SELECT') $$, 'a reader may read every view');
SELECT is_empty($$ SELECT name FROM views WHERE has_tenant AND as_role('none', format('SELECT count(*) FROM %s WHERE tenant = ''unseen''', name))::bigint = 0
                     AND name NOT IN ('agentcore.stat_compiled', 'agentcore.stat_tool') $$, 'every view has rows of the other tenant to hide');
SELECT is_empty($$ SELECT name FROM views WHERE has_tenant AND as_role('agentcore_tap_reader', format('SELECT count(*) FROM %s WHERE tenant <> ''seen'' AND tenant <> ''*''', name)) <> '0' $$,
                'and shows none of them to a reader of one');
SELECT is_empty($$ SELECT name FROM views WHERE plan_of('SELECT * FROM ' || name) ~ '(Seq|Index|Index Only|Bitmap Heap) Scan' $$,
                'no view reads a table itself');

-- A condition with each leakproof operator on each column, with a value of the other tenant's.
CREATE TEMP TABLE queries AS
  SELECT v.name, format('SELECT * FROM %s WHERE %I OPERATOR(%s.%s) %L::%s', v.name, a.attname, n.nspname, o.oprname, s.value, format_type(a.atttypid, a.atttypmod)) AS query
    FROM views v
    JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0
    JOIN pg_operator o ON o.oprleft = a.atttypid AND o.oprright = a.atttypid AND o.oprresult = 'boolean'::regtype
    JOIN pg_namespace n ON n.oid = o.oprnamespace
    JOIN pg_proc p ON p.oid = o.oprcode AND p.proleakproof
   CROSS JOIN LATERAL (SELECT as_role('none', format('SELECT max(%I::text) FROM %s %s', a.attname, v.name, CASE WHEN v.has_tenant THEN 'WHERE tenant = ''unseen''' END)) AS value) s
   WHERE s.value IS NOT NULL AND v.name NOT LIKE 'agentcore.stat\_%'
  UNION ALL SELECT name, 'SELECT * FROM ' || name FROM views WHERE name NOT LIKE 'agentcore.stat\_%';
SELECT cmp_ok((SELECT count(*) FROM queries), '>', 500::bigint, 'there are questions to ask');

CREATE FUNCTION analyze_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'agentcore'::regnamespace AND relkind IN ('r', 'p') LOOP
    EXECUTE 'ANALYZE ' || relation;
  END LOOP;
END $$;

SELECT analyze_all();
CREATE TEMP TABLE with_others AS SELECT query, plan_of(query) AS plan FROM queries;
SELECT is_empty($$ SELECT query FROM with_others WHERE plan !~ 'Function Scan|Result' $$, 'each has a plan');
SET LOCAL session_replication_role = replica;
DO $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                   WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind IN ('r', 'p') AND attname = 'tenant' LOOP
    EXECUTE format('DELETE FROM %s WHERE tenant = ''unseen''', relation);
  END LOOP;
END $$;
RESET session_replication_role;
SELECT analyze_all();
SELECT is_empty($$ SELECT query, plan, plan_of(query) FROM with_others WHERE plan <> plan_of(query) $$,
                'EXPLAIN ANALYZE says the same whether the other tenant has rows or not');

-- the source of the views, asked directly
SELECT fill('unseen', 9);
SET LOCAL ROLE agentcore_tap_reader;
SELECT throws_ok('SELECT * FROM agentcore.visible_rows(NULL::agentcore.installation)', '22023', NULL, 'only of tables that views are made of');
SELECT is((SELECT count(*) FROM agentcore.visible_rows(NULL::agentcore.permit) WHERE result IS NOT NULL OR tenant <> 'seen'), 0::bigint, 'never a value');
RESET ROLE;
-- a new column is decided upon: a view shows it or access_source hides it
SELECT is_empty($$ SELECT s.relation, a.attname FROM agentcore.access_source s
                     JOIN pg_attribute a ON a.attrelid = ('agentcore.' || s.relation)::regclass AND a.attnum > 0 AND NOT a.attisdropped
                    WHERE a.attname <> ALL (s.hidden)
                      AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
                                       WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum) $$,
                'every column of a source is shown by a view or hidden');

SELECT * FROM finish();
ROLLBACK;
