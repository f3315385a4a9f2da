-- Checks: functions of the business judge calls, and can do nothing but look.
SET client_min_messages = error;
SET search_path = agentcore, public;
-- nothing here ends in time or not by chance
SET agentcore.check_timeout = '60s';
CREATE FUNCTION pg_temp.ask(tool text, args jsonb, subject text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') || coalesce(': ' || CASE WHEN verdict = 'deny' THEN feedback END, '') || CASE WHEN enforced THEN '' ELSE ' not enforced' END
    FROM agentcore.call_begin('shop', tool, args, subject => subject) $$;
\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id text PRIMARY KEY, owner text, total numeric);
INSERT INTO shop.orders VALUES ('o1', 'ann', 100), ('o2', 'bob', 5000);
CREATE FUNCTION shop.own_order(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN NOT EXISTS (SELECT FROM shop.orders WHERE id = context #>> '{args,order}' AND owner = context ->> 'subject') THEN 'This order is not the customer''s.' END $$;
SELECT tool_set('refund', '{"type": "object"}'), policy_set('shop'), agent_set('shop', policy => 'shop'), policy_allow_tool('shop', 'refund') IS NOT NULL;
SELECT policy_check_set('shop', 'ref*', 'own', 'shop.own_order'), policy_check_set('shop', 'ref*', 'own', 'shop.own_order');
SELECT pg_temp.ask('refund', '{"order": "o1"}', 'ann'), pg_temp.ask('refund', '{"order": "o2"}', 'ann'), pg_temp.ask('refund', '{"order": "o3"}', 'ann'), pg_temp.ask('refund', '{}'), pg_temp.ask('refund', '{"order": ["o1"]}', 'ann');
-- the newest committed rows, inside an open transaction too
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.ask('refund', '{"order": "o1"}', 'ann');
ROLLBACK;
-- what it may be
CREATE FUNCTION shop.volatile_one(jsonb) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT NULL::text';
CREATE FUNCTION shop.invoker_one(jsonb) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS 'SELECT NULL::text';
CREATE FUNCTION shop.pathless_one(jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT NULL::text';
CREATE FUNCTION shop.many_one(jsonb) RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT NULL::text';
CREATE FUNCTION shop.number_one(jsonb) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1::numeric';
CREATE FUNCTION shop.json_one(json) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT NULL::text';
CREATE ROLE check_owner;
GRANT ALL ON SCHEMA shop TO check_owner;
CREATE FUNCTION shop.others_one(jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT NULL::text';
ALTER FUNCTION shop.others_one(jsonb) OWNER TO check_owner;
SELECT f, pg_temp.refused(format('SELECT agentcore.policy_check_set(%L, %L, %L, %L)', 'shop', 'refund', 'c', f)) FROM unnest('{shop.volatile_one,shop.invoker_one,shop.pathless_one,shop.many_one,shop.number_one,shop.json_one,shop.others_one,shop.none,own_order,"shop.own_order(jsonb)",a.b.c.d}'::text[]) f;
SET client_min_messages = warning;
SELECT policy_check_set('shop', 'refund', 'own', 'shop.own_order', audit => true);
SET client_min_messages = error;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA shop FROM PUBLIC;
-- audit
SELECT pg_temp.ask('refund', '{"order": "o2"}', 'ann'), policy_check_set('shop', 'refund', 'own', 'shop.own_order'), pg_temp.ask('refund', '{"order": "o2"}', 'ann');
-- it writes, sleeps, catches the cancel, errs, recurses, is replaced, is dropped
CREATE FUNCTION shop.bad(context jsonb) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  CASE context #>> '{args,do}'
    WHEN 'write' THEN EXECUTE 'INSERT INTO shop.orders VALUES (''x'')';
    WHEN 'temp' THEN EXECUTE 'CREATE TEMP TABLE x ()';
    WHEN 'unlock' THEN EXECUTE 'SET transaction_read_only = off';
    WHEN 'sequence' THEN EXECUTE 'SELECT nextval(''agentcore.revision_seq'')';
    WHEN 'sleep' THEN PERFORM pg_sleep(10);
    WHEN 'catch' THEN
      BEGIN
        PERFORM pg_sleep(10);
      EXCEPTION WHEN query_canceled THEN
        RETURN NULL;
      END;
    WHEN 'catch twice' THEN
      BEGIN
        PERFORM pg_sleep(3600);
      EXCEPTION WHEN query_canceled THEN
        PERFORM pg_sleep(3600);
      END;
    WHEN 'lock' THEN PERFORM pg_advisory_xact_lock(7777);
    WHEN 'session lock' THEN PERFORM pg_advisory_lock(7777), pg_advisory_lock(7777), pg_advisory_lock_shared(7777), pg_try_advisory_lock(1, 2);
    WHEN 'lock and err' THEN PERFORM pg_advisory_lock(7777); RAISE EXCEPTION 'late';
    WHEN 'unlock all' THEN PERFORM pg_advisory_unlock(7777), pg_advisory_unlock_all();
    WHEN 'same' THEN RETURN (SELECT string_agg(format('%s is not what its text says', key), ', ') FROM jsonb_each(context) WHERE value IS DISTINCT FROM context::text::jsonb -> key OR pg_column_size(context) <> pg_column_size(context::text::jsonb));
    WHEN 'members' THEN RETURN (SELECT string_agg(key || ' ' || jsonb_typeof(value), ', ') FROM jsonb_each(context));
    WHEN 'long' THEN RETURN repeat('ä', 10000);
    WHEN 'error' THEN RAISE EXCEPTION 'the total of order o2 is 5000';
    WHEN 'divide' THEN RETURN (1 / 0)::text;
    WHEN 'begin' THEN RETURN (SELECT verdict FROM agentcore.call_begin('shop', 'refund', '{}'));
    WHEN 'cache' THEN RETURN agentcore.cache_put('t', '{}'::jsonb, '1'::jsonb);
    WHEN 'set' THEN RETURN agentcore.policy_set('other');
    WHEN 'look' THEN RETURN (SELECT 'policies: ' || count(*) FROM agentcore.policies);
    WHEN 'empty' THEN RETURN '';
    WHEN 'null' THEN RETURN NULL;
  END CASE;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION shop.bad(jsonb) FROM PUBLIC;
SELECT policy_check_drop('shop', 'own'), policy_check_set('shop', 'refund', 'bad', 'shop.bad');
SELECT d, pg_temp.ask('refund', jsonb_build_object('do', d)) FROM unnest('{write,temp,unlock,sequence,error,divide,begin,cache,set,look,empty,null,no case}'::text[]) d;
SELECT count(*) FROM shop.orders;
SHOW transaction_read_only;
SET agentcore.check_timeout = '20ms';
SELECT d, pg_temp.ask('refund', jsonb_build_object('do', d)) FROM unnest('{sleep,catch,catch twice}'::text[]) d;
SET agentcore.check_timeout = '60s';
SELECT octet_length(feedback), left(feedback, 3) FROM call_begin('shop', 'refund', '{"do": "long"}');
SELECT pg_temp.ask('refund', '{"do": "lock"}'), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid());
-- advisory locks of the session outlive a rollback: what it took is let go of, what it let go of is held as before
CREATE FUNCTION pg_temp.held() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(format('%s/%s %s', classid, objid, mode), ', ' ORDER BY classid, objid, mode) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() $$;
CREATE FUNCTION pg_temp.told(what text) RETURNS text LANGUAGE sql AS $$ SELECT verdict || coalesce(' ' || reason, '') FROM call_begin('shop', 'refund', jsonb_build_object('do', what)) $$;
SELECT d, pg_temp.told(d), pg_temp.held() FROM unnest('{session lock,lock and err,unlock all}'::text[]) d;
SELECT pg_advisory_lock(7777), pg_advisory_lock(7777), pg_advisory_lock_shared(8888);
SELECT d, pg_temp.told(d), pg_temp.held() FROM unnest('{session lock,unlock all,lock and err}'::text[]) d;
SELECT pg_advisory_unlock(7777), pg_advisory_unlock(7777), pg_advisory_unlock(7777), pg_advisory_unlock_shared(8888), pg_temp.held();
BEGIN;
SELECT pg_advisory_xact_lock(7777), pg_advisory_lock(9999);
SELECT d, pg_temp.told(d), pg_temp.held() FROM unnest('{session lock,unlock all}'::text[]) d;
COMMIT;
SELECT pg_temp.held(), pg_advisory_unlock(9999), pg_temp.held();
-- what it is given is jsonb as the server itself writes it, by many contexts
SELECT pg_temp.told('members'), policy_set('shop', tz => 'Asia/Kolkata'), tool_set('refund', traits => '{money,"with ä"}');
SELECT feedback FROM call_begin('shop', 'refund', '{"do": "members"}', task => 't', subject => 'ann', est_usd => 0.25, est_tokens => 7);
SELECT count(*), string_agg(DISTINCT verdict, ', '), min(feedback) FROM generate_series(1, 40) i, LATERAL call_begin('shop', 'refund', jsonb_build_object('do', 'same', repeat('k', i), i * 1000000 + 0.5, 'list', jsonb_build_array(i, NULL, true, jsonb_build_object('x', repeat('ä', i)))),
  task => CASE WHEN i % 2 = 0 THEN repeat('t', i) END, subject => CASE WHEN i % 3 = 0 THEN repeat('s', i) END, est_usd => CASE WHEN i % 5 = 0 THEN i END, est_tokens => CASE WHEN i % 7 = 0 THEN i * 10000 END) c;
SELECT tool_set('refund', traits => '{}'), policy_set('shop', tz => 'UTC');
-- the role that begins calls needs no privilege on the function or its schema
CREATE ROLE check_caller;
GRANT USAGE ON SCHEMA agentcore TO check_caller;
SELECT access_grant('check_caller', 'agent', '{""}') IS NOT NULL;
SET ROLE check_caller;
SELECT verdict, detail FROM agentcore.call_begin('shop', 'refund', '{"do": "null"}');
RESET ROLE;
DROP OWNED BY check_caller;
DROP ROLE check_caller;
-- somebody else's cancel ends the statement, not the session's sanity, whether the function lets it pass or not
\set VERBOSITY terse
BEGIN;
SET LOCAL statement_timeout = '300ms';
SELECT pg_temp.ask('refund', '{"do": "sleep"}');
ROLLBACK;
BEGIN;
SET LOCAL statement_timeout = '300ms';
SELECT pg_temp.ask('refund', '{"do": "catch"}');
ROLLBACK;
SELECT pg_temp.ask('refund', '{"do": "null"}');
BEGIN;
SAVEPOINT s;
SET LOCAL statement_timeout = '300ms';
SELECT pg_temp.ask('refund', '{"do": "sleep"}');
ROLLBACK TO s;
SELECT pg_temp.ask('refund', '{"do": "null"}');
COMMIT;
\set VERBOSITY default
-- one bad check of several; the transaction goes on
BEGIN;
SELECT pg_temp.ask('refund', '{"do": "error"}');
INSERT INTO shop.orders VALUES ('o9', 'zoe', 1);
SELECT pg_temp.ask('refund', '{"do": "null"}');
COMMIT;
SELECT count(*) FROM shop.orders;
-- an administrator of one tenant cannot have the gate run a function that is closed to him
CREATE ROLE check_admin;
GRANT USAGE ON SCHEMA agentcore, shop TO check_admin;
SELECT access_grant('check_admin', 'admin', '{""}') IS NOT NULL;
SET ROLE check_admin;
SELECT pg_temp.refused($$SELECT agentcore.policy_check_set('shop', 'refund', 'mine', 'shop.own_order')$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION shop.own_order(jsonb) TO check_admin;
SET ROLE check_admin;
SELECT policy_check_set('shop', 'refund', 'mine', 'shop.own_order'), policy_check_drop('shop', 'mine');
RESET ROLE;
DROP OWNED BY check_admin;
DROP ROLE check_admin;
-- it is what it is now: replaced, its schema renamed, replaced by one of another language, and its owner's rights taken
CREATE FUNCTION shop.now_one(context jsonb) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN 'one'; END $$;
SELECT policy_check_set('shop', 'refund', 'bad', 'shop.now_one'), pg_temp.ask('refund', '{}');
CREATE OR REPLACE FUNCTION shop.now_one(context jsonb) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN 'two'; END $$;
SELECT pg_temp.ask('refund', '{}');
CREATE OR REPLACE FUNCTION shop.now_one(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT 'three ' || current_user $$;
SELECT pg_temp.ask('refund', '{}'), pg_temp.ask('refund', '{"again": 1}');
ALTER FUNCTION shop.now_one(jsonb) SET search_path = shop;
CREATE OR REPLACE FUNCTION shop.now_one(context jsonb) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = shop AS $$ SELECT current_setting('search_path') $$;
SELECT pg_temp.ask('refund', '{}');
BEGIN;
ALTER SCHEMA shop RENAME TO other;
SELECT pg_temp.ask('refund', '{}');
ROLLBACK;
SELECT pg_temp.ask('refund', '{}');
SELECT access_grant('check_owner', 'admin', '{""}') IS NOT NULL;
ALTER FUNCTION shop.now_one(jsonb) OWNER TO check_owner;
SELECT pg_temp.ask('refund', '{}');
SELECT access_revoke('check_owner') IS NOT NULL;
SELECT pg_temp.ask('refund', '{}');
DROP FUNCTION shop.now_one(jsonb);
SELECT policy_check_set('shop', 'refund', 'bad', 'shop.bad');
ALTER FUNCTION shop.bad(jsonb) VOLATILE;
SELECT pg_temp.ask('refund', '{"do": "null"}');
ALTER FUNCTION shop.bad(jsonb) STABLE;
ALTER FUNCTION shop.bad(jsonb) OWNER TO check_owner;
SELECT pg_temp.ask('refund', '{"do": "null"}');
DROP FUNCTION shop.bad(jsonb);
SELECT pg_temp.ask('refund', '{"do": "null"}');
-- what stands in policy '*' counts for every agent
SELECT policy_check_drop('shop', 'bad'), policy_check_drop('shop', 'bad'), policy_set('*'), policy_check_set('*', '*', 'own', 'shop.own_order'), pg_temp.ask('refund', '{"order": "o1"}', 'ann'), pg_temp.ask('refund', '{"order": "o2"}', 'ann');
SELECT policy, name, tool, "check", audit FROM policy_checks;
SELECT action, coalesce(after, before) ->> 'name' AS name FROM policy_history WHERE action LIKE 'check%' ORDER BY revision;
DROP SCHEMA shop CASCADE;
DROP OWNED BY check_owner;
DROP ROLE check_owner;
