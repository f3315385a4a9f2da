-- The SQL contract: what the extension consists of, and how it is labelled.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT plan(10);

CREATE VIEW members AS
  SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS member
    FROM pg_depend d WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
     AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'agentcore');

SELECT ok((SELECT count(*) > 30 FROM members), 'the extension has members');
SELECT is_empty($$ SELECT member FROM members WHERE coalesce(obj_description(objid, classid::regclass::name), '') = ''
                    AND NOT (classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t WHERE t.oid = objid AND (t.typelem <> 0 OR t.typrelid <> 0 AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')))) $$,
                'every member has a COMMENT');
SELECT isnt(obj_description('agentcore'::regnamespace, 'pg_namespace'), NULL, 'the schema has a COMMENT');
SELECT is_empty($$ SELECT p.oid::regprocedure, p.prosrc FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                    WHERE p.pronamespace = 'agentcore'::regnamespace AND l.lanname = 'c' AND p.prosrc !~ '_v[0-9]+$' $$,
                'every C symbol carries a version');
SELECT is_empty($$ SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'agentcore'::regnamespace AND prosecdef $$,
                'no function is SECURITY DEFINER: it would hide who calls');
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
                    WHERE p.pronamespace = 'agentcore'::regnamespace AND l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
                      AND NOT coalesce(p.proconfig::text LIKE '%search_path=pg_catalog, pg_temp%', false) $$,
                'every SQL or plpgsql body sets its search path');
SELECT is_empty($$ SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
                    WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind IN ('r', 'p')
                      AND (a.attnum <> 1 OR NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indkey[0] = a.attnum)
                           AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique)) $$,
                'tenant comes first in every table and key');
SELECT is_empty($$ SELECT c.oid::regclass FROM pg_class c, pg_extension e
                    WHERE e.extname = 'agentcore' AND c.relnamespace = 'agentcore'::regnamespace AND c.relkind IN ('r', 'p')
                      AND c.relname NOT IN ('installation', 'registry_change', 'access_function', 'access_source') AND NOT c.relispartition
                      AND c.oid <> ALL (e.extconfig) $$,
                'every table of user data is dumped');

-- A setter leaves what it is not given as it is: NULL is "not given", so no member has
-- another default, and reset, just before the tenant, names what is to be set back.
-- Not setters of objects: cache_set() stores a value, config_set() is internal, a check is a rule that is replaced whole, task_set() only adds.
SELECT is_empty($$ SELECT oid::regprocedure FROM pg_proc
                    WHERE pronamespace = 'agentcore'::regnamespace AND proname LIKE '%\_set' AND proname NOT IN ('cache_set', 'config_set', 'policy_check_set', 'task_set')
                      AND (proargnames[pronargs - 1] <> 'reset' OR proargtypes[pronargs - 2] <> 'text[]'::regtype OR proargnames[pronargs] <> 'tenant'
                           OR pronargs - pronargdefaults > CASE proname WHEN 'budget_limit_set' THEN 2 ELSE 1 END
                           OR EXISTS (SELECT FROM generate_series(pronargs - pronargdefaults + 1, pronargs - 1) n
                                       WHERE pg_get_function_arg_default(oid, n) !~ '^NULL::')) $$,
                'every setter has only NULL for what is not given, and reset before the tenant');

-- The labels, function by function.  A new function, or a new label, belongs in
-- this list after a look at the rules: pure functions immutable, by-name checks
-- stable, both parallel safe; what reads pending writes restricted; writers
-- volatile and unsafe.
\ir contract_labels.list
CREATE VIEW present AS
  SELECT proname::text AS name, provolatile::text AS volatile, proparallel::text AS parallel, count(*) AS overloads
    FROM pg_proc WHERE pronamespace = 'agentcore'::regnamespace GROUP BY 1, 2, 3;
SELECT is_empty($$ (SELECT 'not listed', * FROM present EXCEPT SELECT 'not listed', * FROM labels)
                   UNION ALL (SELECT 'not there', * FROM labels EXCEPT SELECT 'not there', * FROM present) $$,
  'every function is volatile, stable or immutable and parallel safe or not as listed');
SELECT * FROM finish();
ROLLBACK;
