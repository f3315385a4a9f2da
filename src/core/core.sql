-- core: identity, access, invalidation, tenants, canonical JSON and keys.

CREATE FUNCTION agentcore.clock_now() RETURNS timestamptz
  LANGUAGE C VOLATILE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_clock_now_v1';
COMMENT ON FUNCTION agentcore.clock_now() IS
  'The time by which agentcore decides: clock_timestamp(), moved by agentcore.debug_clock_offset in tests.';

CREATE TABLE agentcore.installation (
  name       text COLLATE "C" NOT NULL DEFAULT 'this' CHECK (name = 'this') PRIMARY KEY,
  id         uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  secret     uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT agentcore.clock_now()
);
INSERT INTO agentcore.installation DEFAULT VALUES;
COMMENT ON TABLE agentcore.installation IS
  'One row: the random identity of this CREATE EXTENSION. '
  'It is part, with the database''s oid, of every key in shared memory. '
  'It is never dumped, so a re-created or restored database revives no old entry, and a copy made by CREATE DATABASE ... TEMPLATE shares none. '
  'secret: the key of the hashes by which budgets, calls and keys are locked. '
  'Only the owner of the extension may read it: other readers could recognise the lock tags in pg_locks and aim at them.';

CREATE TABLE agentcore.registry_change ();
COMMENT ON TABLE agentcore.registry_change IS
  'Always empty. '
  'A change of a registry table is announced to other sessions as an invalidation of this relation.';

CREATE SEQUENCE agentcore.revision_seq AS bigint;
COMMENT ON SEQUENCE agentcore.revision_seq IS 'Source of the revision column of every registry table: a number is never used twice.';

CREATE FUNCTION agentcore.registry_change_trigger() RETURNS trigger
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_registry_change_trigger_v1';
COMMENT ON FUNCTION agentcore.registry_change_trigger() IS
  'Internal. '
  'Announces a changed registry row to every session; fires for COPY, restores and logical apply too.';

CREATE FUNCTION agentcore.registry_revision_trigger() RETURNS trigger
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
BEGIN
  IF NEW IS DISTINCT FROM OLD THEN
    NEW.revision := nextval('agentcore.revision_seq');
    -- a restore loads rows before it sets the sequence
    WHILE NEW.revision <= OLD.revision LOOP
      PERFORM setval('agentcore.revision_seq', OLD.revision);
      NEW.revision := nextval('agentcore.revision_seq');
    END LOOP;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION agentcore.registry_revision_trigger() IS
  'Internal. '
  'Gives an updated registry row a new revision, higher than the one before, whichever role updates it.';

-- Called once for each registry table by the script that creates it.
CREATE FUNCTION agentcore.registry_attach(registry regclass, versioned boolean DEFAULT true) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS 'MODULE_PATHNAME', 'agentcore_registry_attach_v1';
COMMENT ON FUNCTION agentcore.registry_attach(regclass, boolean) IS
  'Internal. '
  'Puts the invalidation triggers on a registry table.';

CREATE FUNCTION agentcore.config_defaults(registry regclass) RETURNS jsonb
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  columns constant text := (
    SELECT string_agg(format('%s AS %I', pg_get_expr(d.adbin, d.adrelid), a.attname), ', ')
      FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = registry AND NOT a.attisdropped AND pg_get_expr(d.adbin, d.adrelid) !~ '[(]');
  defaults jsonb := '{}';
BEGIN
  IF columns IS NOT NULL THEN
    EXECUTE format('SELECT to_jsonb(d) FROM (SELECT %s) d', columns) INTO defaults;
  END IF;
  RETURN defaults;
END
$$;
COMMENT ON FUNCTION agentcore.config_defaults(regclass) IS
  'Internal. '
  'The constant defaults of a table''s columns: what a row recorded by an older version has in the columns that it lacks.';

-- History -------------------------------------------------------------------

CREATE FUNCTION agentcore.history_writer() RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_history_writer_v1';
COMMENT ON FUNCTION agentcore.history_writer() IS
  'Internal. '
  'The role that a change is attributed to: the caller of a setter, which writes as the owner of the tables, or else the current user.';

