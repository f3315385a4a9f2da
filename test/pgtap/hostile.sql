-- CREATE EXTENSION where somebody laid traps first: a schema that is not the
-- installer's, objects in it, and functions and operators on the search path
-- that the install script would run as superuser if it forgot to qualify a name.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
DROP EXTENSION agentcore CASCADE;
DROP SCHEMA agentcore;
SELECT plan(9);

CREATE ROLE agentcore_tap_mallory;

SAVEPOINT clean;
CREATE SCHEMA agentcore AUTHORIZATION agentcore_tap_mallory;
SELECT throws_ok('CREATE EXTENSION agentcore', '42501', NULL, 'a schema of another role is refused');
ROLLBACK TO clean;

CREATE SCHEMA agentcore;
CREATE FUNCTION agentcore.planted() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT throws_ok('CREATE EXTENSION agentcore', '55000', NULL, 'a schema with a function in it is refused');
ROLLBACK TO clean;

CREATE SCHEMA agentcore;
CREATE TYPE agentcore.planted AS ENUM ('a');
SELECT throws_ok('CREATE EXTENSION agentcore', '55000', NULL, 'a schema with a type in it is refused');
ROLLBACK TO clean;

CREATE SCHEMA agentcore;
GRANT CREATE ON SCHEMA agentcore TO agentcore_tap_mallory;
SELECT throws_ok('CREATE EXTENSION agentcore', '42501', NULL, 'a schema in which others may create is refused');
ROLLBACK TO clean;

CREATE SCHEMA agentcore;
SELECT lives_ok('CREATE EXTENSION agentcore', 'an empty schema of the installer is taken');
SELECT is((SELECT count(*) FROM pg_extension WHERE extname = 'agentcore'), 1::bigint, 'and the extension is there');
ROLLBACK TO clean;

-- Everything that the scripts and bodies use, once more in a schema that comes
-- before pg_catalog; each trap leaves a mark.
CREATE TABLE public.sprung (what text, who name DEFAULT current_user);
GRANT INSERT, SELECT ON public.sprung TO PUBLIC;
CREATE SCHEMA mallory AUTHORIZATION agentcore_tap_mallory;
SET LOCAL ROLE agentcore_tap_mallory;
DO $traps$
DECLARE
  trap record;
BEGIN
  FOR trap IN SELECT * FROM (VALUES
    ('format', 'text, text', 'text'), ('format', 'text, regprocedure', 'text'), ('format', 'text, regclass', 'text'),
    ('now', '', 'timestamptz'), ('clock_timestamp', '', 'timestamptz'), ('gen_random_uuid', '', 'uuid'),
    ('nextval', 'text', 'bigint'), ('nextval', 'unknown', 'bigint'),
    ('array_position', 'text[], text', 'int'), ('coalesce_', 'text', 'text'),
    ('jsonb_typeof', 'jsonb', 'text'), ('to_jsonb', 'text', 'jsonb'), ('jsonb_build_object', 'text, text', 'jsonb'),
    ('pg_extension_config_dump', 'text, text', 'void'), ('lower', 'varchar', 'text'), ('btrim', 'varchar', 'text'),
    ('count', 'text', 'bigint'), ('quote_ident', 'varchar', 'text'), ('unnest', 'text[]', 'text')
  ) AS t(name, arguments, result)
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION mallory.%s(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.sprung VALUES (%L); RETURN NULL; END $f$',
                     trap.name, trap.arguments, trap.result, trap.name);
    EXCEPTION WHEN others THEN
      NULL;  -- not every name can be planted
    END;
  END LOOP;
END
$traps$;
CREATE FUNCTION mallory.trap_equal(text, text) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO public.sprung VALUES ('='); RETURN NULL; END $$;
CREATE OPERATOR mallory.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.trap_equal);
CREATE FUNCTION mallory.trap_oid(oid, oid) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO public.sprung VALUES ('oid ='); RETURN NULL; END $$;
CREATE OPERATOR mallory.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = mallory.trap_oid);
CREATE OPERATOR mallory.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.trap_equal);
CREATE FUNCTION mallory.trap_name(name, name) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO public.sprung VALUES ('name ='); RETURN NULL; END $$;
CREATE OPERATOR mallory.= (LEFTARG = name, RIGHTARG = name, FUNCTION = mallory.trap_name);
RESET ROLE;

SET LOCAL search_path = mallory, pg_catalog;
DO $$ BEGIN PERFORM format('%s'::text, 'x'::text), 'a'::text = 'b'::text, 1::oid = 2::oid; END $$;
RESET search_path;
SELECT is((SELECT array_agg(what ORDER BY what) FROM sprung), '{=,format,"oid ="}', 'the traps work');
TRUNCATE sprung;

SET LOCAL search_path = mallory, pg_catalog;
CREATE EXTENSION agentcore;
DO $use$
BEGIN
  PERFORM agentcore.access_grant('agentcore_tap_mallory', 'agent');
  PERFORM agentcore.tool_set('t', '{"type": "object"}'::jsonb, cache_ttl => '1 hour');
  PERFORM agentcore.policy_set('p');
  PERFORM agentcore.policy_allow_tool('p', '*');
  PERFORM agentcore.budget_set('b', max_calls => 10);
  PERFORM agentcore.agent_set('a', 'p', 'b');
  PERFORM agentcore.call_commit(c.call_id, '{}'::jsonb) FROM agentcore.call_begin('a', 't', '{}'::jsonb, key => 'k') c;
  PERFORM * FROM agentcore.config_apply(agentcore.config_export());
  PERFORM * FROM agentcore.budget_verify();
  PERFORM * FROM agentcore.budget_status;
  PERFORM * FROM agentcore.call_log;
  PERFORM agentcore.access_revoke('agentcore_tap_mallory');
END
$use$;
RESET search_path;
SELECT is_empty('SELECT what, who FROM public.sprung', 'no trap was sprung, neither by the install script nor in use');
SELECT is((SELECT count(*) FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
            WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'agentcore')
              AND p.pronamespace <> 'agentcore'::regnamespace), 0::bigint, 'no planted function became a member');
SELECT * FROM finish();
ROLLBACK;
