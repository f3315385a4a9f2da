-- Feedback that is true and enough: sixty wrong calls and more.  Each has the schema of a tool, what a model
-- sent, the facts that the text alone must hold so that a right call can be made of it, what it must not
-- say, and a right call.  The kinds are those of tools and calls in the field.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS agentcore;
SET search_path = agentcore, public;
CREATE TEMP TABLE wrong (
    kind text PRIMARY KEY,
    schema jsonb NOT NULL,
    args jsonb NOT NULL,
    facts text[] NOT NULL,
    never text[] NOT NULL DEFAULT '{}',
    fixed jsonb NOT NULL,
    n int GENERATED ALWAYS AS IDENTITY
);
COPY wrong (kind, schema, args, facts, never, fixed) FROM stdin (FORMAT csv, DELIMITER '|', QUOTE '~');
unknown key beside allOf|{"type":"object","allOf":[{"properties":{"street":{}}}],"properties":{"kind":{}},"unevaluatedProperties":false}|{"street":"x","zip":1}|{"allowed are \"kind\", \"street\""}|{}|{"street":"x","kind":1}
unknown key beside $ref|{"type":"object","$ref":"#/$defs/base","properties":{"depth":{"type":"integer"}},"unevaluatedProperties":false,"$defs":{"base":{"properties":{"url":{"type":"string"}}}}}|{"url":"x","deph":2}|{"allowed are \"depth\", \"url\"","nearest is \"depth\""}|{}|{"url":"x","depth":2}
unknown key under if and then|{"type":"object","properties":{"country":{"type":"string"}},"if":{"properties":{"country":{"const":"US"}}},"then":{"properties":{"zip":{}}},"else":{"properties":{"postcode":{}}},"unevaluatedProperties":false}|{"country":"US","zipp":"1"}|{"allowed are \"country\", \"zip\"","nearest is \"zip\""}|{"\"postcode\""}|{"country":"US","zip":"1"}
key of the other side of a condition|{"type":"object","properties":{"country":{"type":"string"}},"if":{"properties":{"country":{"const":"US"}}},"then":{"properties":{"zip":{}}},"else":{"properties":{"postcode":{}}},"unevaluatedProperties":false}|{"country":"US","postcode":"1"}|{"\"postcode\" is not allowed under this condition","allowed are \"country\""}|{}|{"country":"US","zip":"1"}
unknown key beside dependentSchemas|{"type":"object","properties":{"card":{}},"dependentSchemas":{"card":{"properties":{"billing":{}}}},"unevaluatedProperties":false}|{"card":1,"biling":"x"}|{"allowed are \"card\", \"billing\""}|{}|{"card":1,"billing":"x"}
key that depends on another|{"type":"object","properties":{"card":{}},"dependentSchemas":{"card":{"properties":{"billing":{}}}},"unevaluatedProperties":false}|{"billing":"x"}|{"\"billing\" is not allowed unless \"card\" is given","allowed are \"card\""}|{}|{"card":1,"billing":"x"}
unknown key beside patternProperties|{"type":"object","properties":{"id":{}},"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":false}|{"id":1,"y-trace":"t"}|{"allowed are \"id\", and names that match \"^x-\""}|{}|{"id":1,"x-trace":"t"}
only names of a pattern|{"type":"object","patternProperties":{"^[A-Z]{3}$":{"type":"number"}},"additionalProperties":false}|{"usd":1}|{"allowed are names that match \"^[A-Z]{3}$\""}|{"no property"}|{"USD":1}
two closed parts|{"type":"object","properties":{"a":{},"b":{}},"allOf":[{"properties":{"a":{},"c":{}},"additionalProperties":false}],"additionalProperties":false}|{"a":1,"z":2}|{"allowed are \"a\""}|{"\"b\"","\"c\""}|{"a":1}
name that another part forbids|{"type":"object","properties":{"path":{},"mode":{},"old":{}},"allOf":[{"properties":{"old":false}}],"additionalProperties":false}|{"path":"x","olde":1}|{"allowed are \"mode\", \"path\""}|{"\"old\""}|{"path":"x"}
unknown key of a nested part|{"type":"object","properties":{"geo":{"properties":{"lat":{}}}},"allOf":[{"properties":{"geo":{"type":"object","properties":{"lon":{}},"unevaluatedProperties":false}}}]}|{"geo":{"lng":1}}|{"allowed are \"lon\""}|{}|{"geo":{"lon":1}}
key of another alternative|{"type":"object","oneOf":[{"properties":{"kind":{"const":"file"},"path":{}},"required":["kind"]},{"properties":{"kind":{"const":"web"},"url":{}},"required":["kind"]}],"unevaluatedProperties":false}|{"kind":"file","url":"u"}|{"\"url\" is not allowed in this alternative","allowed are \"kind\", \"path\""}|{}|{"kind":"file","path":"u"}
names of alternatives that do not fit|{"type":"object","oneOf":[{"properties":{"kind":{"const":"file"},"path":{"type":"string"}},"required":["kind"]},{"properties":{"kind":{"const":"web"},"url":{"type":"string"}},"required":["kind"]}],"unevaluatedProperties":false}|{"kind":"file","path":1}|{"/path: must be string, not integer"}|{"is not allowed"}|{"kind":"file","path":"a"}
name too short|{"type":"object","properties":{"headers":{"type":"object","propertyNames":{"minLength":3}}}}|{"headers":{"ab":"xyz"}}|{"the name \"ab\" must have at least 3 characters"}|{"xyz"}|{"headers":{"abc":"xyz"}}
name by pattern|{"type":"object","properties":{"env":{"type":"object","propertyNames":{"pattern":"^[A-Z_]+$"},"additionalProperties":{"type":"string"}}}}|{"env":{"path":"/bin"}}|{"the name \"path\" must match the pattern ^[A-Z_]+$"}|{"/bin"}|{"env":{"PATH":"/bin"}}
name of a list|{"type":"object","properties":{"env":{"type":"object","propertyNames":{"enum":["dev","prod"]}}}}|{"env":{"prd":"x"}}|{"the name \"prd\" must be one of \"dev\", \"prod\"","nearest is \"prod\""}|{}|{"env":{"prod":"x"}}
union of constants|{"type":"object","properties":{"c":{"anyOf":[{"const":"red"},{"const":"green"},{"const":"blue"}]}}}|{"c":"purple"}|{"must be one of \"red\", \"green\", \"blue\""}|{"alternatives"}|{"c":"blue"}
union of typed constants and another type|{"type":"object","properties":{"c":{"anyOf":[{"type":"string","const":"red"},{"type":"string","const":"green"}]}},"required":["c"]}|{"c":5}|{"must be one of \"red\", \"green\""}|{}|{"c":"red"}
union of enums|{"type":"object","properties":{"u":{"oneOf":[{"enum":["km","m"]},{"enum":["mi","ft"]}]}},"required":["u"]}|{"u":"miles"}|{"must be one of \"km\", \"m\", \"mi\", \"ft\""}|{}|{"u":"mi"}
enum or null|{"type":"object","properties":{"sort":{"anyOf":[{"type":"string","enum":["asc","desc"]},{"type":"null"}],"default":null}}}|{"sort":"descending"}|{"must be one of \"asc\", \"desc\", or null"}|{"alternatives"}|{"sort":"desc"}
constant or number|{"type":"object","properties":{"size":{"anyOf":[{"const":"auto"},{"type":"integer","minimum":1,"maximum":64}]}},"required":["size"]}|{"size":"big"}|{"must be \"auto\", or integer from 1 to 64"}|{}|{"size":"auto"}
unions of constants in references|{"type":"object","properties":{"c":{"anyOf":[{"$ref":"#/$defs/warm"},{"$ref":"#/$defs/cold"}]}},"required":["c"],"$defs":{"warm":{"enum":["red","orange"]},"cold":{"enum":["blue"]}}}|{"c":"green"}|{"\"red\", \"orange\", \"blue\""}|{}|{"c":"blue"}
unknown discriminator|{"type":"object","properties":{"shape":{"oneOf":[{"type":"object","properties":{"kind":{"const":"circle"},"r":{"type":"number"}},"required":["kind","r"]},{"type":"object","properties":{"kind":{"const":"square"},"side":{"type":"number"}},"required":["kind","side"]}]}},"required":["shape"]}|{"shape":{"kind":"triangle","r":1}}|{"\"circle\", \"square\"","got \"triangle\"","\"r\": number","\"side\": number"}|{}|{"shape":{"kind":"circle","r":1}}
missing discriminator|{"type":"object","properties":{"shape":{"oneOf":[{"type":"object","properties":{"kind":{"const":"circle"},"r":{"type":"number"}},"required":["kind","r"]},{"type":"object","properties":{"kind":{"const":"square"},"side":{"type":"number"}},"required":["kind","side"]}]}},"required":["shape"]}|{"shape":{"side":1}}|{"\"kind\" is missing","one of \"circle\", \"square\""}|{}|{"shape":{"kind":"square","side":1}}
discriminator in references and allOf|{"type":"object","properties":{"block":{"anyOf":[{"$ref":"#/$defs/text"},{"$ref":"#/$defs/image"},{"$ref":"#/$defs/table"}]}},"required":["block"],"$defs":{"base":{"type":"object","properties":{"id":{"type":"string"}}},"text":{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"type":{"const":"text"},"text":{"type":"string"}},"required":["type","text"]}]},"image":{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"type":{"const":"image"},"src":{"type":"string"}},"required":["type","src"]}]},"table":{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"type":{"enum":["table","grid"]},"rows":{"type":"integer"}},"required":["type","rows"]}]}}}|{"block":{"type":"img","src":"a.png"}}|{"\"text\", \"image\", \"table\", \"grid\""}|{}|{"block":{"type":"image","src":"a.png"}}
right discriminator, wrong member|{"type":"object","properties":{"shape":{"oneOf":[{"type":"object","properties":{"kind":{"const":"circle"},"r":{"type":"number"}},"required":["kind","r"]},{"type":"object","properties":{"kind":{"const":"square"},"side":{"type":"number"}},"required":["kind","side"]}]}},"required":["shape"]}|{"shape":{"kind":"square","side":"2"}}|{"/shape/side: must be number, not string"}|{"circle"}|{"shape":{"kind":"square","side":2}}
anyOf of required|{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"},"email":{"type":"string"}},"anyOf":[{"required":["id"]},{"required":["name"]},{"required":["email"]}]}|{}|{"at least one of these: \"id\" (integer), or \"name\" (string), or \"email\" (string)"}|{}|{"name":"x"}
oneOf of required, none|{"type":"object","properties":{"id":{},"name":{},"domain":{}},"oneOf":[{"required":["id"]},{"required":["name","domain"]}]}|{}|{"exactly one of these: \"id\"","or \"name\"","and \"domain\""}|{}|{"id":1}
oneOf of required, both|{"type":"object","properties":{"id":{},"name":{}},"oneOf":[{"required":["id"]},{"required":["name"]}]}|{"id":1,"name":"x"}|{"\"id\" and \"name\" must not be given together"}|{}|{"id":1}
not: members that clash|{"type":"object","properties":{"from":{},"days":{}},"not":{"required":["from","days"]}}|{"from":"x","days":3}|{"\"days\" and \"from\" must not be given together"}|{}|{"days":3}
not: one of several pairs|{"type":"object","not":{"anyOf":[{"required":["a","b"]},{"required":["a","c"]}]}}|{"a":1,"c":2}|{"\"a\" and \"c\" must not be given together"}|{"\"b\""}|{"a":1}
not: a member with a value|{"type":"object","properties":{"mode":{},"depth":{}},"not":{"properties":{"mode":{"const":"fast"}},"required":["mode","depth"]}}|{"mode":"fast","depth":3}|{"\"mode\" (\"fast\")","\"depth\"","must not be given together"}|{}|{"mode":"slow","depth":3}
not: a value|{"type":"object","properties":{"branch":{"type":"string","not":{"enum":["main","master"]}}}}|{"branch":"main"}|{"must not be one of \"main\", \"master\""}|{}|{"branch":"topic"}
not: a pattern|{"type":"object","properties":{"path":{"type":"string","not":{"pattern":"^/"}}}}|{"path":"/etc"}|{"must not be string matching the pattern ^/"}|{}|{"path":"etc"}
date-time without a time zone|{"type":"object","properties":{"start":{"type":"string","format":"date-time"}},"required":["start"]}|{"start":"2026-03-05T09:30:00"}|{"the time zone is missing","2026-01-31T14:30:00Z"}|{}|{"start":"2026-03-05T09:30:00Z"}
date-time without a time|{"type":"object","properties":{"start":{"type":"string","format":"date-time"}},"required":["start"]}|{"start":"2026-03-05"}|{"the time and the time zone are missing","2026-01-31T14:30:00Z"}|{}|{"start":"2026-03-05T00:00:00Z"}
date-time with a blank|{"type":"object","properties":{"start":{"type":"string","format":"date-time"}},"required":["start"]}|{"start":"2026-03-05 09:30:00"}|{"\"T\" must stand between date and time","time zone is missing"}|{}|{"start":"2026-03-05T09:30:00Z"}
date-time in words|{"type":"object","properties":{"start":{"type":"string","format":"date-time"}},"required":["start"]}|{"start":"tomorrow at nine"}|{"such as \"2026-01-31T14:30:00Z\""}|{}|{"start":"2026-03-05T09:30:00Z"}
date with a time|{"type":"object","properties":{"day":{"type":"string","format":"date"}},"required":["day"]}|{"day":"2026-03-05T00:00:00Z"}|{"the date stands alone","such as \"2026-01-31\""}|{}|{"day":"2026-03-05"}
URL without a scheme|{"type":"object","properties":{"url":{"type":"string","format":"uri"}},"required":["url"]}|{"url":"example.com/a"}|{"the scheme is missing","such as \"https://"}|{}|{"url":"https://example.com/a"}
UUID in words|{"type":"object","properties":{"id":{"type":"string","format":"uuid"}},"required":["id"]}|{"id":"order 7"}|{"such as \"123e4567-e89b-12d3-a456-426614174000\""}|{}|{"id":"123e4567-e89b-12d3-a456-426614174000"}
missing property with its format|{"type":"object","properties":{"when":{"type":"string","format":"date"}},"required":["when"]}|{}|{"\"when\" (string in the format date such as \"2026-01-31\") is missing"}|{}|{"when":"2026-03-05"}
optional given as null|{"type":"object","properties":{"q":{"type":"string"},"page":{"type":"integer"}},"required":["q"]}|{"q":"x","page":null}|{"/page: must be integer","may be left out"}|{}|{"q":"x"}
optional given as an empty text|{"type":"object","properties":{"q":{"type":"string"},"since":{"type":"string","format":"date"}},"required":["q"]}|{"q":"x","since":""}|{"may be left out"}|{}|{"q":"x"}
optional list given as an empty text|{"type":"object","properties":{"tags":{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"null"}]}}}|{"tags":""}|{"must be array of string or null","may be left out"}|{}|{}
optional enum given as an empty text|{"type":"object","properties":{"lang":{"enum":["en","de"]}}}|{"lang":""}|{"one of \"en\", \"de\"","may be left out"}|{}|{}
required given as null|{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]}|{"q":null}|{"must be string, not null"}|{"left out"}|{"q":"x"}
required elsewhere, given as null|{"type":"object","properties":{"q":{"type":"string"}},"allOf":[{"required":["q"]}]}|{"q":null}|{"must be string, not null"}|{"left out"}|{"q":"x"}
missing value of a list|{"type":"object","properties":{"mode":{"type":"string","enum":["fast","slow"]}},"required":["mode"]}|{}|{"one of \"fast\", \"slow\""}|{}|{"mode":"slow"}
missing object|{"type":"object","properties":{"to":{"type":"object","properties":{"city":{"type":"string"},"zip":{"type":"string","pattern":"^[0-9]{5}$"}},"required":["city","zip"]}},"required":["to"]}|{}|{"\"city\": string","\"zip\": string matching the pattern ^[0-9]{5}$"}|{}|{"to":{"city":"x","zip":"12345"}}
missing property that another part describes|{"type":"object","properties":{"ids":{"type":"array","items":{"type":"integer"},"minItems":1}},"allOf":[{"required":["ids"]}]}|{}|{"\"ids\" (array of integer with at least 1 element) is missing"}|{}|{"ids":[1]}
text for an object|{"type":"object","properties":{"filter":{"type":"object","properties":{"field":{"type":"string"},"op":{"enum":["eq","lt"]}},"required":["field","op"]}}}|{"filter":"price < 5"}|{"must be object {","\"field\": string","\"op\": one of \"eq\", \"lt\""}|{}|{"filter":{"field":"price","op":"lt"}}
text that holds an object|{"type":"object","properties":{"filter":{"type":"object","properties":{"field":{"type":"string"}}}}}|{"filter":"{\"field\": \"a\"}"}|{"not a string containing JSON"}|{}|{"filter":{"field":"a"}}
number for a text of a list|{"type":"object","properties":{"level":{"type":"string","enum":["1","2"]}}}|{"level":1}|{"must be one of \"1\", \"2\", not integer"}|{}|{"level":"1"}
texts for points of a chart|{"type":"object","properties":{"data":{"type":"array","items":{"type":"object","properties":{"label":{"type":"string"},"value":{"type":"number"}},"required":["label","value"]}}},"required":["data"]}|{"data":["a","b"]}|{"/data/0: must be object {\"label\": string, \"value\": number}"}|{}|{"data":[{"label":"a","value":1}]}
number in words|{"type":"object","properties":{"limit":{"type":"integer","minimum":1,"maximum":50}}}|{"limit":"fifty"}|{"must be integer from 1 to 50, not string"}|{}|{"limit":50}
number out of range|{"type":"object","properties":{"limit":{"type":"integer","minimum":1,"maximum":50}}}|{"limit":500}|{"must be at most 50"}|{}|{"limit":50}
not a multiple|{"type":"object","properties":{"width":{"type":"integer","multipleOf":8}}}|{"width":100}|{"must be a multiple of 8"}|{}|{"width":96}
misspelt value of a list|{"type":"object","properties":{"unit":{"enum":["celsius","fahrenheit","kelvin"]}},"required":["unit"]}|{"unit":"celcius"}|{"nearest is \"celsius\"","\"celsius\", \"fahrenheit\", \"kelvin\""}|{}|{"unit":"celsius"}
unknown key in other case, beyond those that are listed|{"type":"object","additionalProperties":false,"properties":{"a00":{},"a01":{},"a02":{},"a03":{},"a04":{},"a05":{},"a06":{},"a07":{},"a08":{},"a09":{},"a10":{},"a11":{},"a12":{},"a13":{},"a14":{},"a15":{},"a16":{},"a17":{},"a18":{},"a19":{},"a20":{},"a21":{},"a22":{},"a23":{},"a24":{},"deadline":{"type":"string"}}}|{"DEADLINE":"x"}|{"nearest is \"deadline\""}|{}|{"deadline":"x"}
discriminator in other case|{"type":"object","properties":{"e":{"oneOf":[{"type":"object","properties":{"kind":{"const":"message"},"t":{"type":"string"}},"required":["kind","t"]},{"type":"object","properties":{"kind":{"const":"upload"},"p":{"type":"string"}},"required":["kind","p"]}]}}}|{"e":{"kind":"MESSAGE","t":"x"}}|{"nearest is \"message\""}|{}|{"e":{"kind":"message","t":"x"}}
misspelt name|{"type":"object","properties":{"file_path":{"type":"string"},"old_string":{"type":"string"},"new_string":{"type":"string"}},"required":["file_path","old_string","new_string"],"additionalProperties":false}|{"path":"a","old_string":"b","new_string":"c"}|{"\"path\" is not allowed","\"file_path\" (string) is missing"}|{}|{"file_path":"a","old_string":"b","new_string":"c"}
nothing of a known object|{"type":"object","properties":{"fields":{"type":"object","properties":{"title":{"type":"string"},"body":{"type":"string"}},"minProperties":1,"additionalProperties":false}},"required":["fields"]}|{"fields":{}}|{"at least 1 member","\"title\"?: string","\"body\"?: string"}|{}|{"fields":{"title":"x"}}
no element that matches|{"type":"object","properties":{"roles":{"type":"array","contains":{"const":"owner"}}}}|{"roles":["user"]}|{"it matches if it is \"owner\""}|{}|{"roles":["user","owner"]}
elements that are equal|{"type":"object","properties":{"ids":{"type":"array","uniqueItems":true}}}|{"ids":[1,2,1]}|{"0 and 2 are equal"}|{}|{"ids":[1,2]}
too many elements of a pair|{"type":"object","properties":{"at":{"type":"array","prefixItems":[{"type":"number"},{"type":"number"}],"items":false}}}|{"at":[1,2,3]}|{"no element is allowed at index 2; there may be at most 2"}|{}|{"at":[1,2]}
property that another needs|{"type":"object","properties":{"lat":{"type":"number"},"lon":{"type":"number","minimum":-180,"maximum":180}},"dependentRequired":{"lat":["lon"]}}|{"lat":1}|{"\"lon\" (number from -180 to 180) is required where \"lat\" is given"}|{}|{"lat":1,"lon":2}
list in place of the arguments|{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]}|["x"]|{"must be object {\"q\": string}, not array"}|{}|{"q":"x"}
text of the wrong length and form|{"type":"object","properties":{"code":{"type":"string","minLength":3,"pattern":"^[A-Z]+$"}}}|{"code":"ab"}|{"at least 3 characters","the pattern ^[A-Z]+$"}|{}|{"code":"ABC"}
either of two objects, each incomplete|{"type":"object","properties":{"source":{"anyOf":[{"type":"object","properties":{"url":{"type":"string"}},"required":["url"]},{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}]}},"required":["source"]}|{"source":{}}|{"\"url\" (string), or \"text\" (string)"}|{}|{"source":{"text":"x"}}
two alternatives fit|{"type":"object","properties":{"n":{"oneOf":[{"type":"number","multipleOf":5},{"type":"number","multipleOf":3}]}}}|{"n":15}|{"number that is a multiple of 5 or number that is a multiple of 3","exactly one"}|{}|{"n":5}
union inside a union|{"type":"object","properties":{"c":{"anyOf":[{"anyOf":[{"const":"red"},{"const":"green"}]},{"const":"blue"},{"type":"null"}]}},"required":["c"]}|{"c":"pink"}|{"one of \"red\", \"green\", \"blue\", or null"}|{}|{"c":"blue"}
union of numbers|{"type":"object","properties":{"dpi":{"oneOf":[{"const":72,"title":"screen"},{"const":300,"title":"print"}]}},"required":["dpi"]}|{"dpi":150}|{"must be one of 72, 300"}|{}|{"dpi":72}
discriminator of the wrong type|{"type":"object","properties":{"op":{"anyOf":[{"type":"object","properties":{"v":{"const":1},"a":{}},"required":["v","a"]},{"type":"object","properties":{"v":{"const":2},"b":{}},"required":["v","b"]},{"type":"null"}]}},"required":["op"]}|{"op":{"v":"2","b":1}}|{"\"v\" must be one of 1, 2","got \"2\"","\"b\""}|{}|{"op":{"v":2,"b":1}}
many alternatives, the nearest is told|{"type":"object","properties":{"s":{"oneOf":[{"properties":{"k":{"const":"a"},"pa":{"type":"string","pattern":"^aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$"}},"required":["k","pa"]},{"properties":{"k":{"const":"b"},"pb":{"type":"string","pattern":"^bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb$"}},"required":["k","pb"]},{"properties":{"k":{"const":"c"},"pc":{}},"required":["k","pc"]},{"properties":{"k":{"const":"d"},"pd":{}},"required":["k","pd"]},{"properties":{"k":{"const":"e"},"pe":{}},"required":["k","pe"]},{"properties":{"k":{"const":"f"},"pf":{}},"required":["k","pf"]},{"properties":{"k":{"const":"g"},"pg":{}},"required":["k","pg"]},{"properties":{"k":{"const":"h"},"ph":{"type":"integer"}},"required":["k","ph"]}]}},"required":["s"]}|{"s":{"ph":1}}|{"\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\"","alternatives are object {\"k\": \"h\", \"ph\": integer}"}|{}|{"s":{"k":"h","ph":1}}
each alternative excludes the other|{"type":"object","properties":{"a":{},"b":{}},"anyOf":[{"required":["a"],"not":{"required":["b"]}},{"required":["b"],"not":{"required":["a"]}}]}|{"a":1,"b":2}|{"must not have \"b\""}|{}|{"a":1}
unknown key beside anyOf that fits|{"type":"object","anyOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"integer"}},"required":["b"]}],"unevaluatedProperties":false}|{"a":1,"c":2}|{"allowed are \"a\""}|{}|{"a":1}
time without seconds|{"type":"object","properties":{"at":{"type":"string","format":"time"}},"required":["at"]}|{"at":"09:30"}|{"the seconds and the time zone are missing"}|{}|{"at":"09:30:00Z"}
date-time without seconds|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-03-05T09:30+02:00"}|{"the seconds are missing"}|{}|{"at":"2026-03-05T09:30:00+02:00"}
date-time with a short offset|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-03-05T09:30:00+0200"}|{"the time zone needs a colon"}|{}|{"at":"2026-03-05T09:30:00+02:00"}
name that is excluded|{"type":"object","properties":{"m":{"type":"object","propertyNames":{"not":{"enum":["id","rev"]}}}}}|{"m":{"id":"x"}}|{"the name \"id\" must not be one of \"id\", \"rev\""}|{"got"}|{"m":{"key":"x"}}
optional in an alternative|{"type":"object","properties":{"f":{"anyOf":[{"type":"object","properties":{"tag":{"type":"string","minLength":1},"n":{"type":"integer"}},"required":["n"]},{"type":"array","items":{}}]}}}|{"f":{"n":1,"tag":""}}|{"/f/tag: must have at least 1 character","may be left out"}|{}|{"f":{"n":1}}
constant or a text of a form|{"type":"object","properties":{"width":{"anyOf":[{"const":"auto"},{"type":"string","pattern":"^[0-9]+px$"}]}},"required":["width"]}|{"width":"big"}|{"must be \"auto\", or string matching the pattern ^[0-9]+px$"}|{"fits none"}|{"width":"auto"}
name of a union|{"type":"object","properties":{"m":{"type":"object","propertyNames":{"anyOf":[{"const":"dev"},{"const":"prod"}]}}}}|{"m":{"prd":1}}|{"the name \"prd\" must be one of \"dev\", \"prod\"","nearest is \"prod\""}|{"fits none"}|{"m":{"prod":1}}
name of a list or of a form|{"type":"object","properties":{"m":{"type":"object","propertyNames":{"anyOf":[{"const":"all"},{"pattern":"^x-"}]}}}}|{"m":{"y":1}}|{"the name \"y\" must be \"all\", or string matching the pattern ^x-"}|{"fits none"}|{"m":{"x-y":1}}
not: too many members|{"type":"object","properties":{"f":{"type":"object","not":{"minProperties":3}}}}|{"f":{"a":1,"b":2,"c":3}}|{"must not be object {} with at least 3 members"}|{}|{"f":{"a":1}}
not: an element|{"type":"object","properties":{"tags":{"type":"array","not":{"contains":{"const":"admin"}}}}}|{"tags":["admin"]}|{"must not be array with an element that is \"admin\""}|{}|{"tags":["user"]}
the only member of some that are needed, given as null|{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"minProperties":1}|{"a":null}|{"must be integer"}|{"left out"}|{"a":1}
date-time with half an offset|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-03-05T09:30:00+02"}|{"the minutes of the offset are missing"}|{}|{"at":"2026-03-05T09:30:00+02:00"}
date-time without a date|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"09:30"}|{"the date, the seconds and the time zone are missing"}|{}|{"at":"2026-03-05T09:30:00Z"}
date-time on a day that is none|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-02-30T09:30:00Z"}|{"there is no such date"}|{}|{"at":"2026-02-28T09:30:00Z"}
date-time at an hour that is none|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-03-05T24:00:00Z"}|{"there is no such time of day"}|{}|{"at":"2026-03-06T00:00:00Z"}
date-time with the name of a zone|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-03-05T09:30:00 UTC"}|{"then \"Z\" or an offset"}|{}|{"at":"2026-03-05T09:30:00Z"}
date-time with one digit|{"type":"object","properties":{"at":{"type":"string","format":"date-time"}},"required":["at"]}|{"at":"2026-03-05T9:30:00Z"}|{"hour have two digits"}|{}|{"at":"2026-03-05T09:30:00Z"}
date of a month|{"type":"object","properties":{"on":{"type":"string","format":"date"}},"required":["on"]}|{"on":"2026-03"}|{"the day is missing"}|{}|{"on":"2026-03-01"}
\.
SELECT count(*) >= 60 AS sixty FROM wrong;
SELECT count(*) FROM wrong, tool_set('w' || n, schema);
-- what is missing in a text, or false in it; that the right call is right
SELECT n, kind, 'missing: ' || fact FROM wrong, unnest(facts) fact WHERE strpos(args_feedback('w' || n, args), fact) = 0;
SELECT n, kind, 'false: ' || lie FROM wrong, unnest(never) lie WHERE strpos(args_feedback('w' || n, args), lie) > 0;
SELECT n, kind, 'the right call is refused: ' || args_feedback('w' || n, fixed) FROM wrong WHERE NOT args_valid('w' || n, fixed);
SELECT n, kind, 'the wrong call is accepted' FROM wrong WHERE args_valid('w' || n, args);
-- the texts themselves
SELECT n || '. ' || kind || E'\n' || args::text || E'\n' || (SELECT string_agg(line, E'\n')
       FROM regexp_split_to_table(args_feedback('w' || n, args), '\n') line WHERE line LIKE '%- %') FROM wrong ORDER BY n;

