-- allow: the history of policies
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;

\set SHOW_CONTEXT never
-- without what differs from run to run
CREATE FUNCTION pg_temp.plain(entry jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE jsonb_typeof(entry) WHEN 'object' THEN jsonb_strip_nulls(entry - '{id,created_at,created_by,as_of,forced}'::text[])
              WHEN 'array' THEN (SELECT jsonb_agg(pg_temp.plain(e)) FROM jsonb_array_elements(entry) e) ELSE entry END $$;
CREATE TEMP TABLE seen (tenant text, policy text, revision bigint, action text);
-- what has come since the last look; every revision of a policy is a higher one
CREATE FUNCTION pg_temp.news(OUT tenant text, OUT policy text, OUT action text, OUT own boolean, OUT before jsonb, OUT after jsonb) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT h.tenant, h.policy, h.action, h.role = session_user AND h.session_role = session_user, pg_temp.plain(h.before), pg_temp.plain(h.after) FROM agentcore.policy_history h
    WHERE NOT EXISTS (SELECT FROM seen s WHERE s.tenant = h.tenant AND s.policy = h.policy AND s.revision = h.revision AND s.action = h.action) ORDER BY h.at, h.revision, h.action DESC;
  DELETE FROM seen;
  INSERT INTO seen SELECT h.tenant, h.policy, h.revision, h.action FROM agentcore.policy_history h;
END $$;
-- the row that led to the decision
CREATE FUNCTION pg_temp.why(policy text, url text) RETURNS TABLE (allowed boolean, action text, pattern text, mode text) LANGUAGE sql AS $$
  SELECT c.allowed, h.action, coalesce(h.after, h.before) ->> 'pattern', h.after ->> 'mode'
    FROM agentcore.url_check(policy, url) c LEFT JOIN agentcore.policy_history h ON h.tenant = '' AND h.policy = why.policy AND h.revision = c.revision $$;

SELECT count(*) AS shipped_is_no_history FROM policy_revision;

-- Every way to change a policy -----------------------------------------------

SELECT policy_set('h'), policy_set('h');
SELECT * FROM pg_temp.why('h', 'https://a.com');
SELECT policy_set('h', 'audit', methods => '{GET}');
SELECT * FROM pg_temp.why('h', 'https://a.com');
SELECT policy_allow('h', 'a.com') AS a, policy_allow('h', 'a.com') AS again, policy_deny_tool('h', 'rm*') > 0 AS tool \gset
SELECT * FROM pg_temp.news();
SELECT policy_rule_drop('h', :a), policy_rule_drop('h', :a);
SELECT * FROM pg_temp.why('h', 'https://a.com');
SELECT * FROM pg_temp.news();

-- past the functions
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern, valid) VALUES ('', 'h', 'url', 'allow', 'b.com', '[2100-01-01,)');
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
UPDATE policy_rule SET pattern = 'c.com' WHERE pattern = 'b.com';
RESET timezone;
RESET datestyle;
SELECT * FROM pg_temp.why('h', 'https://c.com');
COPY policy_rule (tenant, policy, kind, effect, pattern) FROM stdin;
	h	url	deny	d.com
\.
UPDATE policy SET mode = 'enforce' WHERE name = 'h';
SELECT * FROM pg_temp.news();
SELECT policy_set('i');
UPDATE policy_rule SET policy = 'i' WHERE pattern = 'd.com';
UPDATE policy SET name = 'j' WHERE name = 'i';
SELECT * FROM pg_temp.news();
-- in a session that applies changes from elsewhere
SET session_replication_role = replica;
DELETE FROM policy_rule WHERE pattern = 'd.com';
RESET session_replication_role;
SELECT * FROM pg_temp.news();
SELECT policy_drop('j');
TRUNCATE policy_rule;
SELECT * FROM pg_temp.why('h', 'https://c.com');
SELECT * FROM pg_temp.news();

-- special entries concern every policy of the tenant
SELECT policy_set('o', tenant => 'other'), policy_allow('h', '*') > 0;
SELECT action, count(*) FROM pg_temp.news() GROUP BY 1 ORDER BY 1;
SELECT special_set('*.acme', 'intranet'), special_set('*.acme', 'intranet'), special_set('8.8.8.0/24', 'dns', tenant => 'other');
SELECT * FROM pg_temp.why('h', 'https://x.acme');
SELECT special_set('*.acme', 'intra'), special_drop('*.acme');
SELECT * FROM pg_temp.news();
BEGIN;
TRUNCATE special_range, special_name;
SELECT tenant, policy, action, jsonb_array_length(before) FROM pg_temp.news() ORDER BY jsonb_array_length(before), tenant, policy;
ROLLBACK;
SELECT count(*) AS rolled_back FROM policy_history WHERE action = 'special_truncate';
BEGIN;
TRUNCATE policy CASCADE;
SELECT tenant, policy, action FROM pg_temp.news() WHERE action <> 'policy_add' ORDER BY action, tenant, policy;
ROLLBACK;

