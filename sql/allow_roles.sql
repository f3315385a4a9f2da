--
-- allow: who may ask, and who may change the answer
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
DROP ROLE IF EXISTS regress_allow_chief, regress_allow_ann, regress_allow_bob, regress_allow_heir, regress_allow_none, regress_allow_gone;
CREATE ROLE regress_allow_chief;
CREATE ROLE regress_allow_ann;
CREATE ROLE regress_allow_bob;
CREATE ROLE regress_allow_heir NOINHERIT;
CREATE ROLE regress_allow_none;
CREATE ROLE regress_allow_gone;
GRANT regress_allow_chief, regress_allow_ann TO regress_allow_heir;
GRANT CREATE ON SCHEMA public TO regress_allow_chief, regress_allow_ann, regress_allow_bob;
SELECT agentcore.access_grant('regress_allow_chief', 'admin', '{acme}'), agentcore.access_grant('regress_allow_ann', 'agent', '{acme}'), agentcore.access_grant('regress_allow_bob', 'agent', '{acme}');
SELECT agentcore.access_grant('regress_allow_heir', 'reader', '{acme}');
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on

-- what one statement comes to, errors included
CREATE FUNCTION public.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE statement INTO answer;
  RETURN coalesce(answer, 'null');
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE TABLE public.writes (no integer, statement text);
INSERT INTO public.writes VALUES
  (1, $$SELECT agentcore.policy_set('p', 'off', tenant => 'acme')$$), (2, $$SELECT agentcore.policy_allow('p', 'evil.example', tenant => 'acme')$$),
  (3, $$SELECT agentcore.policy_deny('p', '*', tenant => 'acme')$$), (4, $$SELECT agentcore.policy_allow_tool('p', '*', tenant => 'acme')$$),
  (5, $$SELECT agentcore.policy_deny_tool('p', '*', tenant => 'acme')$$), (6, $$SELECT agentcore.policy_rule_drop('p', 2, tenant => 'acme')$$),
  (7, $$SELECT agentcore.special_set('ok.example', 'x', tenant => 'acme')$$), (8, $$SELECT agentcore.special_drop('*.shut.example', tenant => 'acme')$$),
  (9, $$SELECT agentcore.policy_drop('p', tenant => 'acme')$$), (10, $$SELECT agentcore.agent_set('ann', 'q', owner => NULL, tenant => 'acme')$$),
  (11, $$UPDATE agentcore.policy SET mode = 'off'$$), (12, $$DELETE FROM agentcore.policy_rule$$), (13, $$TRUNCATE agentcore.special_range, agentcore.special_name$$),
  (14, $$INSERT INTO agentcore.policy_rule (tenant, policy, kind, effect, pattern) VALUES ('acme', 'p', 'url', 'allow', '*')$$),
  (15, $$SELECT nextval('agentcore.policy_rule_id_seq')$$), (16, $$ALTER TABLE agentcore.policy DISABLE TRIGGER ALL$$),
  (17, $$SELECT set_config('agentcore.debug_clock_offset', '1000000', false)$$), (18, $$CREATE TRIGGER t AFTER UPDATE ON agentcore.policy FOR EACH ROW EXECUTE FUNCTION agentcore.policy_touch_trigger()$$);
GRANT SELECT ON public.writes TO PUBLIC;

SELECT agentcore.policy_set('p', tenant => 'acme'), agentcore.policy_set('q', tenant => 'acme'), agentcore.policy_set('p', tenant => 'other');
SELECT agentcore.policy_allow('p', 'ok.example', tenant => 'acme'), agentcore.policy_deny('p', 'bad.example', tenant => 'acme'), agentcore.policy_allow_tool('p', 'get', tenant => 'acme'),
  agentcore.policy_allow('p', 'theirs.example', tenant => 'other'), agentcore.special_set('*.shut.example', 'closed', tenant => 'acme');
