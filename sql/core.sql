--
-- core: canonical JSON, keys, access, tenants
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
-- a session keeps nothing of the functions that made it
SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'PL/pgSQL function' AND ident LIKE 'agentcore.%';

-- canonical JSON: key order by UTF-16 code units, so U+1F600 (surrogates) sorts before U+FB33
SELECT agentcore.canonical_json('{"\ufb33": 1, "\ud83d\ude00": 2, "\u20ac": 3, "\r": 4, "1": 5, "\u0080": 6, "\u00f6": 7}');
-- shorter keys do not come first by themselves, as they do in jsonb
SELECT agentcore.canonical_json('{"b": 1, "aa": 2, "a": {"d": [], "c": {}}, "": null}');
-- strings: only what JSON must escape is escaped
SELECT agentcore.canonical_json('"\u000f\n\t\b\f\r\"\\/ <script> \u007f \u2028 €"');
-- numbers as ECMAScript writes them
SELECT agentcore.canonical_json('[0, -0, 0.0, 1, 1.0, 1e0, 10e-1, -1.50, 1e21, 1e20, 999999999999999900000, 1e-6, 1e-7, 0.000001234]');
SELECT agentcore.canonical_json('[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001, 5e-324, 1.7976931348623157e308]');
-- exact where a double is not
SELECT agentcore.canonical_json('[9007199254740991, 9007199254740992, 9007199254740993, -9007199254740993]');
SELECT agentcore.canonical_json('[123456789012345678901234567890, 0.1234567890123456789, 1e400, 1e-400, -1.5e-5000]');
-- a large exponent is never expanded
SELECT length(agentcore.canonical_json('1e130000')), agentcore.canonical_json('1e130000');
SELECT length(agentcore.canonical_json((SELECT jsonb_agg('1e131000'::jsonb) FROM generate_series(1, 1000)))) < 11000 AS bounded;
-- a document is not longer than any other argument
BEGIN;
SET LOCAL agentcore.max_args_size = 1;
SELECT length(agentcore.canonical_json(to_jsonb(repeat('x', 1000))));
SELECT agentcore.canonical_json(to_jsonb(repeat('x', 1100)));
ROLLBACK;
SELECT agentcore.canonical_json(NULL) IS NULL AS null_is_null, agentcore.canonical_json('null');
-- it is a fixed point
SELECT bool_and(agentcore.canonical_json(agentcore.canonical_json(j)::jsonb) = agentcore.canonical_json(j))
  FROM (VALUES ('{"z":[1,{"y":null,"x":true}],"a":0.1}'::jsonb), ('[1e400,9007199254740993,"ä"]'), ('"x"'), ('-0.0')) v (j);

-- keys: a client in any language can compute them
SELECT agentcore.cache_key('search', '{"q": "x", "n": 1}', 'u7') =
       sha256('\x0000000b'::bytea || 'agentcore/1' || '\x00000006'::bytea || 'search' || '\x00000002'::bytea || 'u7'
              || '\x0000000f'::bytea || '{"n":1,"q":"x"}') AS documented_layout;
SELECT agentcore.cache_key('t', '{"n": 1}') = agentcore.cache_key('t', '{"n": 1.0}') AS same_1_0,
       agentcore.cache_key('t', '{"n": 1}') = agentcore.cache_key('t', '{"n": 1e0}') AS same_1e0,
       agentcore.cache_key('t', '{"n": 9007199254740993}') = agentcore.cache_key('t', '{"n": 9007199254740992}') AS same_2_53;
SELECT agentcore.cache_key('ab', '1', 'c') = agentcore.cache_key('a', '1', 'bc') AS prefixed;
SELECT agentcore.cache_key('a', '"1"') = agentcore.cache_key('a', '1') AS typed;
SELECT agentcore.cache_key(NULL, '{}');
SELECT agentcore.cache_key('', '{}');
SELECT agentcore.cache_key('t', NULL);
SELECT agentcore.cache_key('t', '{}', NULL);
SELECT agentcore.cache_key(repeat('x', 256), '{}');
SELECT agentcore.cache_key(E'a\nb', '{}');
SELECT agentcore.cache_key('t', to_jsonb(repeat('x', 5 * 1024 * 1024)));

-- access
CREATE ROLE regress_agentcore_ann;
CREATE ROLE regress_agentcore_bob;
CREATE ROLE regress_agentcore_team;
GRANT regress_agentcore_team TO regress_agentcore_bob;

