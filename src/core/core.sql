-- core: identity, access, invalidation, tenants, canonical JSON and keys.

CREATE TABLE agentcore.installation (
  name       text COLLATE "C" NOT NULL DEFAULT 'this' CHECK (name = 'this') PRIMARY KEY,
  id         uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
INSERT INTO agentcore.installation DEFAULT VALUES;
COMMENT ON TABLE agentcore.installation IS 'One row: the random identity of this CREATE EXTENSION. Part, with the database''s oid, of every key in shared memory; never dumped, so that a re-created or restored database revives no old entry, and a copy made by CREATE DATABASE ... TEMPLATE shares none.';

CREATE TABLE agentcore.registry_change ();
COMMENT ON TABLE agentcore.registry_change IS 'Always empty. Changes of the registry tables are announced to other sessions as invalidations of this relation.';

CREATE SEQUENCE agentcore.revision_seq AS bigint;
COMMENT ON SEQUENCE agentcore.revision_seq IS 'Source of the revision column of every registry table: a number is never used twice.';

CREATE FUNCTION agentcore.registry_change_trigger() RETURNS trigger
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_registry_change_trigger_v1';
COMMENT ON FUNCTION agentcore.registry_change_trigger() IS 'Internal. Announces a changed registry row to every session; fires for COPY, restores and logical apply too.';

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
COMMENT ON FUNCTION agentcore.registry_revision_trigger() IS 'Internal. Gives an updated registry row a new revision, higher than the one before, whoever updates it.';

-- Called once for each registry table by the script that creates it.
CREATE FUNCTION agentcore.registry_attach(registry regclass, versioned boolean DEFAULT true) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS 'MODULE_PATHNAME', 'agentcore_registry_attach_v1';
COMMENT ON FUNCTION agentcore.registry_attach(regclass, boolean) IS 'Internal. Puts the invalidation triggers on a registry table.';

CREATE FUNCTION agentcore.clock_now() RETURNS timestamptz
  LANGUAGE C VOLATILE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_clock_now_v1';
COMMENT ON FUNCTION agentcore.clock_now() IS 'The time by which agentcore decides: clock_timestamp(), moved by agentcore.debug_clock_offset in tests.';

-- Access -------------------------------------------------------------------

CREATE TABLE agentcore.access (
  tenant text COLLATE "C" NOT NULL,
  role   text COLLATE "C" NOT NULL,
  level  text COLLATE "C" NOT NULL CHECK (level IN ('reader', 'agent', 'admin')),
  PRIMARY KEY (tenant, role)
);
SELECT agentcore.registry_attach('agentcore.access', false);
COMMENT ON TABLE agentcore.access IS 'Which role holds which level for which tenant (''*'' = every tenant). Roles by name: a dropped role''s row matches nobody. Written by access_grant() and access_revoke().';

CREATE TABLE agentcore.access_function (
  function text COLLATE "C" NOT NULL PRIMARY KEY,
  level    text COLLATE "C" NOT NULL CHECK (level IN ('public', 'reader', 'agent', 'admin', 'internal'))
);
COMMENT ON TABLE agentcore.access_function IS 'The level at which EXECUTE on each function (all its overloads) is granted; part of the extension, not of your data.';

CREATE FUNCTION agentcore.access_sync_privileges(role text) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  ranks constant text[] := '{public,reader,agent,admin}';
  held integer;
  f record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = access_sync_privileges.role) THEN
    RETURN;
  END IF;
  -- two grants at once would update the same catalog rows
  PERFORM pg_advisory_xact_lock('agentcore.access'::regclass::oid::bigint);
  SELECT coalesce(max(array_position(ranks, a.level COLLATE "default")), 0) INTO held
    FROM agentcore.access a WHERE a.role = access_sync_privileges.role;
  FOR f IN
    SELECT p.oid::regprocedure AS signature, array_position(ranks, af.level COLLATE "default") AS rank,
           EXISTS (SELECT FROM aclexplode(p.proacl) x WHERE x.privilege_type = 'EXECUTE'
                      AND x.grantee = (SELECT r.oid FROM pg_roles r WHERE r.rolname = access_sync_privileges.role)) AS granted
      FROM pg_proc p JOIN agentcore.access_function af ON af.function = p.proname
     WHERE p.pronamespace = 'agentcore'::regnamespace AND af.level IN ('reader', 'agent', 'admin')
  LOOP
    IF f.rank <= held AND NOT f.granted THEN
      EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', f.signature, role);
    ELSIF f.rank > held AND f.granted THEN
      EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM %I', f.signature, role);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.access_sync_privileges(text) IS 'Internal. Makes a role''s EXECUTE privileges follow the highest level it holds.';

CREATE FUNCTION agentcore.access_grant(role text, level text, tenants text[] DEFAULT '{""}') RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_grant_v1';
COMMENT ON FUNCTION agentcore.access_grant(text, text, text[]) IS 'Give a role a level (reader, agent, admin) for tenants (''*'' = every tenant) and EXECUTE on that level''s functions. The caller needs admin on each tenant. NULL or unknown level: 22023; unknown role: 42704.';