CREATE FUNCTION agentcore.history_attach(registry regclass, name text, arguments text[] DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS 'MODULE_PATHNAME', 'agentcore_history_attach_v1';
COMMENT ON FUNCTION agentcore.history_attach(regclass, text, text[]) IS
  'Internal. '
  'Has the function NAME_trigger(), with these arguments, record each change of a table, also one that replication applies.';

-- Access -------------------------------------------------------------------

CREATE TABLE agentcore.access (
  tenant text COLLATE "C" NOT NULL,
  role   text COLLATE "C" NOT NULL,
  level  text COLLATE "C" NOT NULL CHECK (level IN ('reader', 'agent', 'approver', 'admin')),
  vouches boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, role)
);
SELECT agentcore.registry_attach('agentcore.access', false);
COMMENT ON TABLE agentcore.access IS
  'Which role holds which level for which tenant (''*'' = every tenant). '
  'Roles are stored by name: the row of a dropped role matches nobody. '
  'vouches: the role is an application that names the person it speaks for (call_approve(voter)). '
  'Written by access_grant() and access_revoke().';

CREATE TABLE agentcore.access_function (
  function text COLLATE "C" NOT NULL PRIMARY KEY,
  level    text COLLATE "C" NOT NULL CHECK (level IN ('public', 'reader', 'agent', 'approver', 'admin', 'internal'))
);
COMMENT ON TABLE agentcore.access_function IS 'The level at which EXECUTE on each function (all its overloads) is granted; part of the extension, not of your data.';

CREATE FUNCTION agentcore.access_held(role text) RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_held_v1';
COMMENT ON FUNCTION agentcore.access_held(text) IS
  'Internal. '
  'The highest level in a role''s own rows of agentcore.access (nobody, reader, agent, approver, admin), as committed last, whatever the caller''s snapshot.';

CREATE FUNCTION agentcore.access_objects(OUT kind text, OUT name text, OUT level text, OUT acl aclitem[], OUT owner oid) RETURNS SETOF record
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT 'ROUTINE', p.oid::regprocedure::text, f.level, p.proacl, p.proowner
    FROM pg_proc p JOIN agentcore.access_function f ON f.function = p.proname
   WHERE p.pronamespace = 'agentcore'::regnamespace AND f.level IN ('reader', 'agent', 'approver', 'admin')
  UNION ALL
  SELECT 'TABLE', c.oid::regclass::text, 'reader', c.relacl, c.relowner
    FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'agentcore'
   WHERE c.relkind = 'v'
$$;
COMMENT ON FUNCTION agentcore.access_objects() IS
  'Internal. '
  'What is granted with a level: EXECUTE on functions as agentcore.access_function says, SELECT on every view of the extension with reader.';

-- One GRANT and one REVOKE for each kind of object: each statement by itself would write
-- the catalog's rows, whose size grows with the number of roles, as often as there are objects.
CREATE FUNCTION agentcore.access_sync_privileges(role text, wait boolean) RETURNS boolean
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  ranks constant text[] := '{reader,agent,approver,admin}';
  grantee oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = access_sync_privileges.role);
  locked boolean := false;
  held integer;
  commands text[];
  command text;
BEGIN
  IF grantee IS NULL THEN
    RETURN true;
  END IF;
  LOOP
    held := coalesce(array_position(ranks, agentcore.access_held(role)), 0);
    SELECT array_agg(CASE WHEN c.give THEN format('GRANT %s ON %s %s TO %I', c.privilege, c.kind, c.names, role)
                          ELSE format('REVOKE %s ON %s %s FROM %I', c.privilege, c.kind, c.names, role) END) INTO commands
      FROM (SELECT o.kind, p.privilege, s.give, string_agg(o.name, ', ') AS names
              FROM agentcore.access_objects() o
             CROSS JOIN LATERAL (SELECT CASE o.kind WHEN 'TABLE' THEN 'SELECT' ELSE 'EXECUTE' END) AS p(privilege)
             CROSS JOIN LATERAL (SELECT array_position(ranks, o.level) <= held) AS s(give)
             WHERE s.give <> coalesce(o.acl @> makeaclitem(grantee, o.owner, p.privilege, false), false)
             GROUP BY 1, 2, 3) AS c;
    EXIT WHEN locked OR commands IS NULL;
    IF wait THEN
      PERFORM FROM agentcore.installation FOR UPDATE;
    ELSE
      PERFORM FROM agentcore.installation FOR UPDATE SKIP LOCKED;
      IF NOT FOUND THEN
        RETURN false;
      END IF;
    END IF;
    -- somebody may have changed them while this waited
    locked := true;
  END LOOP;
  FOREACH command IN ARRAY coalesce(commands, '{}') LOOP
    EXECUTE command;
  END LOOP;
  RETURN true;
