-- What a model is told of a refusal: what would be allowed, where that gives nothing away, or how to go on.
SET client_min_messages = error;
SET search_path = agentcore, public;
\pset format unaligned
\pset tuples_only on
SELECT tool_set('get', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}'), tool_set('post', '{"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}', http_method => 'POST'), count(policy_set(p)), count(agent_set(p, policy => p)), count(policy_allow_tool(p, '*')) FROM unnest('{web,none,every,big,narrow}'::text[]) p;
CREATE FUNCTION pg_temp.told(agent text, url text, tool text DEFAULT 'get') RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' | ', verdict, reason, detail, feedback) FROM agentcore.call_begin(agent, tool, jsonb_build_object('url', url)) $$;
SELECT count(policy_allow('web', h)) FROM unnest('{docs.example.com,*.api.example.com,192.0.2.0/24,bücher.example}'::text[]) h;
SELECT policy_allow('web', 'ports.example', ports => '{8443,9443}') > 0, policy_allow('web', 'secret.example', path_prefix => '/hidden/path') > 0, policy_allow('web', 'read.example', methods => '{GET,HEAD}') > 0, policy_allow('web', 'later.example', valid => '[2099-01-01,)') > 0, policy_deny('web', 'blocked.example') > 0, policy_allow('web', 'blocked.example') > 0,
  count(policy_allow('big', 'h' || i || '.example')) FROM generate_series(1, 12) i;
SELECT policy_allow('every', '*') > 0, policy_deny('every', 'bad.example') > 0, policy_allow('narrow', 'a.example') > 0;
-- another host, and the same one otherwise
SELECT u, pg_temp.told('web', u) FROM unnest('{https://other.example/,http://docs.example.com/,http://other.example/,https://docs.example.com:8443/,https://ports.example/,https://secret.example/x?token=t,https://later.example/,https://blocked.example/,https://127.0.0.1/,gopher://docs.example.com/,https://user:pw@docs.example.com/}'::text[]) u;
SELECT u, pg_temp.told('web', u, 'post') FROM unnest('{https://read.example/,https://secret.example/hidden/path}'::text[]) u;
SELECT pg_temp.told('none', 'https://a.example/'), pg_temp.told('every', 'https://bad.example/'), pg_temp.told('every', 'http://good.example/'), pg_temp.told('big', 'https://a.example/');
SELECT policy_set('narrow', methods => '{GET,PUT}'), pg_temp.told('narrow', 'https://a.example/', 'post');
-- what '*' keeps from the agent is not named, nor are the rules of others
SELECT policy_set('*'), policy_deny('*', 'docs.example.com') > 0, policy_deny('*', 'hidden.example') > 0, policy_set('*', tenant => '*'), policy_deny('*', 'ports.example', tenant => '*') > 0;
SELECT pg_temp.told('web', 'https://docs.example.com/'), pg_temp.told('web', 'https://x.example/');
SELECT policy_drop('*'), policy_drop('*', '*');
-- a policy in audit mode, a policy too large to be kept
SELECT policy_set('narrow', mode => 'audit', reset => '{methods}'), pg_temp.told('narrow', 'https://b.example/');
SET agentcore.policy_cache_max_rules = 0;
SELECT policy_allow('big', 'one-more.example') > 0, pg_temp.told('big', 'https://a.example/');
RESET agentcore.policy_cache_max_rules;

-- every reason
SELECT tool_set('plain', '{"type": "object"}'), tool_set('typed', '{"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2]}}, "required": ["n"], "additionalProperties": false}'), tool_set('off', '{"type": "object"}', enabled => false), tool_set('asked', '{"type": "object"}', needs_approval => true),
  tool_set('once', '{"type": "object", "required": ["a", "b"]}', once => '1 hour', once_by => '{/a}'), tool_set('once-subject', '{"type": "object"}', once => '1 hour', once_scope => 'subject'), tool_set('cached', '{"type": "object"}', cache_ttl => '1 hour', cache_negative_ttl => '1 hour', idempotent => true), tool_set('limited', '{"type": "object"}'),
  tool_set('checked', '{"type": "object"}'), tool_set('ruled', '{"type": "object"}'), tool_set('denied', '{"type": "object"}'), tool_set('worded', '{"type": "object"}'), tool_set('forced', '{"type": "object"}', target => 'forced'), tool_set('slow', '{"type": "object"}', target => 'slow'),
  policy_set('all'), agent_set('all', policy => 'all'), agent_set('off', policy => 'all', enabled => false), breaker_set('forced', forced => 'open'), rate_set('slow', 1, '1 hour'), budget_set('empty', max_calls => 0), agent_set('all', charges => '{empty}'), policy_set('all', tenant => 'gone'), agent_set('gone', policy => 'all', tenant => 'gone'), tenant_set(false, tenant => 'gone'), task_stop('stopped');
SELECT count(policy_allow_tool('all', t)) FROM unnest('{plain,typed,off,asked,once,once-subject,cached,limited,checked,get,post,worded,changed,forced,slow,denied}'::text[]) t;
SELECT policy_allow_tool('all', 'ruled', name => 'kinds', "when" => '{"/args/kind": {"enum": ["a", "b"]}}') > 0, policy_deny_tool('all', 'denied') > 0, policy_deny_tool('all', 'worded', name => 'words', feedback => 'Write to a colleague instead.') > 0, policy_limit_tool('all', 'limited', name => 'few', max_calls => 1),
  policy_allow('all', 'docs.example.com', methods => '{GET}') > 0, policy_ask_tool('all', 'asked', name => 'person') > 0;
