-- A copy of a database by CREATE DATABASE ... TEMPLATE has the same installation
-- number, and shares no rate, breaker or cached answer with its origin.
\set back :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS agentcore_origin;
DROP DATABASE IF EXISTS agentcore_copy;
CREATE DATABASE agentcore_origin;
\c agentcore_origin
CREATE EXTENSION agentcore;
SELECT agentcore.breaker_set('far', consecutive => 1), agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*') > 0 AS rule, agentcore.agent_set('a', 'p'),
       agentcore.tool_set('t', '{"type": "object"}', cache_ttl => '1 hour');
\c :back
CREATE DATABASE agentcore_copy TEMPLATE agentcore_origin;
\c agentcore_origin
SELECT id FROM agentcore.installation \gset
SELECT allowed FROM agentcore.rate_take('k', 1, '1 hour', 1);
SELECT agentcore.breaker_report('far', false);
SELECT agentcore.cache_set('raw', '{"n": 1}', '"of the origin"', ttl => '1 hour', publish => 'immediate');
SELECT call_id FROM agentcore.call_begin('a', 't', '{}') \gset
SELECT agentcore.call_commit(:'call_id', '"of the origin"');
PREPARE asks AS SELECT (SELECT allowed FROM agentcore.rate_take('k', 1, '1 hour', 1)) AS rate, (SELECT state FROM agentcore.breaker_allow('far')) AS breaker,
       agentcore.cache_get('raw', '{"n": 1}') AS raw, (SELECT verdict FROM agentcore.call_begin('a', 't', '{}')) AS gate;
EXECUTE asks;
\c agentcore_copy
SELECT id = :'id' AS same_number FROM agentcore.installation;
PREPARE asks AS SELECT (SELECT allowed FROM agentcore.rate_take('k', 1, '1 hour', 1)) AS rate, (SELECT state FROM agentcore.breaker_allow('far')) AS breaker,
       agentcore.cache_get('raw', '{"n": 1}') AS raw, (SELECT verdict FROM agentcore.call_begin('a', 't', '{}')) AS gate;
EXECUTE asks;
\c :back
DROP DATABASE agentcore_origin;
DROP DATABASE agentcore_copy;