SELECT agentcore.tool_set('get', 'true', url_args => '{/url}', tenant => 'acme');
SELECT agentcore.agent_set('ann', 'p', owner => 'regress_allow_ann', tenant => 'acme'), agentcore.agent_set('all', 'p', tenant => 'acme'), agentcore.agent_set('gone', 'p', owner => 'regress_allow_gone', tenant => 'acme');
DROP ROLE regress_allow_gone;
CREATE TEMP VIEW state AS SELECT (SELECT md5(string_agg(p::text, '|' ORDER BY p.tenant, p.name)) FROM agentcore.policy p) AS policies, (SELECT md5(string_agg(r::text, '|' ORDER BY r.id)) FROM agentcore.policy_rule r) AS rules,
  (SELECT count(*) FROM agentcore.special_entries) AS specials, (SELECT string_agg(owner, ',' ORDER BY name) FROM agentcore.agent) AS owners;
CREATE TEMP TABLE before AS SELECT * FROM state;

-- an agent changes nothing, and sees one tenant
SET ROLE regress_allow_ann;
SELECT no, public.try(statement) FROM public.writes ORDER BY no;
SELECT public.try($$SELECT (agentcore.url_check('p', 'https://ok.example/', tenant => 'acme')).allowed$$), public.try($$SELECT (agentcore.tool_check('p', 'get', tenant => 'acme')).allowed$$);
SELECT public.try($$SELECT agentcore.url_allowed('p', 'https://theirs.example/', tenant => 'other')$$), public.try($$SELECT agentcore.url_allowed('nothing', 'https://theirs.example/', tenant => 'other')$$),
  public.try($$SELECT agentcore.url_allowed('p', 'https://ok.example/', tenant => '*')$$), public.try($$SELECT agentcore.url_allowed('p', 'https://ok.example/')$$);
SELECT tenant, name, mode FROM agentcore.policies;
SELECT DISTINCT tenant FROM agentcore.special_entries ORDER BY 1;
-- nor a reader, who may not even ask, but explain; nor a stranger
SET ROLE regress_allow_heir;
SELECT no, public.try(statement) FROM public.writes WHERE no IN (2, 9, 14) ORDER BY no;
SELECT public.try($$SELECT agentcore.url_allowed('p', 'https://ok.example/', tenant => 'acme')$$), public.try($$SELECT (agentcore.ip_check('p', '{1.1.1.1}', tenant => 'acme')).allowed$$),
  public.try($$SELECT count(*) FROM agentcore.policy_explain('p', 'https://ok.example/', tenant => 'acme') WHERE effect = 'decision' AND matched$$);
SET ROLE regress_allow_none;
SELECT public.try($$SELECT agentcore.url_allowed('p', 'https://ok.example/', tenant => 'acme')$$), public.try($$SELECT count(*) FROM agentcore.policies$$), public.try($$SELECT (agentcore.url_parse('https://ok.example')).ok$$);
-- an administrator of one tenant is none of another's, nor of all
SET ROLE regress_allow_chief;
SELECT no, public.try(replace(statement, 'acme', t)) FROM public.writes, unnest('{other,*,""}'::text[]) AS t WHERE no < 11 ORDER BY no, t COLLATE "C";
SELECT no, public.try(statement) FROM public.writes WHERE no > 10 ORDER BY no;
RESET ROLE;
SELECT count(*) FROM before NATURAL JOIN state;

-- SET ROLE: rights that are not inherited count once they are taken on, and no longer
SET ROLE regress_allow_none;
SET ROLE regress_allow_heir;
SET SESSION AUTHORIZATION regress_allow_heir;
SET ROLE regress_allow_none;
PREPARE change AS SELECT agentcore.policy_allow('q', 'heir.example', tenant => 'acme') > 0;
EXECUTE change;
SET ROLE regress_allow_chief;
EXECUTE change;
RESET ROLE;
EXECUTE change;
SET ROLE regress_allow_ann;
SELECT agentcore.url_allowed('q', 'https://heir.example', tenant => 'acme');
SELECT public.try($$SELECT verdict FROM agentcore.call_begin('ann', 'get', '{"url": "https://ok.example"}', tenant => 'acme')$$);
RESET SESSION AUTHORIZATION;
SELECT created_by FROM agentcore.policy_rule WHERE pattern = 'heir.example';

