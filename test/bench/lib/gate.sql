-- The same policy twice: agentcore's, and what a team writes by hand in plpgsql.  One
-- agent, one tool (three arguments, one of them a URL), one allowed domain, one budget.
SET client_min_messages = warning;
SELECT agentcore.policy_set('p');
SELECT agentcore.policy_allow('p', '*.example.com');
SELECT agentcore.policy_allow_tool('p', '*');
SELECT agentcore.budget_set('b', max_tokens => 1000000000000000, max_usd => 1000000000);
SELECT agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('fetch', '{"type": "object", "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 500}, "top_k": {"type": "integer", "minimum": 1, "maximum": 100}, "url": {"type": "string", "maxLength": 2000}}, "required": ["query", "top_k", "url"], "additionalProperties": false}',
  url_args => '{/url}', http_method => 'GET', cache_ttl => '1 hour', cache_scope => 'tenant', est_tokens => 100, est_usd => 0.001);
SELECT call_id FROM agentcore.call_begin('a', 'fetch', :'args') \gset
SELECT agentcore.call_commit(:'call_id', :'result', tokens => 80, usd => 0.0008);
SELECT agentcore.cache_set('raw', :'args', :'result', ttl => '1 hour', publish => 'immediate');

CREATE SCHEMA hand;
CREATE TABLE hand.agent (name text PRIMARY KEY, enabled boolean NOT NULL, budget text NOT NULL);
CREATE TABLE hand.tool (name text PRIMARY KEY, enabled boolean NOT NULL, tokens bigint NOT NULL, usd numeric NOT NULL, ttl interval NOT NULL);
CREATE TABLE hand.host (agent text NOT NULL, pattern text NOT NULL, PRIMARY KEY (agent, pattern));
CREATE TABLE hand.budget (name text PRIMARY KEY, max_tokens bigint NOT NULL, max_usd numeric NOT NULL, used_tokens bigint NOT NULL DEFAULT 0,
  used_usd numeric NOT NULL DEFAULT 0, held_tokens bigint NOT NULL DEFAULT 0, held_usd numeric NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE hand.permit (id uuid PRIMARY KEY, budget text NOT NULL, tool text NOT NULL, args jsonb NOT NULL, tokens bigint NOT NULL, usd numeric NOT NULL,
  state text NOT NULL, at timestamptz NOT NULL);
CREATE TABLE hand.ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, permit uuid NOT NULL, budget text NOT NULL, tokens bigint NOT NULL, usd numeric NOT NULL);
CREATE UNLOGGED TABLE hand.cache (tool text, args jsonb, expires timestamptz NOT NULL, value jsonb NOT NULL, PRIMARY KEY (tool, args));
INSERT INTO hand.agent VALUES ('a', true, 'b');
INSERT INTO hand.tool VALUES ('fetch', true, 100, 0.001, '1 hour');
INSERT INTO hand.host VALUES ('a', '*.example.com');
INSERT INTO hand.budget VALUES ('b', 1000000000000000, 1000000000);

CREATE FUNCTION hand.valid(d jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  n numeric;
BEGIN
  IF jsonb_typeof(d) <> 'object' OR d - '{query,top_k,url}'::text[] <> '{}' OR jsonb_typeof(d -> 'query') IS DISTINCT FROM 'string'
     OR length(d ->> 'query') NOT BETWEEN 1 AND 500 OR jsonb_typeof(d -> 'top_k') IS DISTINCT FROM 'number'
     OR jsonb_typeof(d -> 'url') IS DISTINCT FROM 'string' OR length(d ->> 'url') > 2000 THEN
    RETURN false;
  END IF;
  n := (d -> 'top_k')::numeric;
  RETURN n = trunc(n) AND n BETWEEN 1 AND 100;
END $$;

CREATE FUNCTION hand.call_begin(agent_name text, tool_name text, call_args jsonb, OUT verdict text, OUT permit uuid, OUT result jsonb) LANGUAGE plpgsql AS $$
DECLARE
  a hand.agent;
  t hand.tool;
  host text;
  at timestamptz := clock_timestamp();
BEGIN
  verdict := 'deny';
  SELECT * INTO a FROM hand.agent WHERE name = agent_name AND enabled;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT * INTO t FROM hand.tool WHERE name = tool_name AND enabled;
  IF NOT FOUND OR NOT hand.valid(call_args) THEN RETURN; END IF;
  -- as teams write it; it takes other texts for hosts than a client connects to
  host := lower(substring(call_args ->> 'url' FROM '^https?://([^/:?#]+)'));
  PERFORM FROM hand.host h WHERE h.agent = agent_name AND (host = h.pattern OR h.pattern LIKE '*.%' AND host LIKE '%' || substr(h.pattern, 2));
  IF NOT FOUND THEN RETURN; END IF;
  SELECT c.value INTO result FROM hand.cache c WHERE c.tool = tool_name AND c.args = call_args AND c.expires > at;
  IF FOUND THEN
    verdict := 'cached';
    RETURN;
  END IF;
  UPDATE hand.budget SET held_tokens = held_tokens + t.tokens, held_usd = held_usd + t.usd
   WHERE name = a.budget AND used_tokens + held_tokens + t.tokens <= max_tokens AND used_usd + held_usd + t.usd <= max_usd;
  IF NOT FOUND THEN RETURN; END IF;
  permit := gen_random_uuid();
  INSERT INTO hand.permit VALUES (permit, a.budget, tool_name, call_args, t.tokens, t.usd, 'open', at);
  verdict := 'run';
END $$;

CREATE FUNCTION hand.call_commit(call uuid, value jsonb, tokens_used bigint, usd_used numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  p hand.permit;
  at timestamptz := clock_timestamp();
BEGIN
  UPDATE hand.permit SET state = 'done' WHERE id = call AND state = 'open' RETURNING * INTO p;
  IF NOT FOUND THEN RETURN 'conflict'; END IF;
  INSERT INTO hand.ledger (at, permit, budget, tokens, usd) VALUES (at, call, p.budget, tokens_used, usd_used);
  UPDATE hand.budget SET held_tokens = held_tokens - p.tokens, held_usd = held_usd - p.usd, used_tokens = used_tokens + tokens_used, used_usd = used_usd + usd_used
   WHERE name = p.budget;
  INSERT INTO hand.cache SELECT p.tool, p.args, at + t.ttl, value FROM hand.tool t WHERE t.name = p.tool
    ON CONFLICT (tool, args) DO UPDATE SET expires = excluded.expires, value = excluded.value;
  RETURN 'committed';
END $$;
SELECT hand.call_commit(permit, :'result', 80, 0.0008) FROM hand.call_begin('a', 'fetch', :'args');
VACUUM ANALYZE;
