-- Rate limits: at most the rate within any period, wherever the period begins.
\set SHOW_CONTEXT never
SET search_path = agentcore, public;
CREATE FUNCTION at(ms integer) RETURNS void LANGUAGE sql AS $$ SELECT set_config('agentcore.debug_clock_offset', ms::text, false) $$;
CREATE FUNCTION granted(key text, rate integer, period interval, asked integer, burst integer DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE r.allowed) FROM generate_series(1, asked) g, LATERAL agentcore.rate_take(key || left('', g), rate, period, burst) r
$$;

-- the limit is no bucket that is full at first and refills meanwhile
SELECT granted('rpm', 60, '1 min', 100) AS at_once, at(30000), granted('rpm', 60, '1 min', 100) AS in_the_middle,
       at(59000), granted('rpm', 60, '1 min', 100) AS before_the_end, at(61000), granted('rpm', 60, '1 min', 100) AS after, at(0);
-- with a burst it is one, and says so
SELECT granted('b', 60, '1 min', 100, 5) AS at_once, at(30000), granted('b', 60, '1 min', 100, 5) AS half_a_minute_later, at(0);
-- the answer says when: not a moment too late
SELECT allowed FROM rate_take('one', 1, '1 min');
SELECT allowed, retry_after > '50 s' AND retry_after <= '60 s' AS a_minute FROM rate_take('one', 1, '1 min');
-- another limit of the same key forgets nothing
SELECT granted('k', 3, '1 min', 5) AS three, granted('k', 3, '1 min', 5, 3) AS none, granted('k', 5, '1 min', 5) AS two_more, granted('k', 5, '2 min', 5) AS none,
       at(61000), granted('k', 5, '2 min', 5) AS none, granted('k', 2, '1 min', 5) AS two, at(0);

-- Whatever happens when: no period holds more than the rate, and what is asked for at all times is used.
-- The test itself takes less than the minute of the hour that is left out.
CREATE TABLE passed (key text, at bigint);
DO $$
DECLARE
  now bigint;
  key text;
BEGIN
  FOR seed IN 1..6 LOOP
    PERFORM setseed(seed / 10.0);
    key := 'any' || seed;
    now := 0;
    FOR i IN 1..600 LOOP
      now := now + CASE WHEN random() < 0.1 THEN (random() * 1800000)::bigint ELSE (random() * 60000)::bigint END;
      PERFORM set_config('agentcore.debug_clock_offset', now::text, false);
      INSERT INTO passed SELECT key, now FROM agentcore.rate_take(key, 5 * seed, '1 hour') r WHERE r.allowed;
    END LOOP;
  END LOOP;
END
$$;
SELECT at(0);
SELECT bool_and(n <= 5 * substr(key, 4)::integer) AS never_more, bool_or(n = 5 * substr(key, 4)::integer) AS up_to_the_rate
  FROM (SELECT key, count(*) OVER (PARTITION BY key ORDER BY at RANGE BETWEEN 3540000 PRECEDING AND CURRENT ROW) AS n FROM passed) w;
-- steadily asked, it admits the rate in 16/15 of a period
SELECT count(*) >= 100 AS enough
  FROM generate_series(0, 640) g, LATERAL at(100000000 + g * 60000) a, LATERAL rate_take('steady' || left('', g), 10, '1 hour') r WHERE r.allowed;
SELECT at(0);

-- Tokens: beside calls, or alone; a burst counts calls.
SELECT rate_set('t', period => '1 min', tokens => 1000), rate_set('t', tokens => 1000) AS again, rate_set('t', rate => 5, burst => 2), rate_set('t', reset => '{rate,burst}');
SELECT name, rate, period, burst, tokens FROM rate_limit;
SELECT rate_set('t', reset => '{tokens}');
SELECT rate_set('t', burst => 3);
SELECT rate_set('t', tokens => 0);
SELECT rate_set('u', 1);
SELECT rate_set('u', period => '1 min');
SELECT rate_drop('t');
