-- Privileges: nothing for PUBLIC but the functions that touch no data.

REVOKE ALL ON ALL ROUTINES IN SCHEMA agentcore FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA agentcore FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA agentcore FROM PUBLIC;

DO $privileges$
DECLARE
  f record;
BEGIN
  -- what ALTER DEFAULT PRIVILEGES has given away
  FOR f IN
    SELECT pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %s', p.oid::pg_catalog.regprocedure, a.grantee::pg_catalog.regrole) AS command
      FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
     WHERE p.pronamespace OPERATOR(pg_catalog.=) 'agentcore'::pg_catalog.regnamespace
       AND a.grantee OPERATOR(pg_catalog.<>) p.proowner AND a.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    UNION
    SELECT pg_catalog.format('REVOKE ALL ON %s %s FROM %s',
                             CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                             c.oid::pg_catalog.regclass, a.grantee::pg_catalog.regrole)
      FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
     WHERE c.relnamespace OPERATOR(pg_catalog.=) 'agentcore'::pg_catalog.regnamespace
       AND a.grantee OPERATOR(pg_catalog.<>) c.relowner AND a.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
  LOOP
    EXECUTE f.command;
  END LOOP;
  FOR f IN
    SELECT p.oid::pg_catalog.regprocedure AS signature, p.proname, af.level
      FROM pg_catalog.pg_proc p
      LEFT JOIN agentcore.access_function af ON af.function OPERATOR(pg_catalog.=) p.proname::pg_catalog.text
     WHERE p.pronamespace OPERATOR(pg_catalog.=) 'agentcore'::pg_catalog.regnamespace
  LOOP
    IF f.level IS NULL THEN
      RAISE EXCEPTION 'function % has no row in agentcore.access_function', f.signature;
    ELSIF f.level OPERATOR(pg_catalog.=) 'public' THEN
      EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', f.signature);
    END IF;
  END LOOP;
END
$privileges$;
