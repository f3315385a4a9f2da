--
-- config: a tenant's configuration as one document
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\set SHOW_CONTEXT never
\set config '{"prices": [{"model": "m1", "valid_from": "2026-01-01T00:00:00Z", "usd_per_input_token": 0.000003, "usd_per_output_token": 0.000015}], "budgets": [{"name": "run", "max_tokens": 100, "parent": "team"}, {"name": "team", "max_usd": 12.5, "period": "1 day"}], "policies": [{"name": "web", "allow": ["*.example.com", {"pattern": "api.example.org", "methods": ["GET"], "ports": [443, 8443], "path_prefix": "/v1"}], "deny": ["secret.example.com"], "allow_tools": ["*"], "deny_tools": ["shell*"]}], "retry_policies": [{"name": "fast", "base": "100 ms", "max_attempts": 2}], "models": [{"model": "m1", "target": "api", "retry_policy": "fast"}], "rates": [{"target": "api", "rate": 10, "period": "1 s", "tokens": 1000000}], "breakers": [{"target": "api", "open_for": "10 s"}], "json_schemas": [{"uri": "urn:example:a", "schema": {"$schema": "urn:example:meta", "type": "integer", "default": null}}, {"uri": "urn:example:meta", "schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true, "https://json-schema.org/draft/2020-12/vocab/validation": true}}}], "tools": [{"name": "fetch", "input_schema": {"type": "object", "properties": {"url": {"type": "string"}, "x": {"default": null}, "y": {"$ref": "urn:example:a"}}}, "url_args": ["/url"], "cache_ttl": "5 min", "tags": ["web"], "est_usd": 0.01, "target": "api", "retry_policy": "fast"}], "agents": [{"name": "bot", "policy": "web", "budget": "run"}]}'

-- a dry run says what would happen and does not do it
SELECT * FROM agentcore.config_apply(:'config', dry_run => true);
SELECT count(*) FROM agentcore.tools;
SELECT * FROM agentcore.config_apply(:'config');
SELECT * FROM agentcore.config_apply(:'config');
SELECT v.verdict, v.reason, agentcore.call_extend(v.call_id, '1 min') AS extended
  FROM agentcore.call_begin('bot', 'fetch', '{"url": "https://api.example.org:8443/v1/x"}') v;

-- what is exported applies to itself, and elsewhere
SELECT jsonb_pretty(agentcore.config_export());
SELECT DISTINCT action FROM agentcore.config_apply(agentcore.config_export());
SELECT DISTINCT action FROM agentcore.config_apply(agentcore.config_export(), tenant => 'acme');
SELECT agentcore.config_export() = agentcore.config_export('acme') AS same;

-- changes; the rule lists are the whole of a policy's rules, absent lists leave them alone
SELECT * FROM agentcore.config_apply('{"policies": [{"name": "web", "mode": "audit"}], "budgets": [{"name": "team", "max_usd": 20, "period": "1 day"}]}');
SELECT * FROM agentcore.config_apply('{"policies": [{"name": "web", "allow": ["*.example.com"]}]}');
SELECT kind, effect, pattern FROM agentcore.policy_rules WHERE tenant = '' ORDER BY 1, 2, 3;

-- pruning drops what the named kinds do not name, and nothing of the others
SELECT * FROM agentcore.config_apply('{"agents": [], "tools": [{"name": "other", "input_schema": {"type": "object"}}], "models": [], "rates": []}', dry_run => true);
SELECT * FROM agentcore.config_apply('{"agents": [], "tools": [{"name": "other", "input_schema": {"type": "object"}}], "models": [], "rates": []}', prune => true);
-- a document that a tool needs is not dropped
SELECT agentcore.config_apply('{"tools": [{"name": "other", "input_schema": {"$ref": "urn:example:a"}}]}');
SELECT * FROM agentcore.config_apply('{"json_schemas": []}', prune => true);
-- a budget that is in use is not dropped, and then nothing is
SELECT * FROM agentcore.config_apply('{"prices": [], "budgets": []}', prune => true);
SELECT agentcore.call_release(permit) FROM agentcore.permits;
SELECT * FROM agentcore.config_apply('{"prices": [], "budgets": [], "policies": [], "retry_policies": [], "models": [], "rates": [], "breakers": [], "json_schemas": [], "tools": [], "agents": []}', prune => true);
SELECT agentcore.config_export();