-- "and N more" counts what was not collected: 3 of 25 errors are, of a branch 3 of 15
SELECT tool_set('many', '{"type": "object", "additionalProperties": {"type": "integer"}}');
SELECT tool_set('branch', '{"type": "object", "properties": {"p": {"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"],
  "additionalProperties": {"type": "integer"}}, {"type": "object", "properties": {"k": {"const": "b"}}, "required": ["k"]}]}}}');
SET agentcore.max_errors = 3;
SELECT regexp_matches(args_feedback('many', (SELECT jsonb_object_agg('k' || i, 'x') FROM generate_series(1, 25) i)), 'and .* more');
SELECT args_validate('many', '{"a": "x", "b": "x", "c": "x", "d": "x", "e": "x"}') -> -1 -> 'params';
SELECT args_feedback('branch', jsonb_build_object('p', '{"k": "a"}' || (SELECT jsonb_object_agg('k' || i, 'x') FROM generate_series(1, 15) i)));
RESET agentcore.max_errors;
SELECT regexp_matches(args_feedback('many', (SELECT jsonb_object_agg('k' || i, 'x') FROM generate_series(1, 250) i)), 'and .* more');
SELECT args_feedback('many', (SELECT jsonb_object_agg('k' || i, 'x') FROM generate_series(1, 10) i)) LIKE '%more%';