-- SECURITY DEFINER: its owner asks and writes, whoever calls
SET ROLE regress_allow_chief;
CREATE FUNCTION public.chiefs() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT public.try('SELECT agentcore.policy_allow(''q'', ''chiefs.example'', tenant => ''acme'') > 0') $$;
SET ROLE regress_allow_bob;
CREATE FUNCTION public.bobs() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT public.try('SELECT agentcore.policy_allow(''q'', ''bobs.example'', tenant => ''acme'') > 0') $$;
CREATE FUNCTION public.bobs_call() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT public.try('SELECT verdict FROM agentcore.call_begin(''ann'', ''get'', tenant => ''acme'')') $$;
SET ROLE regress_allow_chief;
SELECT public.bobs();
SET ROLE regress_allow_ann;
SELECT public.bobs(), public.bobs_call(), public.chiefs();
CREATE FUNCTION public.anns_call() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT public.try('SELECT verdict FROM agentcore.call_begin(''ann'', ''get'', tenant => ''acme'')') $$;
RESET ROLE;
SELECT public.bobs(), public.bobs_call();
SELECT created_by FROM agentcore.policy_rule WHERE pattern ~ 'bobs|chiefs';

-- another role's agent
SET ROLE regress_allow_bob;
SELECT public.try($$SELECT verdict FROM agentcore.call_begin('ann', 'get', tenant => 'acme')$$), public.try($$SELECT count(*) FROM agentcore.call_explain('ann', 'get', tenant => 'acme')$$),
  public.try($$SELECT verdict FROM agentcore.llm_begin('ann', 'm', 1, 1, tenant => 'acme')$$), public.try($$SELECT verdict FROM agentcore.call_begin('gone', 'get', tenant => 'acme')$$),
  public.try($$SELECT verdict FROM agentcore.call_begin('all', 'get', tenant => 'acme')$$), public.anns_call();
SET ROLE regress_allow_heir;
SELECT public.try($$SELECT verdict FROM agentcore.call_begin('ann', 'get', tenant => 'acme')$$);
SET ROLE regress_allow_ann;
SELECT public.try($$SELECT verdict FROM agentcore.call_begin('ann', 'get', tenant => 'acme')$$), public.try($$SELECT verdict FROM agentcore.call_begin('gone', 'get', tenant => 'acme')$$);
RESET ROLE;

-- a hostile path: operators and functions of the caller's are never taken
CREATE SCHEMA evil;
CREATE FUNCTION evil.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
CREATE FUNCTION evil.trap(text[], text[]) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.trap);
CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.trap);
CREATE OPERATOR evil.&& (LEFTARG = text[], RIGHTARG = text[], FUNCTION = evil.trap);
CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
\c -
\pset format unaligned
\pset tuples_only on
SET search_path = evil, pg_catalog;
SET ROLE regress_allow_chief;
SELECT agentcore.policy_set('h', methods => '{GET}', tenant => 'acme'), agentcore.policy_set('h', methods => '{GET,PUT}', tenant => 'acme'), agentcore.policy_allow('h', 'h.example', methods => '{GET}', tenant => 'acme') > 0,
  agentcore.policy_allow_tool('h', 'x', tenant => 'acme') > 0, agentcore.special_set('*.h.example', 'h', tenant => 'acme'), agentcore.special_set('*.h.example', 'hh', tenant => 'acme'), agentcore.special_drop('*.h.example', tenant => 'acme');
SELECT agentcore.url_allowed('h', 'https://h.example', tenant => 'acme'), (SELECT count(*) FROM agentcore.policy_explain('h', 'https://h.example', tenant => 'acme') WHERE matched), (SELECT count(*) FROM agentcore.policy_rules WHERE policy OPERATOR(pg_catalog.=) 'h');
SELECT agentcore.policy_drop('h', tenant => 'acme');
RESET ROLE;
RESET search_path;

\set VERBOSITY default
SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
DROP FUNCTION public.chiefs, public.bobs, public.bobs_call, public.anns_call;
SELECT agentcore.access_revoke(r) FROM unnest('{regress_allow_chief,regress_allow_ann,regress_allow_bob,regress_allow_heir}'::text[]) AS r;
DROP TABLE public.writes;
DROP FUNCTION public.try;
DROP OWNED BY regress_allow_chief, regress_allow_ann, regress_allow_bob, regress_allow_heir, regress_allow_none;
DROP ROLE regress_allow_chief, regress_allow_ann, regress_allow_bob, regress_allow_heir, regress_allow_none;
