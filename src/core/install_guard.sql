\echo Use "CREATE EXTENSION agentcore" to load this file. \quit

-- A schema that somebody else owns, may create in, or has already filled could
-- hold functions or operators that this script would call as the installer.
DO $guard$
DECLARE
  schema_id pg_catalog.oid;
  planted text;
BEGIN
  SELECT n.oid INTO schema_id FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) 'agentcore';
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
                  WHERE n.oid OPERATOR(pg_catalog.=) schema_id AND r.rolname OPERATOR(pg_catalog.=) current_user) THEN
    RAISE EXCEPTION 'schema "agentcore" exists and belongs to another role'
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Drop the schema, or make the installing role its owner after looking at what is in it.';
  END IF;
  SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) INTO planted
    FROM pg_catalog.pg_depend d
   WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
     AND d.refobjid OPERATOR(pg_catalog.=) schema_id
     AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass
     AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_default_acl'::pg_catalog.regclass
   LIMIT 1;
  IF planted IS NOT NULL THEN
    RAISE EXCEPTION 'schema "agentcore" is not empty'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = pg_catalog.format('It contains %s.', planted),
            HINT = 'Move or drop what is in it, then run CREATE EXTENSION again.';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
              WHERE n.oid OPERATOR(pg_catalog.=) schema_id AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
                AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner) THEN
    RAISE EXCEPTION 'other roles may create objects in schema "agentcore"'
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'REVOKE CREATE ON SCHEMA agentcore FROM those roles first.';
  END IF;
END
$guard$;

GRANT USAGE ON SCHEMA agentcore TO PUBLIC;
COMMENT ON SCHEMA agentcore IS 'agentcore: policy layer for AI agents; see agentcore.call_begin()';
