-- Who may do what: every function x {owner, admin, approver, agent, reader, stranger} x {own
-- tenant, other tenant}, by privilege and by real calls; then SECURITY DEFINER
-- wrappers and SET ROLE.  Roles hold their level on the tenant "own" only.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(41);

CREATE ROLE agentcore_tap_admin;
CREATE ROLE agentcore_tap_approver;
CREATE ROLE agentcore_tap_agent;
CREATE ROLE agentcore_tap_reader;
CREATE ROLE agentcore_tap_stranger;
CREATE ROLE agentcore_tap_victim;
SELECT agentcore.access_grant('agentcore_tap_' || level, level, '{own}') FROM unnest('{admin,approver,agent,reader}'::text[]) level;

CREATE VIEW functions AS
  SELECT p.oid, p.proname::text AS name, p.oid::regprocedure AS signature, f.level,
         array_position('{public,reader,agent,approver,admin,internal}', f.level) AS rank,
         'tenant' = ANY (p.proargnames[1:p.pronargs]) AS has_tenant
    FROM pg_proc p JOIN agentcore.access_function f ON f.function = p.proname
   WHERE p.pronamespace = 'agentcore'::regnamespace;
CREATE VIEW roles AS
  SELECT * FROM (VALUES ('agentcore_tap_admin', 5), ('agentcore_tap_approver', 4), ('agentcore_tap_agent', 3), ('agentcore_tap_reader', 2),
                        ('agentcore_tap_stranger', 1)) AS r(role, rank);

SELECT ok((SELECT count(*) > 50 FROM functions), 'there are functions to look at');
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'agentcore'::regnamespace
                    AND NOT EXISTS (SELECT FROM functions f WHERE f.oid = p.oid) $$,
                'every function has a level');
SELECT is_empty(format($$ SELECT signature, level FROM functions f WHERE has_function_privilege(%L, f.oid, 'EXECUTE') <> (f.rank <= %s) $$, role, rank),
                role || ' may execute what its level says and nothing else') FROM roles;
SELECT is_empty($$ SELECT c.relname, r.role FROM pg_class c, roles r
                    WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind IN ('r', 'p', 'S')
                      AND (CASE c.relkind WHEN 'S' THEN has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE')
                           ELSE has_table_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END) $$,
                'nobody but the owner touches a table or sequence');
SELECT is_empty($$ SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind = 'v'
                      AND has_table_privilege('agentcore_tap_stranger', c.oid, 'INSERT, UPDATE, DELETE') $$,
                'nobody writes through a view');
SELECT is_empty($$ SELECT nspname FROM pg_namespace WHERE nspname = 'agentcore' AND has_schema_privilege('agentcore_tap_admin', oid, 'CREATE') $$,
                'nobody but the owner creates in the schema');

-- What to pass to an argument that has no default: by name, else by type.
CREATE FUNCTION sample(name text, type oid) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN name = 'role' THEN quote_literal('agentcore_tap_victim')
    WHEN name = 'level' THEN quote_literal('reader')
    WHEN name = 'setter' THEN quote_literal('policy_set')
    WHEN name = 'dropper' THEN quote_literal('policy_drop')
    WHEN name = 'kind' THEN quote_literal('policies')
    WHEN name = 'items' THEN quote_literal('[{"name": "x"}]')
    WHEN name = 'policy_item' THEN quote_literal('{"name": "x", "allow_tools": ["x"], "facts": [{"tool": "x", "fact": "x"}]}')
    WHEN name IN ('item', 'members') THEN quote_literal('{"name": "x"}')
    WHEN name = 'mode' THEN quote_literal('enforce')
    WHEN name = 'method' THEN quote_literal('GET')
    WHEN name = 'dialect' THEN quote_literal('auto')
    WHEN name = 'format' THEN quote_literal('mcp')
    WHEN name IN ('url', 'uri') THEN quote_literal('https://api.example.com/')
    WHEN name = 'pattern' THEN quote_literal('api.example.com')
    WHEN name IN ('schema', 'input_schema') THEN quote_literal('{"type": "object"}')
    WHEN type = 'text'::regtype THEN quote_literal('x')
    WHEN type = 'jsonb'::regtype THEN quote_literal('{}')
    WHEN type = 'interval'::regtype THEN quote_literal('1 minute')
    WHEN type = 'timestamptz'::regtype THEN quote_literal('2026-01-01')
    WHEN type IN ('int'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'float8'::regtype) THEN '1'
    WHEN type = 'boolean'::regtype THEN 'true'
    WHEN type = 'uuid'::regtype THEN quote_literal('00000000-0000-7000-8000-000000000000')
    WHEN type = 'text[]'::regtype THEN quote_literal('{}')
    WHEN type = 'jsonb[]'::regtype THEN quote_literal('{"{}"}')
    WHEN type = 'inet[]'::regtype THEN quote_literal('{192.0.2.1}')
  END $$;