-- bad documents change nothing
SELECT agentcore.config_apply(NULL);
SELECT agentcore.config_apply('[]');
SELECT agentcore.config_apply('{"tool": []}');
SELECT agentcore.config_apply('{"tools": {}}');
SELECT agentcore.config_apply('{"tools": ["x"]}');
SELECT agentcore.config_apply('{"tools": [{"name": "t", "input_schema": {"type": "object"}, "cache_tll": "1 s"}]}');
SELECT agentcore.config_apply('{"tools": [{"name": "t", "input_schema": {"type": "object"}, "tenant": "acme"}]}');
SELECT agentcore.config_apply('{"tools": [{"name": "t", "input_schema": {"type": "object"}, "description": {"a": 1}}]}');
SELECT agentcore.config_apply('{"tools": [{"name": "t"}]}');
SELECT agentcore.config_apply('{"tools": [{"input_schema": {}}]}');
SELECT agentcore.config_apply('{"policies": [{"mode": "audit"}]}');
SELECT agentcore.config_apply('{"budgets": [{"name": "b", "max_tokens": "lots"}]}');
SELECT agentcore.config_apply('{"budgets": [{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}]}');
SELECT agentcore.config_apply('{"json_schemas": [{"uri": "urn:a", "schema": {"$schema": "urn:b"}}, {"uri": "urn:b", "schema": {"$schema": "urn:a"}}]}');
SELECT agentcore.config_apply('{"policies": [{"name": "p"}], "agents": [{"name": "a", "policy": "nope"}]}');
SELECT agentcore.config_apply('{"tools": [{"name": "t''); DROP TABLE agentcore.tool; --", "input_schema": {"type": "object"}}]}');
SELECT agentcore.config_export() -> 'policies';

-- only an administrator of the tenant
CREATE ROLE regress_agentcore_ann;
SELECT agentcore.access_grant('regress_agentcore_ann', 'admin', '{acme}');
SET ROLE regress_agentcore_ann;
SELECT agentcore.config_apply('{"tools": []}');
SELECT agentcore.config_export();
SELECT jsonb_array_length(agentcore.config_export('acme') -> 'tools');
SELECT * FROM agentcore.config_apply('{"rates": [{"target": "api", "rate": 1, "period": "1 s"}]}', tenant => 'acme');
-- its parts call setters and droppers, nothing else
SELECT agentcore.config_call(v.setter, v.members, 'acme') FROM (VALUES (NULL, '{}'::jsonb)) v (setter, members);
SELECT agentcore.config_call('nothing_set', '{}', 'acme');
SELECT agentcore.config_call('budget_acquire', '{"budget": "b"}', 'acme');
SELECT agentcore.config_call('rate_set', NULL, 'acme');
SELECT agentcore.config_drop(NULL, 'api', 'acme');
SELECT agentcore.config_drop('nothing_drop', 'api', 'acme');
SELECT agentcore.config_drop('access_revoke', 'api', 'acme');
RESET ROLE;
DROP OWNED BY regress_agentcore_ann;
DROP ROLE regress_agentcore_ann;

-- every member is written: applied anew it changes nothing, and makes the same of nothing
SELECT agentcore.policy_set('full', 'audit', '{http,https}', '{GET}', tenant => 'copy'), agentcore.policy_deny('full', 'evil.com', tenant => 'copy') > 0 AS deny,
       agentcore.retry_policy_set('endless', max_elapsed => '0', tenant => 'copy'), agentcore.breaker_set('t', forced => 'open', tenant => 'copy'),
       agentcore.tool_set('t', '{"type": "object"}', needs_approval => true, cache_ttl => '1 min', tenant => 'copy'), agentcore.agent_set('w', 'full', mode => 'audit', tenant => 'copy'),
       agentcore.budget_set('b', max_usd => 1.5, period => '1 day', kind => 'fixed', tenant => 'copy'), agentcore.budget_limit_set('b', 'l', max_calls => 3, tenant => 'copy'),
       agentcore.model_price_set('m', 1, 2, output_weight => 3, valid_from => '2020-01-01', tenant => 'copy');
CREATE TEMP TABLE exported AS SELECT agentcore.config_export('copy') AS document;
SELECT * FROM exported, agentcore.config_apply(document, tenant => 'copy') WHERE action <> 'unchanged';
SELECT count(*) FROM exported, agentcore.config_apply(document, tenant => 'other') WHERE action = 'created';
SELECT agentcore.config_export('other') = document AS same FROM exported;
-- what a document does not name stays; null is as in a new object; a list that is named is complete
SELECT name, action FROM agentcore.config_apply('{"agents": [{"name": "w"}], "policies": [{"name": "full", "allow_tools": ["t"]}], "tools": [{"name": "t", "cache_ttl": null}], "budgets": [{"name": "b", "max_calls": 9}]}', tenant => 'copy') ORDER BY 1;
SELECT a.mode, p.mode, p.methods, r.pattern, t.needs_approval, t.cache_ttl, b.max_nanousd, b.max_calls, b.kind
  FROM agentcore.agent a, agentcore.policy p, agentcore.policy_rule r, agentcore.tool t, agentcore.budget b
 WHERE a.tenant = 'copy' AND p.tenant = 'copy' AND r.tenant = 'copy' AND t.tenant = 'copy' AND b.tenant = 'copy' ORDER BY r.pattern;
SELECT agentcore.config_apply('{"agents": [{"name": "w", "policy": null}]}', tenant => 'copy');
SELECT agentcore.config_apply('{"agents": [{"name": "w", "reset": ["mode"]}]}', tenant => 'copy');