SELECT agentcore.access_grant('regress_agentcore_nobody', 'agent');
SELECT agentcore.access_grant('regress_agentcore_ann', 'king');
SELECT agentcore.access_grant('regress_agentcore_ann', NULL);
SELECT agentcore.access_grant(NULL, 'agent');
SELECT agentcore.access_grant('regress_agentcore_ann', 'agent', NULL);
SELECT agentcore.access_grant('regress_agentcore_ann', 'agent', '{}');
SELECT agentcore.access_grant('regress_agentcore_ann', 'agent', ARRAY[NULL]::text[]);

SELECT agentcore.access_grant('regress_agentcore_ann', 'admin', '{acme}');
SELECT agentcore.access_grant('regress_agentcore_team', 'agent', '{acme,globex}');
SELECT tenant, role, level FROM agentcore.access ORDER BY 1, 2;
SELECT has_function_privilege('regress_agentcore_ann', 'agentcore.tenant_set(boolean, text[], text)', 'EXECUTE') AS ann_admin,
       has_function_privilege('regress_agentcore_team', 'agentcore.tenant_set(boolean, text[], text)', 'EXECUTE') AS team_admin;

SET ROLE regress_agentcore_ann;
SELECT agentcore.access_level('acme'), agentcore.access_level('globex'), agentcore.access_level('');
SELECT agentcore.tenant_set(false, tenant => 'acme');
SELECT agentcore.tenant_set(false, tenant => 'acme');
SELECT agentcore.tenant_set(false, tenant => 'globex');
SELECT agentcore.tenant_set(false);
SELECT agentcore.access_grant('regress_agentcore_bob', 'reader', '{acme}');
SELECT agentcore.access_grant('regress_agentcore_bob', 'reader', '{acme,globex}');
SELECT agentcore.access_grant('regress_agentcore_ann', 'admin', '{*}');
TABLE agentcore.access;
RESET ROLE;

-- membership counts, and the higher of two levels
SET ROLE regress_agentcore_bob;
SELECT agentcore.access_level('acme'), agentcore.access_level('globex');
RESET ROLE;
REVOKE regress_agentcore_team FROM regress_agentcore_bob;
SET ROLE regress_agentcore_bob;
SELECT agentcore.access_level('acme'), agentcore.access_level('globex'), agentcore.access_visible(NULL);
RESET ROLE;

-- every tenant
SELECT agentcore.access_grant('regress_agentcore_team', 'reader', '{*}');
SET ROLE regress_agentcore_team;
SELECT agentcore.access_level('acme'), agentcore.access_level('initech');
RESET ROLE;

-- a rolled-back grant leaves nothing, neither in the table nor in the session's memory
BEGIN;
SELECT agentcore.access_grant('regress_agentcore_bob', 'admin', '{globex}');
SET LOCAL ROLE regress_agentcore_bob;
SELECT agentcore.access_level('globex');
ROLLBACK;
SET ROLE regress_agentcore_bob;
SELECT agentcore.access_level('globex');
RESET ROLE;
BEGIN;
SAVEPOINT s;
SELECT agentcore.access_grant('regress_agentcore_bob', 'admin', '{globex}');
SELECT agentcore.access_level('globex') AS as_superuser;
SET LOCAL ROLE regress_agentcore_bob;
SELECT agentcore.access_level('globex');
ROLLBACK TO s;
SET LOCAL ROLE regress_agentcore_bob;
SELECT agentcore.access_level('globex');
COMMIT;

-- a caller's own SECURITY DEFINER function acts as its owner; search_path is not trusted
CREATE SCHEMA regress_hostile AUTHORIZATION regress_agentcore_ann;
CREATE FUNCTION regress_hostile.own_level(t text) RETURNS text LANGUAGE sql SECURITY DEFINER
  AS 'SELECT agentcore.access_level(t)';
ALTER FUNCTION regress_hostile.own_level(text) OWNER TO regress_agentcore_ann;
GRANT USAGE ON SCHEMA regress_hostile TO PUBLIC;
SET ROLE regress_agentcore_bob;
SELECT agentcore.access_level('acme') AS bob, regress_hostile.own_level('acme') AS through_ann;
RESET ROLE;
SET ROLE regress_agentcore_ann;
CREATE FUNCTION regress_hostile.yes(text, text) RETURNS boolean LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'planted operator ran as %', current_user; END $$;
CREATE OPERATOR regress_hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_hostile.yes);
CREATE OPERATOR regress_hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_hostile.yes);
SET search_path = regress_hostile, pg_catalog;
SELECT agentcore.access_grant('regress_agentcore_bob', 'agent', '{acme}');
SELECT agentcore.tenant_set(true, tenant => 'acme');
RESET search_path;
RESET ROLE;
DROP SCHEMA regress_hostile CASCADE;