CREATE FUNCTION agentcore.access_revoke(role text) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_revoke_v1';
COMMENT ON FUNCTION agentcore.access_revoke(text) IS 'Take a role''s access to every tenant on which the caller holds admin. The role need not exist any more.';

CREATE FUNCTION agentcore.access_visible(tenant text) RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_visible_v1';
COMMENT ON FUNCTION agentcore.access_visible(text) IS 'Whether the calling role holds at least reader on the tenant: the filter of every view. NULL: false.';

CREATE FUNCTION agentcore.access_level(tenant text) RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_access_level_v1';
COMMENT ON FUNCTION agentcore.access_level(text) IS 'The level that the calling role holds on the tenant: nobody, reader, agent or admin. NULL: nobody.';

INSERT INTO agentcore.access_function VALUES
  ('access_level', 'public'), ('access_grant', 'admin'), ('access_revoke', 'admin'), ('access_visible', 'public'),
  ('access_sync_privileges', 'internal'), ('registry_attach', 'internal'),
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
COMMENT ON TABLE agentcore.tenant IS 'Settings of a tenant; a tenant without a row is enabled, one without a cache_share (percent) has agentcore.cache_tenant_share. Written by tenant_set() and tenant_share_set().';

CREATE FUNCTION agentcore.tenant_set(enabled boolean DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tenant_set_v1';
COMMENT ON FUNCTION agentcore.tenant_set(boolean, text[], text) IS 'Switch a tenant on or off: while off, the gate denies its calls with tenant_disabled. Not given (NULL): as it is; a new tenant, and one after reset => ''{enabled}'', is on. Returns whether anything changed.';

CREATE FUNCTION agentcore.tenant_share_set(share integer DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_tenant_share_set_v1';
COMMENT ON FUNCTION agentcore.tenant_share_set(integer, text[], text) IS 'The percentage of the cache past which the tenant evicts only its own entries, in place of agentcore.cache_tenant_share; reset => ''{share}'' takes it back, NULL leaves it as it is. For what is cached from the COMMIT on. The caller needs level admin on every tenant (''*''): a tenant cannot raise its own. Returns whether anything changed. Not 1 to 100: 22023.';

CREATE VIEW agentcore.tenants WITH (security_barrier) AS
  SELECT tenant, enabled, cache_share FROM agentcore.tenant WHERE agentcore.access_visible(tenant);
COMMENT ON VIEW agentcore.tenants IS 'Settings of the tenants visible to the caller, where there are any: a tenant without a row is enabled. cache_share in percent; null: agentcore.cache_tenant_share.';

INSERT INTO agentcore.access_function VALUES ('tenant_set', 'admin'), ('tenant_share_set', 'admin');

-- Canonical JSON and keys --------------------------------------------------

CREATE FUNCTION agentcore.canonical_json(value jsonb) RETURNS text
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_canonical_json_v1';
COMMENT ON FUNCTION agentcore.canonical_json(jsonb) IS 'RFC 8785 (JCS) text of a document; numbers that a double cannot carry keep their own digits and exponent. NULL: NULL. More than agentcore.max_args_size: 54000.';

CREATE FUNCTION agentcore.cache_key(tool text, args jsonb, scope text DEFAULT '') RETURNS bytea
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_cache_key_v1';
COMMENT ON FUNCTION agentcore.cache_key(text, jsonb, text) IS 'SHA-256 over length-prefixed (format, tool, scope, canonical args): the same in every language, see doc/reference.md. NULL: 22023.';

INSERT INTO agentcore.access_function VALUES ('canonical_json', 'public'), ('cache_key', 'public'), ('clock_now', 'public');

-- Compiled objects ---------------------------------------------------------

CREATE FUNCTION agentcore.compiled_objects(OUT class text, OUT tenant text, OUT name text, OUT revision bigint, OUT bytes bigint, OUT compiles bigint, OUT hits bigint) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'agentcore_compiled_objects_v1';
COMMENT ON FUNCTION agentcore.compiled_objects() IS 'What this session holds compiled: one row an object of a tenant visible to the caller, and one a schema that was given as an argument by a role whose privileges the caller has.';

CREATE VIEW agentcore.stat_compiled AS SELECT * FROM agentcore.compiled_objects();
COMMENT ON VIEW agentcore.stat_compiled IS 'Compiled schemas, policies and settings of this session, with bytes, compilations and uses without one. class ''inline schema'': given as an argument (jsonschema_validate() and its like), shared by all call sites of the session; name is its $id or the beginning of its text, revision is null, tenant that of jsonschema_validate_registered() or null. class ''metaschema'': a dialect''s, which stays. The others are bounded by agentcore.compiled_cache_size and agentcore.inline_schema_cache_size; what was evicted counts anew.';

INSERT INTO agentcore.access_function VALUES ('compiled_objects', 'public');

SELECT pg_catalog.pg_extension_config_dump('agentcore.access', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.tenant', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.revision_seq', '');