-- the same object twice in one list
SELECT agentcore.config_apply('{"policies": [{"name": "p"}, {"name": "q"}, {"name": "p"}]}');
SELECT agentcore.config_apply('{"budgets": [{"name": "b", "limits": [{"limit_name": "l", "max_calls": 1}, {"limit_name": "l", "max_calls": 2}]}]}');
SELECT agentcore.config_apply('{"prices": [{"model": "m", "usd_per_input_token": 1, "usd_per_output_token": 1}, {"model": "m", "usd_per_input_token": 2, "usd_per_output_token": 1}]}');
SELECT action FROM agentcore.config_apply('{"prices": [{"model": "m", "usd_per_input_token": 1, "usd_per_output_token": 1, "valid_from": "2020-01-01"}, {"model": "m", "usd_per_input_token": 2, "usd_per_output_token": 1, "valid_from": "2021-01-01"}], "rates": [{"target": "t", "rate": 1, "period": "1 s"}], "breakers": [{"target": "t"}]}', dry_run => true);

-- Estimates in documents: an export from the time when 0 was the default has no error_pointer, and its zeros are unknown ----
SELECT agentcore.tool_set('zero', '{"type": "object"}', est_usd => 0, est_tokens => 5, tenant => 'est'), agentcore.tool_set('unknown', '{"type": "object"}', error_pointer => '/e', tenant => 'est');
SELECT agentcore.config_export('est') AS now \gset
SELECT t ->> 'name' AS name, t -> 'est_tokens' AS tokens, t -> 'est_usd' AS usd, t -> 'error_pointer' AS at FROM jsonb_array_elements(:'now'::jsonb -> 'tools') t;
SELECT name, action FROM agentcore.config_apply(:'now', tenant => 'est');
SELECT count(*) AS created FROM agentcore.config_apply(:'now', tenant => 'est copy') WHERE action = 'created';
SELECT agentcore.config_export('est') = agentcore.config_export('est copy') AS alike;
SELECT jsonb_build_object('tools', jsonb_agg(t - 'error_pointer' || jsonb_build_object('est_tokens', n, 'est_usd', u))) AS before
  FROM (SELECT t, n, u, row_number() OVER () FROM jsonb_array_elements(:'now'::jsonb -> 'tools') t, (VALUES (0, 0.5)) e(n, u)) x \gset
SELECT name, action FROM agentcore.config_apply(:'before', tenant => 'est copy');
SELECT name, est_tokens, est_usd FROM agentcore.tools WHERE tenant = 'est copy' ORDER BY 1;
SELECT name, action FROM agentcore.config_apply(replace(:'before', '"est_usd": 0.5', '"est_usd": 0.0')::jsonb, tenant => 'est copy');
SELECT name, est_tokens, est_usd FROM agentcore.tools WHERE tenant = 'est copy' ORDER BY 1;
-- written by hand: 0 is 0, whatever else is left out
SELECT action FROM agentcore.config_apply('{"tools": [{"name": "unknown", "est_usd": 0}, {"name": "new", "input_schema": {}, "est_usd": 0, "est_tokens": 0, "enabled": true}]}', tenant => 'est copy');
SELECT name, est_tokens, est_usd FROM agentcore.tools WHERE tenant = 'est copy' ORDER BY 1;

-- Budgets of documents from the time when counters were divided by hand: slots are told, and ignored -----------------
SELECT name, action FROM agentcore.config_apply('{"budgets": [{"name": "divided", "max_calls": 5, "slots": 16}]}', tenant => 'est');
SELECT name, action FROM agentcore.config_apply('{"budgets": [{"name": "divided", "max_calls": 5, "slots": 4}]}', tenant => 'est');

-- What an object names may go, or lose what it was chosen for: the document of such a database can be applied to it ----
SET search_path = agentcore, public;
\set VERBOSITY terse
CREATE ROLE regress_goes;
SELECT policy_set('gone', tenant => 'left'), retry_policy_set('gone', tenant => 'left'), budget_set('gone', tenant => 'left'), budget_set('team', max_tokens => 100, tenant => 'left');
SELECT agent_set('bot', 'gone', 'gone', owner => 'regress_goes', tenant => 'left'), tool_set('t', 'true', retry_policy => 'gone', tenant => 'left'),
       model_set('m', retry_policy => 'gone', tenant => 'left'), budget_set('mine', spenders => '{regress_goes}', overflow => 'team', tenant => 'left'),
       budget_template_set('u:*', parent => 'team', tenant => 'left');
SELECT budget_set('team', reset => '{max_tokens}', tenant => 'left'), policy_drop('gone', 'left'), retry_policy_drop('gone', 'left'), budget_drop('gone', 'left');
DROP ROLE regress_goes;
SELECT config_export('left') AS doc \gset
SELECT config_apply(:'doc', tenant => 'left');
-- it is refused where that is not so already
SELECT config_apply(:'doc', tenant => 'elsewhere');
SELECT agent_set('bot', 'gone too', tenant => 'left');
SELECT agent_set('bot', budget => 'gone too', tenant => 'left');
SELECT budget_template_set('v:*', parent => 'team', tenant => 'left');
SELECT budget_template_set('u:*', parent => 'mine', tenant => 'left');
-- no new name is a limit of its own all the same
SELECT granted, denied_by, reason, detail FROM budget_try_acquire('u:1', 1, tenant => 'left');
\set VERBOSITY default
RESET search_path;