-- required arguments only, and the tenant
CREATE FUNCTION call_text(f oid, tenant text) RETURNS text LANGUAGE sql AS $$
  SELECT format(CASE p.prokind WHEN 'p' THEN 'CALL agentcore.%I(%s)' ELSE 'SELECT * FROM agentcore.%I(%s)' END, p.proname,
           (SELECT string_agg(format('%I => %s::%s', a.name, CASE WHEN a.name = 'tenant' THEN quote_literal(tenant)
                                     WHEN a.name = 'tenants' THEN quote_literal(format('{%s}', tenant))
                                     ELSE coalesce(sample(a.name, a.type), 'NULL') END, a.type::regtype), ', ' ORDER BY a.n)
              FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a(name, type, n)
             WHERE a.n <= p.pronargs AND (a.n <= p.pronargs - p.pronargdefaults OR a.name IN ('tenant', 'tenants'))))
    FROM pg_proc p WHERE p.oid = f $$;

-- SQLSTATE of the call as that role; nothing of it stays
CREATE FUNCTION attempt(as_role text, f oid, tenant text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('role', as_role, true);
  BEGIN
    EXECUTE call_text(f, tenant);
    RAISE EXCEPTION SQLSTATE 'ZZ000';
  EXCEPTION WHEN others THEN
    PERFORM set_config('role', 'none', true);
    RETURN CASE SQLSTATE WHEN 'ZZ000' THEN '00000' ELSE SQLSTATE END;
  END;
END $$;

CREATE TEMP TABLE attempts AS
  SELECT r.role, r.rank AS role_rank, f.name, f.level, f.rank, t.tenant, attempt(r.role, f.oid, t.tenant) AS state,
         call_text(f.oid, t.tenant) AS call
    FROM roles r, functions f, (VALUES ('own'), ('other')) AS t(tenant)
   WHERE (f.has_tenant OR f.name = 'access_grant') AND f.level <> 'internal';

SELECT ok((SELECT count(*) > 100 FROM attempts), 'there were calls to judge');
SELECT is_empty($$ SELECT call_text(f.oid, t.tenant) FROM functions f, (VALUES ('own'), ('other')) AS t(tenant),
                          pg_extension e
                    WHERE e.extname = 'agentcore' AND (f.has_tenant OR f.name = 'access_grant') AND f.level <> 'internal'
                      AND attempt(pg_get_userbyid(e.extowner), f.oid, t.tenant) = '42501' $$,
                'the owner is refused nothing on any tenant');
SELECT is_empty(format($$ SELECT call, state FROM attempts WHERE role = %L AND tenant = 'own' AND rank <= role_rank AND level <> 'public' AND name <> 'tenant_share_set' AND state = '42501' $$, role),
                role || ' is not refused what its level allows on its own tenant') FROM roles WHERE rank > 1;
SELECT is((SELECT state FROM attempts WHERE role = 'agentcore_tap_admin' AND tenant = 'own' AND name = 'tenant_share_set'), '42501',
          'but for the share that protects others from the tenant');
SELECT is_empty(format($$ SELECT call, state FROM attempts WHERE role = %L AND tenant = 'other' AND level <> 'public' AND state <> '42501' $$, role),
                role || ' is refused every function on another tenant') FROM roles;
SELECT is_empty(format($$ SELECT call, state FROM attempts WHERE role = %L AND rank > role_rank AND state <> '42501' $$, role),
                role || ' is refused what is above its level') FROM roles;

-- what the refused calls must not have done, and the allowed ones did only in a subtransaction
SELECT is((SELECT count(*) FROM agentcore.access WHERE tenant = 'other'), 0::bigint, 'no refused call left anything behind');

-- A disabled tenant: of what needs level agent only this works, whoever calls.  A new
-- function of that level either refuses or belongs in this list.
CREATE TEMP TABLE works_disabled (name text);
INSERT INTO works_disabled VALUES
  ('call_begin'), ('call_begin_many'), ('llm_begin'), ('call_explain'), ('tools_for'),	-- answer with a row, or with no tool
  ('call_commit'), ('llm_commit'), ('call_fail'), ('call_release'), ('call_resolve'), ('call_status'), ('budget_commit'), ('budget_release'),
  ('breaker_report'), ('cache_abandon'), ('call_withdraw'), ('task_stop'),	-- end what was begun before
  ('result_validate'), ('result_feedback'),	-- stand beside call_commit()
  ('cache_invalidate'), ('cache_invalidate_tool'), ('cache_invalidate_tag');	-- forget
SELECT agentcore.tenant_set(false, tenant => 'own');
SELECT is_empty(format($$ SELECT call_text(f.oid, 'own'), attempt(%L, f.oid, 'own') FROM functions f
                           WHERE f.level = 'agent' AND f.has_tenant AND attempt(%1$L, f.oid, 'own') <> 'TC003'
                             AND NOT EXISTS (SELECT FROM works_disabled w WHERE w.name = f.name) $$, role),
                role || ' is refused in a disabled tenant') FROM unnest('{agentcore_tap_agent,agentcore_tap_admin}'::text[]) AS role;
SELECT is_empty($$ SELECT call_text(f.oid, 'own') FROM functions f JOIN works_disabled USING (name)
                    WHERE attempt('agentcore_tap_agent', f.oid, 'own') IN ('TC003', '42501') $$, 'but for settling and forgetting');
SELECT is_empty($$ SELECT w.name FROM works_disabled w WHERE NOT EXISTS (SELECT FROM functions f WHERE f.name = w.name AND f.level = 'agent') $$,
                'each of which exists');
SELECT is_empty($$ SELECT call_text(f.oid, 'own') FROM functions f WHERE f.level IN ('reader', 'admin') AND f.has_tenant
                    AND attempt('agentcore_tap_admin', f.oid, 'own') = 'TC003' $$, 'what readers and administrators do is as before');
SELECT lives_ok($$ SELECT agentcore.policy_set('p', tenant => 'own'), agentcore.agent_set('a', 'p', tenant => 'own') $$, 'an administrator prepares its return');
SELECT is((SELECT reason FROM agentcore.call_begin('a', 't', '{}', tenant => 'own')), 'tenant_disabled', 'the gate says so in a row');
SELECT agentcore.tenant_set(true, tenant => 'own');

-- a wrapper acts as its owner, whoever calls it
CREATE SCHEMA agentcore_tap_wrappers;
GRANT USAGE, CREATE ON SCHEMA agentcore_tap_wrappers TO PUBLIC;
SET LOCAL ROLE agentcore_tap_admin;
CREATE FUNCTION agentcore_tap_wrappers.of_admin() RETURNS boolean LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$ SELECT agentcore.policy_set('wrapped', tenant => 'own') $$;
RESET ROLE;
SET LOCAL ROLE agentcore_tap_stranger;
CREATE FUNCTION agentcore_tap_wrappers.of_stranger() RETURNS boolean LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$ SELECT agentcore.policy_set('wrapped', tenant => 'own') $$;
SELECT lives_ok('SELECT agentcore_tap_wrappers.of_admin()', 'a stranger uses the wrapper that an administrator wrote for him');
SELECT throws_ok($$ SELECT agentcore.policy_set('direct', tenant => 'own') $$, '42501', NULL, 'and may not do the same himself');
RESET ROLE;
SET LOCAL ROLE agentcore_tap_admin;
SELECT throws_ok('SELECT agentcore_tap_wrappers.of_stranger()', '42501', NULL, 'a stranger''s wrapper cannot borrow the administrator who calls it');
RESET ROLE;

-- SET ROLE: what counts is who one is now, also for what was prepared before
PREPARE set_policy AS SELECT agentcore.policy_set('prepared', tenant => 'own');
SET LOCAL ROLE agentcore_tap_admin;
SELECT lives_ok('EXECUTE set_policy', 'the administrator after SET ROLE');
RESET ROLE;
SET LOCAL ROLE agentcore_tap_reader;
SELECT throws_ok('EXECUTE set_policy', '42501', NULL, 'the same prepared statement as reader');
RESET ROLE;

SELECT agentcore.access_revoke('agentcore_tap_admin');
SELECT is_empty($$ SELECT signature FROM functions f WHERE level <> 'public' AND has_function_privilege('agentcore_tap_admin', f.oid, 'EXECUTE') $$,
                'access_revoke takes every privilege');

SELECT * FROM finish();
ROLLBACK;