INSERT INTO agentcore.policy_check (tenant, policy, name, tool, "check") VALUES ('', 'all', 'gone', 'checked', 'nowhere.such');
SELECT action FROM unnest('{Reads.,Reads and writes.}'::text[]) d, tool_import(jsonb_build_array(jsonb_build_object('name', 'changed', 'description', d, 'inputSchema', '{"type": "object"}'::jsonb)), on_change => 'hold');
CREATE TEMP TABLE told (reason text, feedback text, verdict text);
CREATE FUNCTION pg_temp.note(VARIADIC statements text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. array_length(statements, 1) LOOP
    IF i < array_length(statements, 1) THEN EXECUTE statements[i];
    ELSE EXECUTE 'INSERT INTO told SELECT reason, regexp_replace(feedback, ''[0-9]+ seconds'', ''N seconds''), verdict FROM ' || statements[i]; END IF;
  END LOOP;
END $$;
SELECT count(pg_temp.note(s)) FROM unnest(ARRAY[$$call_begin('all', 'plian')$$, $$call_begin('all', 'no such name at all')$$, $$call_begin('all', 'typed', '{"n": 3, "m": 1}')$$, $$call_begin('all', 'plain', args_text => '{"a": ')$$, $$call_begin('all', 'unheard')$$, $$call_begin('all', 'ruled', '{"kind": "secret"}')$$, $$call_begin('all', 'ruled', '{}')$$,
  $$call_begin('all', 'denied')$$, $$call_begin('all', 'worded')$$, $$call_begin('all', 'get', '{"url": "https://other.example/"}')$$, $$call_begin('all', 'post', '{"url": "https://docs.example.com/"}')$$, $$call_begin('all', 'get', '{"url": "https://docs.example.com:x/"}')$$, $$call_begin('all', 'get', '{"url": "http://docs.example.com/"}')$$,
  $$call_begin('all', 'plain', budget => 'empty')$$, $$call_begin('all', 'forced')$$, $$call_begin('all', 'asked')$$, $$call_begin('off', 'plain')$$, $$call_begin('all', 'off')$$, $$call_begin('gone', 'plain', tenant => 'gone')$$, $$call_begin('all', 'plain', task => 'stopped')$$, $$call_begin('all', 'checked')$$,
  $$call_begin('all', 'limited')$$, $$call_begin('all', 'changed')$$, $$call_begin('all', 'once', '{"a": 1, "b": 1}')$$, $$call_begin('all', 'once-subject')$$]) s;
SELECT pg_temp.note($$SELECT agentcore.call_begin('all', 'slow')$$, $$call_begin('all', 'slow')$$), pg_temp.note($$SELECT agentcore.call_begin('all', 'limited', task => 'l')$$, $$call_begin('all', 'limited', task => 'l')$$),
  pg_temp.note($$SELECT agentcore.call_begin('all', 'plain', key => 'k')$$, $$call_begin('all', 'plain', key => 'k')$$), pg_temp.note($$SELECT agentcore.call_commit(call_id) FROM agentcore.call_begin('all', 'once', '{"a": 1, "b": 1}', task => 'o')$$, $$call_begin('all', 'once', '{"a": 1, "b": 2}', task => 'o')$$),
  pg_temp.note($$SELECT agentcore.call_fail(call_id, error => 'timeout', status => 504) FROM agentcore.call_begin('all', 'plain', key => 'open')$$, $$call_begin('all', 'plain', key => 'open')$$),
  pg_temp.note($$SELECT agentcore.call_fail(call_id, error => 'no such thing', status => 404) FROM agentcore.call_begin('all', 'cached')$$, $$call_begin('all', 'cached')$$),
  pg_temp.note($$SELECT agentcore.call_approve(approval, false) FROM agentcore.call_begin('all', 'asked', '{"no": 1}')$$, $$call_begin('all', 'asked', '{"no": 1}')$$),
  pg_temp.note($$SELECT agentcore.call_begin_many('all', '[{"id": "i", "type": "function", "function": {"name": "plain", "arguments": "{}"}}]', key_prefix => 'm')$$, $$call_begin_many('all', '[{"id": "i", "type": "function", "function": {"name": "typed", "arguments": "{\"n\": 1}"}}]', key_prefix => 'm')$$),
  pg_temp.note($$SELECT agentcore.call_begin('all', 'asked', '{"late": 1}')$$, $$SELECT set_config('agentcore.debug_clock_offset', '90000000', false)$$, $$call_begin('all', 'asked', '{"late": 1}')$$), set_config('agentcore.debug_clock_offset', '0', false);
SET agentcore.loop_limit = 2;
SELECT $$SELECT verdict FROM agentcore.call_begin('all', 'plain', '{"loop": 1}', task => 'loop')$$ FROM generate_series(1, current_setting('agentcore.loop_limit')::int) \gexec
SELECT pg_temp.note($$call_begin('all', 'plain', '{"loop": 1}', task => 'loop')$$);
SELECT DISTINCT reason, verdict, feedback FROM told ORDER BY 1, 2, 3;
-- no refusal without its words; contention takes two sessions
SELECT count(*) FROM told WHERE reason IS NULL OR feedback IS NULL OR feedback !~ '[.]$';
SELECT unnest('{unknown_tool,invalid_args,not_in_allowlist,denylist_match,method_blocked,invalid_url,budget_exceeded,rate_limited,circuit_open,in_progress,key_conflict,contention,outcome_unknown,approval_required,approval_expired,loop_detected,failed_before,agent_disabled,tool_disabled,tool_changed,tenant_disabled,task_stopped,check_failed,limit_exceeded,already_done,task_required,subject_required}'::text[]) EXCEPT SELECT reason FROM told ORDER BY 1;