-- a list of known names or values that is longer than what is shown; 25 names, 24 of them allowed
SELECT tool_set('wide', (SELECT jsonb_build_object('properties', jsonb_object_agg('p' || i, true), 'allOf', '[{"properties": {"p7": false}}]'::jsonb,
  'unevaluatedProperties', false) FROM generate_series(1, 25) i));
SELECT regexp_matches(args_feedback('wide', '{"zzzzzzzz": 1}'), 'and .* more');
SELECT tool_set('values', (SELECT jsonb_build_object('properties', jsonb_build_object('v', jsonb_build_object('anyOf',
  jsonb_agg(jsonb_build_object('const', 'value ' || i))))) FROM generate_series(1, 25) i));
SELECT regexp_matches(args_feedback('values', '{"v": "value 30"}'), 'value 20" and .* more.*');

-- the errors as data say the same
SELECT args_validate('w1', '{"zip": 1}') -> 0 -> 'params', args_validate('w7', '{"y": 1}') -> 0 -> 'params';
SELECT args_validate('w14', '{"headers": {"ab": "xyz"}}') -> 0;
SELECT args_validate('w21', '{"size": "big"}') -> 0 -> 'params';
SELECT args_validate('w23', '{"shape": {"kind": "triangle"}}') -> 0 -> 'params';
SELECT args_validate('w28', '{}') -> 0 -> 'params';
SELECT args_validate('w30', '{"from": 1, "days": 2}') -> 0 -> 'params';
SELECT args_validate('w35', '{"start": "2026-03-05T09:30:00"}') -> 0 -> 'params';
SELECT args_validate('w43', '{"q": "x", "page": null}') -> 0 -> 'params';

