-- Targets: the service behind a tool or a model, watched for all processes of the tenant.
\set SHOW_CONTEXT never
SET client_min_messages = error;	-- calls are begun and ended in one statement here
SET search_path = agentcore, public;
SELECT policy_set('p'), policy_allow_tool('p', '*') > 0 AS rule, agent_set('a', 'p'), agent_set('a2', 'p');
SELECT tool_set('s', '{"type": "object"}', idempotent => true, target => 'api'),
       tool_set('twin', '{"type": "object"}', idempotent => true, target => 'api'),
       tool_set('free', '{"type": "object"}', idempotent => true);

SELECT breaker_set('api', failure_ratio => 1, min_calls => 1000, consecutive => 1000);

-- how a call of the tool fails: begun, failed, and what was advised
CREATE FUNCTION fails(tool text, status integer, error text DEFAULT NULL, header text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  begun record;
  told record;
BEGIN
  SELECT * INTO begun FROM agentcore.call_begin('a', tool, '{}');
  IF begun.verdict <> 'run' THEN
    RETURN begun.verdict || ' ' || begun.reason;
  END IF;
  SELECT * INTO told FROM agentcore.call_fail(begun.call_id, status, error, header);
  RETURN told.action || ' ' || told.reason;
END
$$;
CREATE FUNCTION asks(tool text, agent text DEFAULT 'a') RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') FROM agentcore.call_begin(agent, tool, '{}')
$$;

-- A hint belongs to the target: of a throttle, of a 503, of a call that is deferred, with a key and without one,
-- for every tool of the target and every agent of the tenant.
SELECT action, delay FROM call_begin('a', 's', '{"n": 1}', key => 'd') b, LATERAL call_fail(b.call_id, 429, 'slow down', '3600');
SELECT verdict, reason, retry_after >= '59 min' AND retry_after <= '61 min' AS about_an_hour FROM call_begin('a', 's', '{"n": 1}', key => 'd');
SELECT verdict, reason, detail, regexp_replace(feedback, '\d+', 'N') AS feedback, retry_after >= '59 min' AND retry_after <= '61 min' AS about_an_hour FROM call_begin('a', 's', '{"n": 2}');
SELECT asks('s'), asks('twin', 'a2'), asks('free');
SELECT target, state, calls, failures, kind, paused_until > clock_now() + '59 min' AS paused FROM stat_target;
SELECT target_resume('api') AS resumed, target_resume('api') AS again, asks('s');
SELECT fails('s', 503, NULL, '30'), asks('s'), target_resume('api');
SELECT fails('s', 429, NULL, 'Sun, 06 Nov 1994 08:49:37 GMT') AS past, fails('s', 429) AS no_hint, asks('s');

-- it is not transactional, and never longer than the cap, whoever reports ten years
BEGIN;
SELECT fails('s', 429, NULL, '315360000');
ROLLBACK;
SELECT asks('s'), paused_until > clock_now() + '59 min' AND paused_until < clock_now() + '61 min' AS an_hour FROM stat_target WHERE target = 'api';
SET agentcore.debug_clock_offset = '3601 s';
SELECT asks('s') AS an_hour_later;
RESET agentcore.debug_clock_offset;
SELECT target_resume('api');
SET agentcore.max_target_pause = '2 min';
SELECT fails('s', 503, NULL, '86400') AS long;
SELECT reason, retry_after >= '2 min' AND retry_after <= '132 s' AS cut FROM call_begin('a', 's', '{}');
SELECT target_resume('api');
SET agentcore.max_target_pause = 0;
SELECT fails('s', 503, NULL, '86400') AS long, asks('s') AS no_pause;
RESET agentcore.max_target_pause;

-- a later, shorter word does not shorten it: of calls that began before
SELECT array_agg(call_id) AS calls FROM generate_series(1, 2) g, LATERAL call_begin('a', 's', jsonb_build_object('n', 10 + g)) \gset
SELECT action, reason FROM unnest(:'calls'::uuid[], '{600,5}'::text[]) c(id, hint), LATERAL call_fail(c.id, 429, NULL, c.hint);
SELECT paused_until > clock_now() + '9 min' AS longest FROM stat_target WHERE target = 'api';

-- a breaker that is forced has the last word; forced closed ends the pause, once it is committed
BEGIN;
SELECT breaker_set('api', forced => 'closed'), asks('s');
ROLLBACK;
SELECT asks('s') AS still_paused;
SELECT breaker_set('api', forced => 'open'), asks('s');
SELECT breaker_set('api', forced => 'closed'), asks('s');
SELECT breaker_set('api', reset => '{forced}'), asks('s') AS ended;
SELECT fails('s', 503, NULL, '60');
SELECT action FROM config_apply('{"breakers": [{"target": "api", "forced": "closed"}]}', dry_run => true);
SELECT asks('s') AS dry_run_ends_nothing, target_resume('api');

-- The breaker counts by class. Trouble of the other side, whatever the status:
SELECT tool_set('c' || i, '{"type": "object"}', idempotent => true, target => 'c' || i) FROM generate_series(1, 12) AS i;
SELECT n, fails('c' || n, status, error)
  FROM (VALUES (1, 200, 'overloaded_error'), (2, 500, NULL), (3, 429, 'slow down'), (4, NULL, 'nobody knows this'),
               (5, NULL, 'asyncio.CancelledError'), (6, 499, 'client closed request'), (7, 400, 'bad request'), (8, 401, NULL),
               (9, 400, 'ThrottlingException'), (10, 403, 'You have exceeded a secondary rate limit'), (11, 429, '{"error": {"code": "insufficient_quota"}}'),
               (12, NULL, 'TypeError: cannot read properties of undefined')) e(n, status, error) ORDER BY n;
SELECT target, calls, failures FROM stat_target WHERE target ~ '^c\d+$' ORDER BY substr(target, 2)::integer;

-- target_resume is an administrator's, and names a target
SELECT target_resume(NULL);
SELECT target_resume('');
SELECT target_resume('never seen');

-- Rates of calls that the gate lets pass: without a burst, at most the rate within any minute.
SELECT tool_set('r', '{"type": "object"}', idempotent => true, target => 'r'), rate_set('r', 3, '1 min');
SELECT count(*) FILTER (WHERE verdict = 'run') AS run, count(DISTINCT detail) AS refused_in_one_way, max(detail) AS detail
  FROM generate_series(1, 5) g, LATERAL call_begin('a', 'r', jsonb_build_object('n', g));
SET agentcore.debug_clock_offset = '59 s';
SELECT asks('r') AS no_second_period_within_the_first;
SET agentcore.debug_clock_offset = '61 s';
SELECT asks('r');
RESET agentcore.debug_clock_offset;

-- Tokens are taken by the estimate and corrected by what was used.
SELECT tool_set('k', '{"type": "object"}', idempotent => true, target => 'k'), rate_set('k', period => '1 hour', tokens => 1000);
CREATE FUNCTION asks_for(tokens bigint, key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') FROM agentcore.call_begin('a', 'k', '{}', est_tokens => tokens, key => key)
$$;
SELECT verdict, reason, detail, feedback, retry_after FROM call_begin('a', 'k', '{}', est_tokens => 1001);
SELECT call_id AS c FROM call_begin('a', 'k', '{}', est_tokens => 900) \gset
SELECT verdict, reason, detail, retry_after BETWEEN '59 min' AND '1 hour' AS an_hour FROM call_begin('a', 'k', '{}', est_tokens => 101);
SELECT asks_for(100) AS fits, asks_for(NULL) AS unknown, asks_for(1) AS one, asks_for(0) AS nothing;
-- less was used: the rest is free at once, and once only
SELECT call_commit(:'c', tokens => 400), call_commit(:'c', tokens => 400);
SELECT asks_for(501) AS too_much, asks_for(500) AS fits;
-- more was used than anybody said: that counts, too
SET agentcore.debug_clock_offset = '61 min';
SELECT call_id AS c FROM call_begin('a', 'k', '{}', est_tokens => 10) \gset
SELECT call_commit(:'c', tokens => 995), asks_for(6) AS too_much, asks_for(5) AS fits;
-- a failure that says what was used is corrected; one that does not keeps its estimate
SET agentcore.debug_clock_offset = '122 min';
SELECT call_id AS c FROM call_begin('a', 'k', '{}', est_tokens => 600) \gset
SELECT call_id AS d FROM call_begin('a', 'k', '{}', est_tokens => 400) \gset
SELECT (call_fail(:'c', 400, tokens => 100)).action, (call_fail(:'d', 400)).action;
SELECT asks_for(501) AS too_much, asks_for(500) AS fits;
-- a ROLLBACK, a savepoint and a refusal give tokens back
SET agentcore.debug_clock_offset = '183 min';
BEGIN;
SELECT asks_for(1000), asks_for(1);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT asks_for(1000);
ROLLBACK TO s;
SELECT asks_for(600);
COMMIT;
SELECT asks_for(401) AS too_much, asks_for(400) AS fits;
-- what was taken longer ago than a period does not make room for others now
SET agentcore.debug_clock_offset = '244 min';
SELECT call_id AS c FROM call_begin('a', 'k', '{}', est_tokens => 1000, lease => '2 hours') \gset
SET agentcore.debug_clock_offset = '305 min';
SELECT asks_for(1000) AS fits;
SELECT call_commit(:'c', tokens => 0);
SELECT asks_for(1) AS nothing_came_back;
-- a retry takes what its permit holds, whatever it says now
SET agentcore.debug_clock_offset = '366 min';
SELECT action FROM call_begin('a', 'k', '{}', est_tokens => 400, key => 'retried') b, LATERAL call_fail(b.call_id, 500);
SET agentcore.debug_clock_offset = '367 min';
SELECT asks_for(0, 'retried'), asks_for(201) AS too_much, asks_for(200) AS fits;
RESET agentcore.debug_clock_offset;

-- Models have targets as tools have: their own name where model_set() says nothing.
SELECT model_price_set('m', 0.000003, 0.000015), model_price_set('m2', 0.000001, 0.000002), model_price_set('m3', 0.000001, 0.000002);
CREATE FUNCTION model_fails(model text, status integer, error text DEFAULT NULL, header text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  begun record;
  told record;
BEGIN
  SELECT * INTO begun FROM agentcore.llm_begin('a', model, 10, 10);
  IF begun.verdict <> 'run' THEN
    RETURN begun.verdict || ' ' || begun.reason;
  END IF;
  SELECT * INTO told FROM agentcore.call_fail(begun.call_id, status, error, header);
  RETURN told.action || ' ' || told.reason;
END
$$;
CREATE FUNCTION asks_model(model text, input bigint DEFAULT 10, output bigint DEFAULT 10) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') FROM agentcore.llm_begin('a', model, input, output)
$$;
SELECT n, model_fails('m', 529, 'overloaded_error') FROM generate_series(1, 7) AS n;
SELECT verdict, reason, detail FROM llm_begin('a', 'm', 10, 10);
SELECT model_fails('m2', 529, 'overloaded_error', '60'), asks_model('m2'), asks_model('m3');
SELECT verdict, reason, detail, regexp_replace(feedback, '\d+ s', 'N s') AS feedback FROM llm_begin('a', 'm2', 10, 10);
SELECT target, state, calls, failures, paused_until IS NOT NULL AS paused FROM stat_target WHERE target LIKE 'm%' ORDER BY 1;
-- models that a provider limits together
SELECT model_set('m3', target => 'm2'), asks_model('m3'), model_set('m3', reset => '{target}'), asks_model('m3');
SELECT target_resume('m2'), model_set('m2', target => 'provider'), model_set('m3', target => 'provider'), rate_set('provider', 4, '1 hour', tokens => 100);
SELECT model, target, target_set, retry_policy FROM models ORDER BY 1;
SELECT asks_model('m2', 10, 80), asks_model('m3', 5, 10) AS too_much, asks_model('m3', 5, 5), asks_model('m3', 100, 1) AS never;
SELECT verdict, reason, detail, feedback FROM llm_begin('a', 'm2', 1000000, 10);
-- a model that no price knows is no target, whatever it is called
SELECT asks_model('nobody knows me'), (SELECT count(*) FROM stat_target WHERE target LIKE 'nobody%') AS watched;
SELECT agent_set('auditor', 'p', mode => 'audit');
SELECT verdict, action FROM llm_begin('auditor', 'nobody knows me', 10, 10) b, LATERAL call_fail(b.call_id, 529, NULL, '60') f;
SELECT count(*) AS watched FROM stat_target WHERE target LIKE 'nobody%';
-- the usage corrects what was taken
SET agentcore.debug_clock_offset = '61 min';
SELECT call_id AS c FROM llm_begin('a', 'm2', 10, 90) \gset
SELECT asks_model('m3') AS full;
SELECT llm_commit(:'c', '{"input_tokens": 10, "output_tokens": 20}');
SELECT asks_model('m3', 10, 61) AS too_much, asks_model('m3', 10, 60);
RESET agentcore.debug_clock_offset;
-- the retry policy of a model
SELECT retry_policy_set('once', max_attempts => 1), model_set('m3', retry_policy => 'once', target => 'm3');
SELECT model_fails('m3', 500) AS once, model_set('m3', reset => '{retry_policy}'), model_fails('m3', 500) AS again;
SELECT model_set('m3', retry_policy => 'once'), retry_policy_drop('once'), model_fails('m3', 500) AS policy_is_gone;
SELECT model_set('m3', retry_policy => 'nowhere');
SELECT model_set(NULL);
SELECT model_set('');
-- a document knows them
SELECT kind, name, action FROM config_apply('{"models": [{"model": "m2", "target": "provider"}, {"model": "m9", "retry_policy": null}]}', prune => true);
SELECT config_export() -> 'models' AS models;
SELECT model_drop('m9'), model_drop('m9');

-- What is said twice counts once: an attempt that failed takes nothing back again.
SELECT tool_set('w', '{"type": "object"}', idempotent => true, target => 'w'), rate_set('w', period => '1 hour', tokens => 1000);
SELECT call_id AS c FROM call_begin('a', 'w', '{}', est_tokens => 600, key => 'w') \gset
SELECT call_id AS d FROM call_begin('a', 'w', '{"d": 1}', est_tokens => 400) \gset
SELECT count(*) FROM generate_series(1, 3), LATERAL call_fail(:'c', 500, tokens => 500);
SELECT calls, failures FROM stat_target WHERE target = 'w';
SELECT verdict, reason FROM call_begin('a', 'w', '{"e": 1}', est_tokens => 101);
SELECT verdict, reason FROM call_begin('a', 'w', '{"e": 1}', est_tokens => 100);

-- Nothing comes back by an end that is rolled back, however often: not of a success, a failure, a cancellation or a release.
SELECT tool_set('v', '{"type": "object"}', idempotent => true, target => 'v'), rate_set('v', rate => 3, period => '1 hour', tokens => 1000);
SELECT call_id AS c FROM call_begin('a', 'v', '{}', est_tokens => 300) \gset
SELECT call_id AS d FROM call_begin('a', 'v', '{"d": 1}', est_tokens => 700) \gset
CREATE FUNCTION undone(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..3 LOOP
    BEGIN
      EXECUTE what;
      RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END
$$;
SELECT undone(format(f, :'c')) FROM unnest('{"SELECT agentcore.call_commit(%L, tokens => 0)","SELECT agentcore.call_fail(%L, 500, tokens => 0)","SELECT agentcore.call_fail(%L, 499, tokens => 0)","SELECT agentcore.call_release(%L)"}'::text[]) f;
SELECT verdict, reason, detail FROM call_begin('a', 'v', '{"e": 1}', est_tokens => 1);
-- once it is released, its tokens and its call are there, and no more
SELECT call_release(:'c'), call_release(:'c') AS again;
SELECT verdict, reason, detail FROM call_begin('a', 'v', '{"e": 1}', est_tokens => 301);
SELECT verdict, reason, detail FROM call_begin('a', 'v', '{"e": 1}', est_tokens => 300);
SELECT verdict, reason, detail FROM call_begin('a', 'v', '{"f": 1}', est_tokens => 0);
SELECT verdict, reason, detail FROM call_begin('a', 'v', '{"g": 1}', est_tokens => 0);

-- What a call is extended by counts, and only that comes back.
SELECT tool_set('x', '{"type": "object"}', idempotent => true, target => 'x'), rate_set('x', period => '1 hour', tokens => 1000);
SELECT call_id AS c FROM call_begin('a', 'x', '{}', est_tokens => 100) \gset
SELECT call_id AS d FROM call_begin('a', 'x', '{"d": 1}', est_tokens => 500) \gset
BEGIN;
SELECT call_extend(:'c', '1 hour', 400);
SELECT verdict, reason FROM call_begin('a', 'x', '{"e": 1}', est_tokens => 1);
ROLLBACK;
SELECT verdict FROM call_begin('a', 'x', '{"f": 1}', est_tokens => 1);
SELECT call_extend(:'c', '1 hour', 5000);
SELECT verdict, reason FROM call_begin('a', 'x', '{"e": 1}', est_tokens => 1);
SELECT call_commit(:'c', tokens => 50);
SELECT verdict, reason FROM call_begin('a', 'x', '{"e": 1}', est_tokens => 450);
SELECT verdict, reason FROM call_begin('a', 'x', '{"e": 1}', est_tokens => 449);

-- Whatever is begun, ended, extended, released and rolled back in whatever order: when a call is let pass, what the calls
-- of the last period took or used, whichever is known, is within the limit.  A minute is left out, because a call is let pass a little
-- before its time is read.
SELECT tool_set('any', '{"type": "object"}', idempotent => true, target => 'any'), rate_set('any', period => '1 hour', tokens => 1000);
CREATE TABLE taken (id uuid, at bigint, held bigint, used bigint, more_at bigint, more bigint DEFAULT 0);
CREATE TABLE found (at bigint, tokens numeric);
DO $$
DECLARE
  now bigint := 30000000;
  one record;
  n bigint;
  clock bigint;
BEGIN
  PERFORM setseed(0.3);
  FOR i IN 1..1500 LOOP
    now := now + CASE WHEN random() < 0.03 THEN (random() * 2400000)::bigint ELSE (random() * 90000)::bigint END;
    PERFORM set_config('agentcore.debug_clock_offset', now::text, false);
    SELECT * INTO one FROM taken WHERE used IS NULL ORDER BY random() LIMIT 1;
    n := 1 + (random() * 300)::bigint;
    clock := extract(epoch FROM agentcore.clock_now()) * 1000;
    IF random() < 0.5 OR one IS NULL THEN
      INSERT INTO taken (id, at, held) SELECT b.call_id, clock, n FROM agentcore.call_begin('a', 'any', jsonb_build_object('i', i), est_tokens => n, lease => '20 hours') b WHERE b.verdict = 'run';
      IF FOUND THEN
        INSERT INTO found SELECT clock, sum(CASE WHEN at > clock - 3540000 THEN least(coalesce(used, held), held) ELSE 0 END + CASE WHEN more_at > clock - 3540000 THEN more ELSE 0 END) FROM taken;
      END IF;
      IF random() < 0.1 THEN ROLLBACK; ELSE COMMIT; END IF;
    ELSIF random() < 0.7 THEN
      PERFORM agentcore.call_commit(one.id, tokens => n);
      UPDATE taken SET used = n, more_at = CASE WHEN n > held THEN clock END, more = greatest(n - held, 0) WHERE id = one.id;
      IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
    ELSIF random() < 0.5 THEN
      PERFORM agentcore.call_release(one.id);
      UPDATE taken SET used = 0 WHERE id = one.id;
      IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
    ELSE
      PERFORM agentcore.call_fail(one.id, 400, tokens => n);
      UPDATE taken SET used = n, more_at = CASE WHEN n > held THEN clock END, more = greatest(n - held, 0) WHERE id = one.id;
      COMMIT;
    END IF;
  END LOOP;
  PERFORM set_config('agentcore.debug_clock_offset', '0', false);
END
$$;
SELECT count(*) > 100 AS many, max(tokens) <= 1000 AS never_more, max(tokens) > 900 AS up_to_the_limit FROM found;
