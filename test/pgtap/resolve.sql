-- Every function of the reference resolves with untyped literals and with arguments left out, and an untyped parameter
-- gets the type that the function declares: drivers that leave types to the server rely on both.  An overload that takes
-- what a driver would rather send (a float for money, a number for an interval, a uuid for a key) breaks one of them in
-- whichever way it is declared, or the function's name alone; so doc/clients.md gives the cast, and there is none.
\set ON_ERROR_STOP on
\set QUIET on

BEGIN;

CREATE VIEW functions AS
  SELECT p.oid, p.proname, p.pronargs::int AS n, (p.pronargs - p.pronargdefaults)::int AS required,
         p.proargtypes::regtype[] AS types, p.proargnames AS names
    FROM pg_proc p JOIN agentcore.access_function af ON af.function = p.proname
   WHERE p.pronamespace = 'agentcore'::regnamespace AND p.prokind = 'f'
     AND af.level <> 'internal' AND obj_description(p.oid, 'pg_proc') NOT LIKE 'Internal.%'
     -- the first takes any row type, the second has the signatures of pg_jsonschema
     AND p.proname NOT IN ('visible_rows', 'jsonschema_is_valid');

-- The ways to call a function: every number of positional arguments; each optional one alone by name; all by name.
CREATE FUNCTION calls(f oid) RETURNS TABLE (call text, types regtype[]) LANGUAGE sql AS $$
  WITH fn AS (
    SELECT * FROM functions WHERE oid = f),
  arguments AS (
    SELECT k, types[k - 1] AS type, names[k] AS name FROM fn, generate_series(1, n) k),
  forms AS (
    SELECT m AS positional, '{}'::int[] AS named FROM fn, generate_series(required, n) m
    UNION SELECT required, ARRAY[k] FROM fn, generate_series(required + 1, n) k
    UNION SELECT required, array_agg(k) FROM fn, generate_series(required + 1, n) k GROUP BY required
    UNION SELECT 0, array_agg(k) FROM fn, generate_series(1, n) k HAVING count(*) > 0
    UNION SELECT 0, array_agg(k) FROM fn, generate_series(1, required) k HAVING count(*) > 0)
  SELECT format('SELECT agentcore.%I(%s)', fn.proname, (
           SELECT string_agg(CASE WHEN k <= positional THEN '' ELSE quote_ident(name) || ' => ' END || '$' || number, ', ' ORDER BY number)
             FROM (SELECT *, row_number() OVER (ORDER BY k) AS number FROM arguments WHERE k <= positional OR k = ANY (named)) a)),
         ARRAY(SELECT type FROM arguments WHERE k <= positional OR k = ANY (named) ORDER BY k)
    FROM fn, forms WHERE named = '{}' OR names IS NOT NULL
$$;

-- What does not resolve, or to other types than those declared.
CREATE FUNCTION wrong(f oid) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  c record;
  found text[] := '{}';
  got regtype[];
BEGIN
  FOR c IN SELECT * FROM calls(f) LOOP
    BEGIN
      EXECUTE 'PREPARE resolved AS ' || c.call;
      SELECT parameter_types INTO got FROM pg_prepared_statements WHERE name = 'resolved';
      IF got IS DISTINCT FROM c.types THEN
        found := found || format('%s: %s', c.call, got);
      END IF;
      EXECUTE 'DEALLOCATE resolved';
    EXCEPTION WHEN undefined_function OR ambiguous_function OR indeterminate_datatype THEN
      found := found || format('%s: %s', c.call, SQLERRM);
    END;
  END LOOP;
  BEGIN
    PERFORM format('agentcore.%I', proname)::regproc FROM functions WHERE oid = f;
  EXCEPTION WHEN ambiguous_function THEN
    found := found || SQLERRM;
  END;
  RETURN found;
END
$$;

-- What is wrong with the calls of a function once it has an overload that differs in one argument.
CREATE FUNCTION with_overload(f oid, argument text, type text, shape text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  fn functions;
  k int;
  arguments text;
  found text[];
BEGIN
  SELECT * INTO fn FROM functions WHERE oid = f;
  k := array_position(fn.names, argument);
  SELECT string_agg(format('%I %s%s', fn.names[i], CASE WHEN i = k THEN type ELSE fn.types[i - 1]::text END,
                           CASE WHEN i <= fn.required OR shape = 'all required' OR shape = 'required up to it' AND i <= k
                                  OR shape = 'first' AND i = k THEN '' ELSE ' DEFAULT NULL' END),
                    ', ' ORDER BY CASE WHEN shape = 'first' AND i = k THEN 0 ELSE i END)
    INTO arguments FROM generate_series(1, fn.n) i;
  EXECUTE format('CREATE FUNCTION agentcore.%I(%s) RETURNS void LANGUAGE sql AS $s$SELECT$s$', fn.proname, arguments);
  found := wrong(f);
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = found::text;
EXCEPTION WHEN SQLSTATE 'P0099' THEN      -- the overload is gone again
  RETURN SQLERRM::text[];
END
$$;

CREATE TABLE candidates AS
  SELECT f.oid, f.proname, argument, type
    FROM functions f, unnest(f.names) argument,
         (VALUES ('usd', 'double precision'), ('est_usd', 'double precision'), ('lease', 'double precision'), ('lease', 'integer'), ('key', 'uuid')) c(name, type)
   WHERE argument = c.name AND f.proname IN ('call_begin', 'llm_begin', 'call_commit', 'call_extend', 'budget_acquire');

SELECT plan((SELECT count(*)::int FROM functions) + (SELECT count(*)::int FROM candidates) + 1);
SELECT is(wrong(oid), '{}'::text[], oid::regprocedure::text) FROM functions ORDER BY oid::regprocedure::text;
SELECT cmp_ok((SELECT count(*) FROM functions f, calls(f.oid)), '>', 1000::bigint, 'they are called in many ways');
SELECT is(array_agg(shape) FILTER (WHERE with_overload(oid, argument, type, shape) = '{}'), NULL,
          format('an overload of %s with %s %s leaves no call as it was, however it is declared', proname, argument, type))
  FROM candidates, unnest('{same,first,required up to it,all required}'::text[]) shape
 GROUP BY oid, proname, argument, type ORDER BY proname, argument, type;
SELECT finish();
ROLLBACK;