END
$$;
COMMENT ON FUNCTION agentcore.access_sync_privileges(text, boolean) IS
  'Internal. '
  'Makes a role''s privileges follow the highest level that it holds: EXECUTE on functions, SELECT on views. '
  'Privileges are changed by one transaction at a time; with wait => false it returns false instead of waiting.';

CREATE FUNCTION agentcore.access_grant(role text, level text, tenants text[] DEFAULT '{""}', vouches boolean DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_grant_v1';
COMMENT ON FUNCTION agentcore.access_grant(text, text, text[], boolean) IS
  'Give a role a level (reader, agent, approver, admin) for tenants (''*'' = every tenant), and with it EXECUTE on that level''s functions and SELECT on the views. '
  'approver: does all that agent does, decides requests for approval, and sees their arguments. '
  'vouches: the role is an application in front of many persons, which it names when it decides (call_approve(voter)); NULL: as it was, at first false. '
  'The caller needs admin on each tenant. '
  'When the role''s privileges change, it waits for other transactions that change privileges. '
  'NULL or unknown level, vouches for a lower level than approver: 22023; unknown role: 42704.';

CREATE FUNCTION agentcore.access_revoke(role text) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_revoke_v1';
COMMENT ON FUNCTION agentcore.access_revoke(text) IS
  'Take away a role''s access to every tenant on which the caller holds admin; a NOTICE if it has none. '
  'The role need not exist any more. '
  'Never waits for other transactions that change privileges: privileges that are left over then reach nothing.';

CREATE TABLE agentcore.access_source (
  relation   text COLLATE "C" NOT NULL PRIMARY KEY,
  shared     boolean NOT NULL DEFAULT false,
  hidden     text[] NOT NULL DEFAULT '{}',
  admin_only text[] NOT NULL DEFAULT '{}',
  approver_only text[] NOT NULL DEFAULT '{}',
  since      text COLLATE "C"
);
COMMENT ON TABLE agentcore.access_source IS
  'The tables that views are made of, for visible_rows(). '
  'hidden: columns that it shows to nobody. '
  'admin_only: columns that it shows to the tenant''s administrators only; others see NULL. '
  'approver_only: columns that it shows to the tenant''s approvers and administrators only. '
  'shared: rows of tenant ''*'' are visible to all roles that may read any tenant. '
  'since: the column of its second argument; NULL = none. '
  'Part of the extension, not of your data.';

CREATE FUNCTION agentcore.visible_rows("row" anyelement, since timestamptz DEFAULT NULL) RETURNS SETOF anyelement
  LANGUAGE C STABLE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_visible_rows_v1';
COMMENT ON FUNCTION agentcore.visible_rows(anyelement, timestamptz) IS
  'The rows of one of the extension''s tables, given as NULL::agentcore.TABLE, that belong to the tenants the caller may read. '
  'Every view is made of it, so that neither conditions nor EXPLAIN reach rows of other tenants. '
  'Columns that the views do not show are NULL. '
  'since: only rows from then on, by their index; NULL: all. '
  '22023 when no view is made of the type, or when since is given for a table without a time.';

CREATE FUNCTION agentcore.access_visible(tenant text) RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_visible_v1';
COMMENT ON FUNCTION agentcore.access_visible(text) IS
  'Whether the calling role holds at least reader on the tenant. '
  'NULL: false.';

CREATE FUNCTION agentcore.access_level(tenant text) RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_level_v1';
COMMENT ON FUNCTION agentcore.access_level(text) IS
  'The level that the calling role holds on the tenant: nobody, reader, agent, approver or admin. '
  'NULL: nobody.';

INSERT INTO agentcore.access_function VALUES
  ('access_level', 'public'), ('access_grant', 'admin'), ('access_revoke', 'admin'), ('access_visible', 'public'),
  ('access_sync_privileges', 'internal'), ('access_objects', 'internal'), ('access_held', 'internal'), ('visible_rows', 'reader'), ('registry_attach', 'internal'), ('history_attach', 'internal'), ('config_defaults', 'internal'),
  ('registry_change_trigger', 'internal'), ('registry_revision_trigger', 'internal');

-- Tenants ------------------------------------------------------------------

CREATE TABLE agentcore.tenant (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL DEFAULT 'settings' CHECK (name = 'settings'),
  enabled  boolean NOT NULL DEFAULT true,
  cache_share bigint CHECK (cache_share BETWEEN 1 AND 100),
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.tenant');
COMMENT ON TABLE agentcore.tenant IS
  'Settings of a tenant. '
  'A tenant without a row is enabled; one without a cache_share (percent) has agentcore.cache_tenant_share. '
  'Written by tenant_set() and tenant_share_set().';

CREATE FUNCTION agentcore.tenant_set(enabled boolean DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tenant_set_v1';
COMMENT ON FUNCTION agentcore.tenant_set(boolean, text[], text) IS
  'Switch a tenant on or off. '
  'While it is off, the gate denies its calls with tenant_disabled, and other functions of level agent raise TC003, for administrators too. '
  'Functions that settle what was begun before (call_commit, call_fail, budget_commit and their siblings) or invalidate still work; doc/operations.md lists them. '
  'Readers read and administrators change settings as before. '
  'Not given (NULL): as it is; a new tenant, and one after reset => ''{enabled}'', is on. '
  'Returns whether anything changed.';

CREATE FUNCTION agentcore.tenant_share_set(share integer DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tenant_share_set_v1';
COMMENT ON FUNCTION agentcore.tenant_share_set(integer, text[], text) IS
  'The percentage of the cache above which the tenant evicts only its own entries, in place of agentcore.cache_tenant_share. '
  'reset => ''{share}'' takes it back, NULL leaves it as it is. '
  'Applies to what is cached after the COMMIT. '
  'The caller needs level admin on every tenant (''*''): a tenant cannot raise its own share. '
  'Returns whether anything changed. '
  'Not 1 to 100: 22023.';

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('tenant', '{name,revision}');
CREATE VIEW agentcore.tenants WITH (security_barrier) AS
  SELECT tenant, enabled, cache_share FROM agentcore.visible_rows(NULL::agentcore.tenant);
COMMENT ON VIEW agentcore.tenants IS
  'Settings of the tenants visible to the caller, one row per tenant that has any; a tenant without a row is enabled. '
  'cache_share in percent; null: agentcore.cache_tenant_share.';

INSERT INTO agentcore.access_function VALUES ('tenant_set', 'admin'), ('tenant_share_set', 'admin');

-- Canonical JSON and keys --------------------------------------------------

CREATE FUNCTION agentcore.canonical_json(value jsonb) RETURNS text
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_canonical_json_v1';
COMMENT ON FUNCTION agentcore.canonical_json(jsonb) IS
  'RFC 8785 (JCS) text of a document; numbers that a double cannot carry keep their own digits and exponent. '
  'NULL: NULL. '
  'More than agentcore.max_args_size: 54000.';

CREATE FUNCTION agentcore.cache_key(tool text, args jsonb, scope text DEFAULT '') RETURNS bytea
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_key_v1';
COMMENT ON FUNCTION agentcore.cache_key(text, jsonb, text) IS
  'SHA-256 over length-prefixed (format, tool, scope, canonical args): the same in every language, see doc/reference.md. '
  'NULL: 22023.';

INSERT INTO agentcore.access_function VALUES ('canonical_json', 'public'), ('cache_key', 'public'), ('clock_now', 'public'), ('history_writer', 'internal');

-- Compiled objects ---------------------------------------------------------

CREATE FUNCTION agentcore.compiled_objects(OUT class text, OUT tenant text, OUT name text, OUT revision bigint, OUT bytes bigint, OUT compiles bigint, OUT hits bigint) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_compiled_objects_v1';
COMMENT ON FUNCTION agentcore.compiled_objects() IS
  'What this session holds compiled. '
  'One row per object of a tenant visible to the caller, and one row per schema that was given as an argument by a role whose privileges the caller has.';

CREATE VIEW agentcore.stat_compiled AS SELECT * FROM agentcore.compiled_objects();
COMMENT ON VIEW agentcore.stat_compiled IS
  'Compiled schemas, policies and settings of this session: bytes, compilations, and uses that needed none. '
  'class ''inline schema'': given as an argument (jsonschema_validate() and its like) and shared by all call sites of the session; name is its $id or the beginning of its text, revision is null, tenant is that of jsonschema_validate_registered() or null. '
  'class ''metaschema'': that of a dialect, which stays. '
  'The others are bounded by agentcore.compiled_cache_size and agentcore.inline_schema_cache_size; after an eviction counting begins anew.';

INSERT INTO agentcore.access_function VALUES ('compiled_objects', 'public');

SELECT pg_catalog.pg_extension_config_dump('agentcore.access', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.tenant', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.revision_seq', '');
