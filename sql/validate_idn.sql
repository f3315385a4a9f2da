-- Host names outside ASCII by IDNA 2008 (validate_idn_1.out is for builds without ICU).
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore, pg_catalog;
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION pg_temp.judge(format text, VARIADIC candidates text[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format || ': ' || c || ' ' || agentcore.jsonschema_validate(jsonb_build_object('format', format), to_jsonb(c), assert_format => true) FROM unnest(candidates) c $$;
-- encoded labels: what they decode to is looked at, in any case of letters
SELECT pg_temp.judge('hostname', 'xn--fa-hia.de', 'XN--FA-HIA.de', 'xn--ihqwcrb4cv8a8dqg056pqjye', 'xn--X', 'xn--', 'xn--example-', 'xn---9uc', 'xn--7a', 'xn--ls8h.la', 'xn--zca.example', 'a.xn--ll-0ea');
SELECT pg_temp.judge('email', 'a@xn--fa-hia.de', 'a@xn--X');
-- names as they are written; symbols, capitals and compatibility forms are for the one who asks to map
SELECT pg_temp.judge('idn-hostname', 'faß.de', 'bücher.example', 'Bücher.example', 'Example.com', '日本。example', 'a．b', 'i♥ny.us', '😀.la', 'ｅｘ.com', '①.com', 'ﬁ.com', U&'cafe\0301.com', 'café.com', U&'a\00ADb', '—', 'a_b.ä', 'ä b');
SELECT pg_temp.judge('idn-hostname', 'l·l', 'a·l', 'α͵β', 'α͵', 'א׳', 'a׳', 'ア・', '・', U&'\0915\094D\200D', U&'\0915\200D', 'א.0a', 'אa', repeat('ü', 57), repeat('ü', 60), repeat('ä.', 30) || 'ä', 'ä..b', 'ä.', '。ä');
SELECT pg_temp.judge('idn-email', 'ä@bücher.example', U&'a@cafe\0301.com', 'a@i♥ny.us', 'a@xn--X');