-- a revision given by hand has its row too, and is another than the one asked for; no update is none
SELECT count(*) FROM pg_temp.news();
UPDATE policy SET revision = 1;
UPDATE policy SET mode = mode;
SELECT tenant, policy, action, before = after AS same FROM pg_temp.news();
SELECT count(*) AS policies, count(*) FILTER (WHERE EXISTS (SELECT FROM policy_history h WHERE h.tenant = p.tenant AND h.policy = p.name AND h.revision = p.revision)) AS explained FROM policy p;
-- a sequence that stands below, as it does while a dump is restored: no revision comes again
BEGIN;
SELECT setval('agentcore.revision_seq', 1) AS low;
SELECT policy_allow('h', 'restored.com') > 0;
SELECT count(*) AS rows, count(DISTINCT revision) AS revisions, max(revision) = (SELECT revision FROM policy WHERE name = 'h') AS last_in_force FROM policy_history WHERE tenant = '' AND policy = 'h';
ROLLBACK;
SELECT count(*) FROM pg_temp.news();

-- A rollback takes the history with it ----------------------------------------

BEGIN;
SELECT policy_allow('h', 'gone.com') > 0;
ROLLBACK;
SELECT count(*) FROM policy_history WHERE after ->> 'pattern' = 'gone.com';

-- Who -----------------------------------------------------------------------

CREATE ROLE regress_allow_admin;
CREATE ROLE regress_allow_definer;
CREATE ROLE regress_allow_nobody;
SELECT access_grant('regress_allow_admin', 'admin'), access_grant('regress_allow_definer', 'admin');
CREATE FUNCTION public.wrapped(pattern text) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT agentcore.policy_deny('h', pattern) $$;
ALTER FUNCTION public.wrapped(text) OWNER TO regress_allow_definer;
CREATE TEMP TABLE mark AS SELECT max(at) AS at FROM policy_history;
GRANT SELECT ON mark TO PUBLIC;
SET ROLE regress_allow_admin;
SELECT policy_deny('h', 'by-role.com') > 0, public.wrapped('by-definer.com') > 0;
-- an error in between forgets nobody and remembers nobody
SELECT policy_deny('nope', 'x.com');
RESET ROLE;
UPDATE policy_rule SET pattern = 'by-hand.com' WHERE pattern = 'by-role.com';
SELECT h.action, h.role = session_user AS role_logged_in, CASE WHEN h.role LIKE 'regress%' THEN h.role END AS role, h.session_role = session_user AS session_logged_in, h.after ->> 'pattern' AS pattern, h.after ->> 'created_by' AS created_by
  FROM policy_history h, mark WHERE h.at > mark.at AND h.tenant = '' ORDER BY h.at;
SET ROLE regress_allow_admin;
SELECT count(*) > 0 AS own, count(*) FILTER (WHERE tenant <> '') AS others FROM policy_history;
SELECT count(*) FROM policy_revision;
INSERT INTO policy_revision (tenant, policy, revision, role, action) VALUES ('', 'h', 1, 'somebody', 'rule_add');
SELECT policy_record('', 'h', 1, 'rule_add', NULL, NULL);
SELECT policy_history_retain('30 days');
SET ROLE regress_allow_nobody;
SELECT count(*) FROM policy_history;
RESET ROLE;

-- Retention ------------------------------------------------------------------

SELECT policy_history_retain(NULL);
SELECT policy_history_retain('1 hour');
SELECT policy_history_retain('-1 day');
SELECT policy_history_retain('30 days');
UPDATE policy_revision SET at = at - interval '60 days';
SELECT policy_allow('h', 'young.com') > 0;
SELECT policy_history_retain('30 days') > 10 AS went;
SELECT policy_history_retain('30 days');
SELECT h.tenant, h.policy, h.action, p.revision IS NOT NULL AS in_force, h.after ->> 'pattern' AS pattern, h.after -> 'rows' IS NOT NULL AS counted
  FROM policy_history h LEFT JOIN policy p ON p.tenant = h.tenant AND p.name = h.policy AND p.revision = h.revision ORDER BY 1, 2, 3;

DROP FUNCTION public.wrapped(text);
SELECT access_revoke('regress_allow_admin'), access_revoke('regress_allow_definer');
DROP ROLE regress_allow_admin, regress_allow_definer, regress_allow_nobody;
