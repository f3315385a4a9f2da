--
-- allow: a change is heard at once by the session that makes it, and what is taken
-- back is forgotten: savepoints, parallel workers, prepared transactions, replica role
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on
SELECT agentcore.policy_set('p'), agentcore.policy_allow('p', '*') > 0, agentcore.policy_allow_tool('p', '*') > 0;
PREPARE ask AS SELECT agentcore.url_allowed('p', 'https://a.com') AS url, (agentcore.tool_check('p', 'x')).allowed AS tool, (agentcore.ip_check('p', '{8.8.8.8}')).allowed AS ip;
EXECUTE ask;

-- savepoints, released and rolled back, one in the other
BEGIN;
SAVEPOINT one;
SELECT agentcore.policy_deny('p', 'a.com') > 0;
EXECUTE ask;
SAVEPOINT two;
SELECT agentcore.policy_deny_tool('p', 'x') > 0, agentcore.special_set('8.8.8.0/24', 'closed');
EXECUTE ask;
RELEASE two;
EXECUTE ask;
ROLLBACK TO one;
EXECUTE ask;
SELECT agentcore.special_set('a.com', 'closed');
EXECUTE ask;
ROLLBACK;
EXECUTE ask;
-- an error that is caught takes the change with it
DO $$
BEGIN
  BEGIN
    PERFORM agentcore.policy_deny('p', 'a.com');
    ASSERT NOT agentcore.url_allowed('p', 'https://a.com');
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero THEN
    ASSERT agentcore.url_allowed('p', 'https://a.com');
  END;
END
$$;

-- workers see what their leader has not committed, and forget it with him
CREATE TABLE asked AS SELECT CASE WHEN i % 4 = 0 THEN 'https://a.com/' ELSE 'https://h' || i || '.com/' END AS u FROM generate_series(1, 4000) i;
ANALYZE asked;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM asked WHERE agentcore.url_allowed('p', u);
SELECT count(*) FROM asked WHERE agentcore.url_allowed('p', u);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM asked WHERE (SELECT allowed FROM agentcore.url_check('p', u));
SELECT agentcore.policy_deny('p', 'a.com') > 0;
SELECT count(*) FROM asked WHERE agentcore.url_allowed('p', u);
SAVEPOINT s;
SELECT agentcore.special_set('*.localhost.com', 'x'), agentcore.special_set('h1.com', 'x');
SELECT count(*) FROM asked WHERE agentcore.url_allowed('p', u);
ROLLBACK TO s;
SELECT count(*) FROM asked WHERE agentcore.url_allowed('p', u);
ROLLBACK;
SELECT count(*) FROM asked WHERE agentcore.url_allowed('p', u);
RESET parallel_leader_participation;
DROP TABLE asked;

-- a prepared transaction changes nothing until it is committed
BEGIN;
SELECT agentcore.policy_deny('p', 'a.com') > 0;
EXECUTE ask;
PREPARE TRANSACTION 'allow_session';
EXECUTE ask;
COMMIT PREPARED 'allow_session';
EXECUTE ask;
SELECT agentcore.policy_rule_drop('p', (SELECT id FROM agentcore.policy_rule WHERE effect = 'deny'));
BEGIN;
SELECT agentcore.special_set('a.com', 'closed');
PREPARE TRANSACTION 'allow_session';
ROLLBACK PREPARED 'allow_session';
EXECUTE ask;

-- changes that replication applies, TRUNCATE and a new name
SET session_replication_role = replica;
INSERT INTO agentcore.special_name (tenant, pattern, name) VALUES ('', 'a.com', 'closed');
EXECUTE ask;
TRUNCATE agentcore.special_name;
EXECUTE ask;
BEGIN;
TRUNCATE agentcore.policy_rule;
EXECUTE ask;
ROLLBACK;
EXECUTE ask;
RESET session_replication_role;
UPDATE agentcore.policy SET name = 'q';
EXECUTE ask;
SELECT agentcore.url_allowed('q', 'https://a.com');
SELECT agentcore.policy_set('p');
EXECUTE ask;
