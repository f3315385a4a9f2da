--
-- validate: what coercion repairs, rule by rule, and what it leaves alone
--
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore;
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION public.rules(changes jsonb) RETURNS text LANGUAGE sql AS
  $$ SELECT string_agg(concat(c ->> 'path', ':', c ->> 'rule'), ' ' ORDER BY n) FROM jsonb_array_elements(changes) WITH ORDINALITY e (c, n) $$;
CREATE FUNCTION public.tried(tool text, args text[]) RETURNS TABLE (answer text) LANGUAGE sql AS
  $$ SELECT format('%s -> %s | %s | %s', a, c.args, public.rules(c.changes), jsonb_array_length(c.errors)) FROM unnest(args) WITH ORDINALITY t (a, n), agentcore.args_coerce(tool, a::jsonb) c ORDER BY n $$;

-- text is an element only where it looks like nothing else: not empty, null-like, JSON, Python or a fence
SELECT tool_set('lab', '{"type": "object", "properties": {"labels": {"type": "array", "items": {"type": "string"}}}}', coerce => true);
SELECT public.tried('lab', (SELECT array_agg(jsonb_build_object('labels', x)::text ORDER BY n) FROM unnest(ARRAY['plain', 'N/A', '~', 'NaN', '<null>', 'NAN bread', 'a, b', 'nullable', 'none of these', '-', 'null', 'NULL', ' None ', 'nil', 'undefined', '[''a'', ''b'']', '["a",]', '[a]', '["a"', '[WIP] x',
  '{"a":1}', '{', '(a, b)', '''a''', '"a"', '"a', E'```json\n["a"]\n```', '`x`', '"[\"a\"]"', 'set([1])', 'list(''a'')', '["a"] and more', '["a"]["b"]', '[None, "a"]']) WITH ORDINALITY t (x, n)));
-- JSON in a string is read as a model's text is, without other text around it
SELECT tool_set('obj', '{"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "integer"}}}}, "one": {"type": "object", "properties": {"q": {"type": "string"}}},
  "ints": {"type": "array", "items": {"type": "integer"}}, "n": {"type": "integer"}, "b": {"type": "boolean"}, "bs": {"type": "array", "items": {"type": "boolean"}}, "f": {"type": "number"}, "m": {"type": ["integer", "string"]}}}', coerce => true);
SELECT public.tried('obj', ARRAY['{"one": "{\"q\": \"line1\nline2\"}"}', '{"one": "{''q'': None}"}', '{"one": "{q: \"x\"}"}', '{"one": "{\"q\": \"a\\d\"}"}', '{"one": "{\"q\": \"x\"} then"}', '{"one": "{\"q\": \"x\""}', '{"one": "{}{\"q\": \"x\"}"}',
  '{"one": "{\"q\": 1, ''q'': 2}"}', '"{\"n\": 5.0,}"', '"```\n{\"n\": 5}\n```"']);
-- two steps: encoded twice, read and wrapped, unwrapped and read
SELECT public.tried('obj', ARRAY['{"items": "{\"sku\":1}"}', '{"items": "[{''sku'':''1''}]"}', '{"items": {"sku": 1}}', '{"items": {"sku": "x"}}', '{"one": "\"{\\\"q\\\":1}\""}', '{"one": ["{\"q\":\"x\"}"]}', '{"ints": "5"}', '{"ints": "[5.0, 6]"}',
  '{"ints": "five"}', '{"n": ["5"]}', '{"n": "[5]"}', '{"n": "\"5\""}', '{"b": "\"true\""}', '{"bs": "True"}', '{"n": [[5]]}', '{"n": [5, 6]}']);
-- a whole number that is written with a fraction, where an integer is wanted
SELECT public.tried('obj', ARRAY['{"n": 5.0, "f": 5.0, "m": 7.00}', '{"ints": [5.0, 6.5]}', '{"ints": [5.0, 6, 1e3, -0.0]}', '{"n": "5.0"}', '{"n": 5.5}', '{"m": "5.0"}']);
SELECT tool_set('four', '{"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "properties": {"n": {"type": "integer"}}}', coerce => true);
SELECT public.tried('four', ARRAY['{"n": 5.0}', '{"n": 5.5}']);
SELECT c.args #>> '{ints,199}', c.args #>> '{ints,200}', jsonb_array_length(changes) FROM args_coerce('obj', jsonb_build_object('ints', (SELECT jsonb_agg(i + 0.0) FROM generate_series(1, 1000) i))) c;
-- null and "" for what may be left out; "" only where no text can stand; the words for null are not null
SELECT tool_set('opt', '{"type": "object", "required": ["r"], "properties": {"n": {"type": "integer"}, "l": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}, "s": {"type": "string"}, "b": {"type": "boolean"},
  "u": {"anyOf": [{"type": "array"}, {"type": "string", "format": "date"}]}, "o": {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "array", "minItems": 1}]}, "e": {"enum": [1, 2]}, "w": {"enum": ["x"]}, "r": {"type": "number"}, "a": {"type": "array", "items": {"type": "integer"}}}}', coerce => true);