-- what is said of a name does not change the value
SELECT tool_set('names', '{"type": "object", "properties": {"m": {"type": "object", "propertyNames": {"enum": ["a"]}}}}', coerce => true);
SELECT args, changes FROM args_coerce('names', '{"m": {"A": "A"}}');
SELECT tool_set('names', '{"type": "object", "properties": {"m": {"type": "object", "propertyNames": {"anyOf": [{"const": "a"}, {"enum": ["b"]}]}}}}', coerce => true);
SELECT args, changes FROM args_coerce('names', '{"m": {"A": "A", "B": " b", "n": "5"}}');
-- nor does a property go that only an alternative which does not fit names
SELECT args FROM args_coerce('w13', '{"kind": "file", "path": {"a": 1}}', drop_unknown => true);
-- what is allowed is found once per object: 20,000 unknown names beside 60 alternatives stay within the limit
SELECT tool_set('hostile', jsonb_build_object('unevaluatedProperties', false, 'anyOf', (SELECT jsonb_agg(jsonb_build_object('properties',
  (SELECT jsonb_object_agg('p' || i || '_' || j, '{"type": "integer"}'::jsonb) FROM generate_series(1, 50) j))) FROM generate_series(1, 60) i)));
SELECT jsonb_array_length(args_validate('hostile', (SELECT jsonb_object_agg('b' || i, i) FROM generate_series(1, 20000) i)));
-- a choice whose alternatives are hard to tell apart
SELECT tool_set('alike', jsonb_build_object('items', jsonb_build_object('oneOf', (SELECT jsonb_agg(jsonb_build_object('required', '["k"]'::jsonb, 'properties',
  (SELECT jsonb_object_agg('k' || j, jsonb_build_object('enum', (SELECT jsonb_agg(x + i * 20 - CASE WHEN i = 50 AND j < 20 THEN 20 ELSE 0 END)
  FROM generate_series(1, 20) x))) FROM generate_series(1, 20) j))) FROM generate_series(1, 50) i))));
SELECT jsonb_array_length(args_validate('alike', (SELECT jsonb_agg('{"q": 1}'::jsonb) FROM generate_series(1, 2000))));
-- a dynamic reference may lead to more than can be told
SELECT tool_set('tree', '{"$id": "https://example.com/tree", "$dynamicAnchor": "node", "type": "object", "properties": {"value": {},
  "children": {"type": "array", "items": {"$dynamicRef": "#node"}}}, "unevaluatedProperties": false}');
SELECT args_feedback('tree', '{"children": [{"valu": 1}]}');
-- agentvet's words
SELECT tool_set('vet', '{"query": {"type": "string", "min_length": 1}, "mode": {"type": "string", "optional": true}}', additional => false, dialect => 'agentvet');
SELECT args_feedback('vet', '{"mode": null, "querry": "x"}');
-- an enum without values
SELECT tool_set('nothing', '{"properties": {"a": {"enum": []}, "b": {"anyOf": [{"enum": []}, {"enum": ["x"]}]}}}');
SELECT args_feedback('nothing', '{"a": 1, "b": 1}');