-- revoking; a dropped role's row is harmless and can still be removed
SET ROLE regress_agentcore_ann;
SELECT agentcore.access_revoke('regress_agentcore_team');
RESET ROLE;
SELECT tenant, role, level FROM agentcore.access ORDER BY 1, 2;
SELECT agentcore.access_revoke('regress_agentcore_ann');
SET ROLE regress_agentcore_ann;
SELECT agentcore.access_level('acme');
SELECT agentcore.tenant_set(true, tenant => 'acme');
RESET ROLE;
DROP OWNED BY regress_agentcore_bob;
DROP ROLE regress_agentcore_bob;
CREATE ROLE regress_agentcore_eve;
SELECT agentcore.access_revoke('regress_agentcore_bob');
SELECT agentcore.access_revoke('regress_agentcore_team');
TABLE agentcore.access;

-- tenants
SELECT agentcore.tenant_set(NULL, tenant => 'unheard');
SELECT agentcore.tenant_set(true, tenant => NULL);
SELECT agentcore.tenant_set(true, tenant => '*');
SELECT agentcore.tenant_share_set(0);
SELECT agentcore.tenant_share_set(101, tenant => 'acme');
SELECT agentcore.tenant_share_set(-1, tenant => 'acme');
SELECT agentcore.tenant_share_set(10, tenant => NULL);
SELECT agentcore.tenant_share_set(10, tenant => '*');
SELECT agentcore.tenant_share_set(10, tenant => '');
SELECT agentcore.tenant_share_set(reset => '{share}', tenant => 'nobody') AS nothing_to_take_back;
SELECT agentcore.tenant_share_set(10, tenant => 'acme'), agentcore.tenant_share_set(10, tenant => 'acme') AS again, agentcore.tenant_share_set(20, tenant => 'acme') AS other;
SELECT agentcore.tenant_set(false, tenant => 'acme');
SELECT tenant, enabled, cache_share FROM agentcore.tenants ORDER BY 1;
-- a tenant's own administrator may switch it off, but not raise its share
SELECT agentcore.access_grant('regress_agentcore_eve', 'admin', '{acme}');
SET ROLE regress_agentcore_eve;
SELECT agentcore.tenant_set(true, tenant => 'acme');
SELECT agentcore.tenant_share_set(100, tenant => 'acme');
SELECT agentcore.tenant_share_set(reset => '{share}', tenant => 'acme');
SELECT tenant, enabled, cache_share FROM agentcore.tenants;
RESET ROLE;
SELECT agentcore.access_revoke('regress_agentcore_eve');
SELECT agentcore.tenant_share_set(reset => '{share}', tenant => 'acme'), agentcore.tenant_share_set(reset => '{share}', tenant => 'acme') AS again;
SELECT tenant, enabled, cache_share FROM agentcore.tenants ORDER BY 1;
-- a tenant that is null is the default one, in functions of either language
SELECT agentcore.policy_set('p', tenant => NULL), agentcore.policy_allow_tool('p', '*', tenant => NULL) > 0 AS rule, agentcore.agent_set('a', 'p', tenant => NULL);
SELECT name, action FROM agentcore.policy_import('p', '{"allow": []}', tenant => NULL);
SELECT kind, name, action FROM agentcore.config_apply('{"agents": [{"name": "a", "policy": "p"}]}', tenant => NULL);
SELECT agentcore.config_export(NULL) = agentcore.config_export('') AS same;
SELECT verdict, reason FROM agentcore.call_begin('a', 'nothing', tenant => NULL);
SELECT DISTINCT tenant FROM agentcore.agents;
SELECT agentcore.access_visible(NULL) AS a_row_without_a_tenant_is_nobodys;
SET agentcore.require_tenant = on;
SELECT agentcore.tenant_set(true);
SELECT agentcore.tenant_set(true, tenant => NULL);
RESET agentcore.require_tenant;

-- two spellings of a name that is too long are not one name
SELECT agentcore.access_level(repeat('a', 256));

-- nobody but the owner reaches the tables or the sequence
SET ROLE regress_agentcore_eve;
TABLE agentcore.installation;
INSERT INTO agentcore.access VALUES ('', 'regress_agentcore_eve', 'admin');
SELECT nextval('agentcore.revision_seq');
SELECT agentcore.registry_attach('agentcore.access');
RESET ROLE;
DROP OWNED BY regress_agentcore_ann, regress_agentcore_eve, regress_agentcore_team;
DROP ROLE regress_agentcore_ann, regress_agentcore_eve, regress_agentcore_team;