SELECT public.tried('opt', ARRAY['{"r": 1, "n": null, "l": null, "s": null, "b": null, "u": null, "o": null, "e": null, "w": null}', '{"r": 1, "n": "", "l": "", "b": " ", "o": "", "e": "", "a": "\n"}', '{"r": 1, "s": ""}', '{"r": 1, "u": ""}', '{"r": 1, "w": ""}', '{"r": ""}', '{"r": null}',
  '{"r": 1, "l": "null"}', '{"r": 1, "n": "None"}', '{"r": 1, "a": "null"}', '{"r": 1, "a": [null]}', '{"r": 1, "a": [""]}']);
-- fixed values in other case or between blanks, where only one is meant; numbers for texts where no number fits
SELECT tool_set('e', '{"type": "object", "properties": {"p": {"enum": ["high", "low"]}, "id": {"type": "string"}, "c": {"anyOf": [{"const": "Red"}, {"const": "green"}]}, "k": {"const": "X"}, "amb": {"enum": ["a", "A"]}, "num": {"enum": [1, 2]}, "nu": {"type": ["string", "null"]},
  "sn": {"type": ["string", "number"], "maxLength": 3}, "pat": {"type": "string", "pattern": "^[a-z]+$"}, "ids": {"type": "array", "items": {"type": "string"}}, "ps": {"type": "array", "items": {"enum": ["high", "low"]}}, "v": {"enum": ["1", "2"]}, "ref": {"$ref": "#/properties/p"},
  "n": {"anyOf": [{"enum": ["on"]}, {"type": "null"}]}, "lit": {"anyOf": [{"enum": [1, 2]}, {"type": "null"}]}, "is": {"type": ["integer", "string"]}, "u": {"enum": ["f\u00fcr"]}}}', coerce => true);
SELECT public.tried('e', ARRAY['{"p": "HIGH"}', '{"p": " low\n"}', '{"p": "hihg"}', '{"p": "highest"}', '{"p": ""}', '{"c": "RED"}', '{"c": "blue"}', '{"k": "x"}', '{"amb": "a "}', '{"amb": "A"}', '{"ps": ["HIGH", "low"]}', '{"ps": "high"}', '{"ref": "Low"}', '{"n": "ON"}', '{"u": "F\u00fcr"}',
  '{"id": 42}', '{"id": 4.50}', '{"id": -0.10}', '{"id": 123456789012345678901234567890}', '{"id": true}', '{"id": {"a": 1}}', '{"id": ["x"]}', '{"id": [7]}', '{"nu": 7}', '{"sn": 1234}', '{"pat": 5}', '{"ids": 5}', '{"ids": [1, "a"]}', '{"num": "2"}', '{"num": "3"}', '{"v": 1}', '{"v": 3}', '{"lit": "2"}', '{"lit": "3"}', '{"lit": ""}', '{"n": ""}', '{"n": "null"}', '{"is": 1.5}']);
-- one object where a list of such is wanted, whatever is to be repaired inside of it; what is no element is left
SELECT tool_set('order', '{"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "integer"}, "n": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}, "additionalProperties": false}},
  "alt": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/sku"}}, {"type": "null"}]}, "ref": {"$ref": "#/$defs/skus"}, "words": {"type": "array", "items": {"type": "string"}}}, "$defs": {"sku": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "integer"}}}, "skus": {"type": "array", "items": {"$ref": "#/$defs/sku"}}}}', coerce => true);
SELECT public.tried('order', ARRAY['{"items": {"sku": 1}}', '{"items": {"sku": "1"}}', '{"items": {"sku": "1", "n": 5, "tags": "a"}}', '{"items": "{\"sku\": \"1\"}"}', '{"items": {"sku": "x"}}', '{"items": {"sku": 1, "other": 2}}', '{"items": {"other": 1}}', '{"items": {}}', '{"items": [], "alt": {"sku": "7"}}',
  '{"items": [], "ref": {"sku": "7"}}', '{"items": [], "words": {"sku": "7"}}', '{"items": [[{"sku": "1"}]]}', '{"items": [{"sku": 1, "tags": {"a": 1}}]}']);
-- whole numbers that the schema fixes come back as it writes them
SELECT tool_set('fixed', '{"properties": {"e": {"enum": [1, 2, 3]}, "c": {"const": 2}, "n": {"type": "number", "enum": [1, 2.5]}, "o": {"oneOf": [{"const": 1}, {"const": 2}]}, "m": {"enum": ["a", 2, null]}, "f": {"const": 2.0}, "any": {"type": "number"}, "l": {"items": {"enum": [1, 2]}}}}', coerce => true);
SELECT public.tried('fixed', ARRAY['{"e": 2.0, "c": 2.00, "n": 1.0, "o": 2.0, "m": 2.0}', '{"n": 2.50, "f": 2.0, "any": 2.0}', '{"e": 2.5}', '{"e": "2.0"}', '{"l": [1.0, 2, 2.0]}', '{"e": 2, "c": 2}']);
-- every step is told
SELECT * FROM args_coerce('obj', '{"n": 5.0, "items": "{\"sku\":\"1\",}"}');
-- a text in place of the arguments
SELECT * FROM args_coerce('lab', args_text => E'```\n{''labels'': [''a'',], }\n```');
SELECT * FROM args_coerce('lab', args_text => '{"labels": [');
SELECT * FROM args_coerce('lab', args_text => ' null ');
SELECT * FROM args_coerce('lab', 'null');
SELECT args_coerce('lab', '{}', args_text => '{}');
SELECT args_coerce('lab');
SELECT args_coerce('none such', args_text => '{');
