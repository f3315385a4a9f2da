-- What the program of each driver finds: a worker of level agent, one whose role is set to be guarded, and what they are seen to have done.
CREATE ROLE worker LOGIN PASSWORD :'password';
CREATE ROLE guarded LOGIN PASSWORD :'password';
ALTER ROLE guarded SET agentcore.budget_guard = 'error';
SELECT agentcore.access_grant('worker', 'agent'), agentcore.access_grant('guarded', 'agent');

SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.budget_set('b', max_usd => 9000000000);
SELECT agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('t', '{"type": "object"}');
SELECT agentcore.tool_set('ttl', '{"type": "object"}', cache_ttl => '1 day 02:03:04.5');

-- what arrived of an argument
CREATE FUNCTION arrived(call uuid, what text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE what WHEN 'usd' THEN held_usd::text WHEN 'key' THEN key WHEN 'tokens' THEN held_tokens::text
                   WHEN 'lease' THEN round(extract(epoch FROM lease_until - created_at))::text END
    FROM agentcore.permits WHERE permit = call
$$;
