-- URLs that nobody declared: guessed by names and descriptions, and by their values under strict_urls.
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
SET search_path = agentcore;
\pset format unaligned
\pset tuples_only on

SELECT policy_set('web', schemes => '{http,https}'), policy_allow('web', '*.ok.example') > 0, policy_allow_tool('web', '*') > 0, agent_set('bot', 'web');
CREATE FUNCTION pg_temp.ask(tool text, given jsonb, agent text DEFAULT 'bot') RETURNS text LANGUAGE sql AS $$
  SELECT verdict || coalesce(' ' || reason, '') || coalesce(' (' || detail || ')', '') || CASE WHEN verdict = 'run' AND c.args <> given THEN ' ' || c.args::text ELSE '' END FROM call_begin(agent, tool, given) c $$;
CREATE FUNCTION pg_temp.guessed(tool text) RETURNS text VOLATILE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT guessed FROM tools WHERE name = tool); END $$;
CREATE FUNCTION pg_temp.guess(properties jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tool_set('guess', jsonb_build_object('type', 'object', 'properties', properties), dialect => '2020-12');
  RETURN (SELECT guessed FROM tools WHERE name = 'guess');
END $$;
CREATE FUNCTION pg_temp.names(list text[]) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.guess((SELECT jsonb_object_agg(n, '{"type": "string"}'::jsonb) FROM unnest(list) n)) $$;

-- an imported tool says what was guessed, and the guess is judged like url_args
SELECT * FROM tool_import('[{"name":"browser_navigate","inputSchema":{"type":"object","properties":{"url":{"type":"string","description":"The URL to navigate to"}},"required":["url"]}}]');
SELECT * FROM tool_import('[{"name":"browser_navigate","inputSchema":{"type":"object","properties":{"url":{"type":"string","description":"The URL to navigate to"}},"required":["url"]}}]');
SELECT u, pg_temp.ask('browser_navigate', jsonb_build_object('url', u)) FROM unnest('{http://169.254.169.254/latest/meta-data/,https://OK.example/a/../b,169.254.169.254/latest,"",file:///etc/passwd,"data:text/html,x"}'::text[]) u;
SELECT pg_temp.ask('browser_navigate', '{}'), pg_temp.ask('browser_navigate', '{"url": 5}'), pg_temp.ask('browser_navigate', '{"url": ["http://10.0.0.1/"]}');

-- names: the last word of the name, in any spelling, or the word that others follow
SELECT pg_temp.names('{url,URL,Uri,uris,page_url,pageUrl,siteURL,imageURLs,baseurl,redirecturi,redirect-uri,target.url,url1,url_list,urlString,url_to_fetch,urls_to_crawl,link,links,shareLink,href,hyperlink,permalink,endpoint,apiEndpoint,website,webpage,web_page,webSite,home_page,homepage,webhook,webhook_url,callback,callback_uri,web_address,page_address,site_address,link_of_page,address_of_page,addressOfThePage}');
SELECT pg_temp.names('{url_id,urlEncoded,link_type,linkText,linked,curl,unlink,symlink,blink,type_of_link,address,email_address,ip_address,street_address,host,site,page,path,query,endpoint_name,websites_count,callback_id,hurl,title,source,link_count,purl,webhook_secret}');

-- descriptions: what they begin with; not what they mention
SELECT d, pg_temp.guess(jsonb_build_object('x', jsonb_build_object('type', 'string', 'description', d))) FROM unnest(E'{"The URL of the page","URL to open","Full URL (https)","Optional. The URL to crawl","A valid http(s) URL","List of URLs to fetch","Web address of the shop","Address of the page to open","The addresses of web pages","Link to the document","Website to crawl","The webhook to call","GitHub repository URL","Path or URL of the file","Comma-separated list of URLs","The uri of the document","网页的URL","URL\nof the image"}'::text[]) d;
SELECT d, pg_temp.guess(jsonb_build_object('x', jsonb_build_object('type', 'string', 'description', d))) FROM unnest('{"The URL slug of the problem","URL-encoded text","Name of the URL parameter","The ID in the URL","Search query (not a URL)","Text without URLs","The title. See the URL https://x.example/","Extract the id from a URL","Whether to show a URL","Query to search for URLs","URL path of the handler","Street address","Address of the shop","The page to return","Address of the sitemap service","Link text","The website name","Number of links","How to link the parts"}'::text[]) d;
SELECT pg_temp.guess('{"a": {"type": "string", "pattern": "^https?://"}, "b": {"type": "string", "default": "https://x.example/"}, "c": {"type": "string", "examples": ["https://x.example/", "http://y.example/"]}, "d": {"type": "string", "examples": ["https://x.example/", "y"]}, "e": {"title": "Page URL"}}');

-- where a string can stand, and nothing else speaks of it
SELECT pg_temp.guess('{"url": {"type": "integer"}}'), pg_temp.guess('{"url": {"type": "boolean"}}'), pg_temp.guess('{"url": {"enum": ["a", "b"]}}'), pg_temp.guess('{"url": {"const": "a"}}'), pg_temp.guess('{"url": {"type": "string", "format": "uuid"}}'), pg_temp.guess('{"url": {"type": "string", "format": "uri"}}'), pg_temp.guess('{"url": false}'), pg_temp.guess('{"url": {"type": "object"}}');
SELECT pg_temp.guess('{"url": {}}'), pg_temp.guess('{"url": true}'), pg_temp.guess('{"url": {"type": ["string", "null"]}}'), pg_temp.guess('{"url": {"type": "string", "format": "my-own"}}'), pg_temp.guess('{"url": {"anyOf": [{"type": "string"}, {"type": "null"}]}}'), pg_temp.guess('{"url": {"anyOf": [{"type": "string", "format": "email"}, {"type": "null"}]}}');
-- arrays, objects, maps, branches, references
SELECT pg_temp.guess('{"urls": {"type": "array", "items": {"type": "string"}}, "links": {"type": "array"}, "hrefs": {"items": {"type": "object", "properties": {"href": {}, "text": {}}}}, "pages": {"type": "array", "items": {"type": "string", "description": "URL of a page"}}}');
SELECT pg_temp.guess('{"request": {"type": "object", "properties": {"url": {}, "body": {"properties": {"callback": {"type": "string"}}}}}, "links": {"type": "object", "additionalProperties": {"type": "string"}}, "a/b": {"properties": {"url": {}}}, "image_url": {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"url": {"type": "string"}}}]}}');
SELECT tool_set('refs', '{"type": "object", "properties": {"page": {"$ref": "#/$defs/url"}, "node": {"$ref": "#/$defs/node"}, "kind": {"$ref": "#/$defs/word"}}, "$defs": {"url": {"type": "string", "description": "A URL"}, "word": {"type": "string"}, "node": {"type": "object", "properties": {"url": {"$ref": "#/$defs/word"}, "children": {"items": {"$ref": "#/$defs/node"}}}}}}', dialect => '2020-12');
SELECT guessed FROM tools WHERE name = 'refs';
SELECT pg_temp.ask('refs', '{"node": {"url": "https://ok.example/", "children": [{"url": "http://10.0.0.1/"}]}}'), pg_temp.ask('refs', '{"kind": "url"}');
-- agentvet's dialect
SELECT tool_set('vet', '{"page_url": {"type": "string"}, "n": {"type": "integer", "optional": true}}'), pg_temp.guessed('vet');
SELECT pg_temp.ask('vet', '{"page_url": "http://127.0.0.1/"}');

-- what a guessed place holds: URLs, and nothing else counts against the call
SELECT pg_temp.guess('{"url": {}, "urls": {"type": "array"}, "links": {"type": "object", "additionalProperties": true}}');
SELECT a, pg_temp.ask('guess', a) FROM (VALUES ('{"url": true}'::jsonb), ('{"url": null}'), ('{"url": {"id": 5, "text": "x"}}'), ('{"url": {"href": "http://10.0.0.1/"}}'), ('{"url": ["https://ok.example", "http://10.0.0.1/"]}'), ('{"urls": []}'), ('{"urls": ["https://ok.example"]}'), ('{"urls": [["http://10.0.0.1/"]]}'), ('{"urls": [{"x": "http://10.0.0.1/"}]}'), ('{"links": {"a": "https://ok.example/"}}'), ('{"links": {"http://10.0.0.1/": 1, "b": "http://10.0.0.1/"}}'), ('{"other": "http://10.0.0.1/"}'), ('"http://10.0.0.1/"')) v (a);
-- "or something else": what is no URL passes
SELECT pg_temp.guess('{"url": {"type": "string", "description": "YouTube video URL or ID"}, "source": {"type": "string", "description": "File path or URL"}}');
SELECT a, pg_temp.ask('guess', a) FROM (VALUES ('{"url": "dQw4w9WgXcQ"}'::jsonb), ('{"url": "vercel/ai"}'), ('{"url": "https://ok.example"}'), ('{"url": "http://10.0.0.1/"}'), ('{"url": " HTTP://10.0.0.1/"}'), ('{"url": "10.0.0.1/x"}'), ('{"url": "localhost:8080"}'), ('{"url": "[::1]/"}'), ('{"url": "//10.0.0.1/"}'), ('{"source": "docs/README.md"}'), ('{"source": "https://evil.example/a"}')) v (a);

-- what the tool says beats the guess: a list, none, the exemption of one place; reset brings it back
SELECT tool_set('fetch', '{"type": "object", "properties": {"url": {"type": "string"}, "note_url": {"type": "string"}, "u": {"type": "string", "format": "uri"}}}', dialect => '2020-12'), pg_temp.guessed('fetch');
SELECT tool_set('fetch', url_args => '{/u}'), pg_temp.guessed('fetch'), pg_temp.ask('fetch', '{"url": "http://10.0.0.1/"}');
SELECT tool_set('fetch', url_args => '{}'), pg_temp.guessed('fetch'), pg_temp.ask('fetch', '{"url": "http://10.0.0.1/"}'), pg_temp.ask('fetch', '{"u": "http://10.0.0.1/"}');
SELECT tool_set('fetch', reset => '{url_args}'), pg_temp.guessed('fetch'), pg_temp.ask('fetch', '{"url": "http://10.0.0.1/"}');
SELECT tool_set('fetch', url_skip => '{/note_url}'), pg_temp.guessed('fetch'), pg_temp.ask('fetch', '{"note_url": "http://10.0.0.1/"}'), pg_temp.ask('fetch', '{"url": "http://10.0.0.1/"}');
SELECT tool_set('fetch', url_skip => '{/note_url}') AS same, tool_set('fetch', description => 'x') AS changed, pg_temp.guessed('fetch');
-- a new schema, also by import, is guessed anew; what was stated stays
SELECT name, action, guessed FROM tool_import('[{"name": "fetch", "inputSchema": {"type": "object", "properties": {"href": {"type": "string"}, "note_url": {"type": "string"}}}}]', adopt => true);
SELECT tool_set('fetch', url_args => '{}');
SELECT name, action, guessed FROM tool_import('[{"name": "fetch", "inputSchema": {"type": "object", "properties": {"link": {"type": "string"}}}}]');
-- a row that came without the column is guessed when it is used; documents carry no guess
SELECT tool_set('fetch', reset => '{url_args}');
UPDATE tool SET guessed = NULL WHERE name = 'fetch';
SELECT pg_temp.ask('fetch', '{"link": "http://10.0.0.1/"}');
SELECT jsonb_path_query(config_export(), '$.tools[*] ? (@.name == "fetch")') ? 'guessed' AS exported;
SELECT kind, name, action FROM config_apply('{"tools": [{"name": "fetch", "url_args": null}]}');
SELECT guessed FROM tools WHERE name = 'fetch';

-- strict_urls: what is a URL by its value, in every tool
SELECT policy_set('strict', schemes => '{http,https}', strict_urls => true), policy_allow('strict', '*.ok.example') > 0, policy_allow_tool('strict', '*') > 0, agent_set('careful', 'strict'), tool_set('plain', 'true', dialect => '2020-12');
SELECT strict_urls FROM policies WHERE name = 'strict';
SELECT v, pg_temp.ask('plain', jsonb_build_object('x', v), 'careful') FROM unnest('{"data:text/html,<script>","javascript:alert(1)","VIEW-SOURCE:https://evil.example/","blob:https://evil.example/1","data: as measured","note:https","metadata:x"}'::text[]) v;
SELECT a, pg_temp.ask('plain', a) AS lax, pg_temp.ask('plain', a, 'careful') AS strict FROM (VALUES ('{"x": "http://10.0.0.1/"}'::jsonb), ('{"x": "https://OK.example"}'), ('{"x": {"y": [1, "HTTP://evil.example/"]}}'), ('{"http://evil.example/": 1}'), ('{"x": " https://ok.example/"}'), ('{"x": "\ufeffhttp://10.0.0.1/"}'), ('{"x": "\u00a0http://10.0.0.1/"}'), ('{"x": "http:\\\\evil.example/"}'), ('{"x": "http:evil.example"}'), ('{"x": "//evil.example/x"}'), ('{"x": "ftp://ok.example/"}'), ('{"x": "file:///etc/passwd"}'), ('{"x": "jar:http://evil.example!/"}'), ('{"x": "url:http://evil.example/"}'), ('{"x": "postgres://u@evil.example/db"}'), ('{"x": "https://evil.example/a and more"}'), ('{"x": "https://ok.example/a and more"}'), ('{"x": "http://ok.example\n.evil.example/"}'), ('"http://10.0.0.1/"'), ('["http://10.0.0.1/"]')) v (a);
-- and no other text
SELECT a, pg_temp.ask('plain', a, 'careful') FROM (VALUES ('{"x": "see http://evil.example/"}'::jsonb), ('{"x": "// a comment. Of code"}'), ('{"x": "//"}'), ('{"x": "http: the protocol"}'), ('{"x": "https:"}'), ('{"x": "C:/Users/x"}'), ('{"x": "mailto:a@b.example"}'), ('{"x": "note: text"}'), ('{"x": "a/b/c"}'), ('{"x": "evil.example/x"}'), ('{"x": "12:30:45"}'), ('{"x": "std::vector"}'), ('{"x": ""}'), ('{"x": "{\"u\": \"http://evil.example/\"}"}'), ('{}')) v (a);
-- an admin exempts a tool, or one place; nobody else does
SELECT tool_set('plain', open_world => false), pg_temp.ask('plain', '{"x": "http://10.0.0.1/"}', 'careful'), tool_set('plain', open_world => true), pg_temp.ask('plain', '{"x": "http://10.0.0.1/"}', 'careful'), tool_set('plain', reset => '{open_world}'), pg_temp.ask('plain', '{"x": "http://10.0.0.1/"}', 'careful');
SELECT tool_set('plain', url_skip => '{/ns}'), pg_temp.ask('plain', '{"ns": "http://www.w3.org/2000/svg"}', 'careful'), pg_temp.ask('plain', '{"x": "http://www.w3.org/2000/svg"}', 'careful');
SELECT name, ignored, guessed FROM tool_import('[{"name": "closed", "annotations": {"openWorldHint": false, "readOnlyHint": true}, "inputSchema": {"type": "object"}}]');
SELECT open_world, pg_temp.ask('closed', '{"x": "http://10.0.0.1/"}', 'careful') FROM tools WHERE name = 'closed';
-- a guess and a format stay judged in an exempted tool
SELECT tool_set('browser_navigate', open_world => false), pg_temp.ask('browser_navigate', '{"url": "http://10.0.0.1/"}', 'careful');
SELECT policy_set('strict', mode => 'audit'), pg_temp.ask('plain', '{"x": "http://10.0.0.1/"}', 'careful'), policy_set('strict', mode => 'off'), pg_temp.ask('plain', '{"x": "http://10.0.0.1/"}', 'careful'), policy_set('strict', reset => '{mode,strict_urls}'), pg_temp.ask('plain', '{"x": "http://10.0.0.1/"}', 'careful');
SELECT stage, verdict, reason FROM call_explain('careful', 'browser_navigate', '{"url": "http://10.0.0.1/"}') WHERE reason IS NOT NULL;
-- documents and history know it
SELECT policy_export('strict') -> 'strict_urls' AS exported, name, action FROM policy_import('strict', '{"strict_urls": true}');
SELECT action, before -> 'strict_urls' AS before, after -> 'strict_urls' AS after FROM policy_history WHERE policy = 'strict' AND action LIKE 'policy%' ORDER BY revision DESC LIMIT 1;
SELECT policy_import('strict', '{"strict_urls": "yes"}');
SELECT policy_export('strict', 'agentguard');

-- the method that a tool states
SELECT policy_set('ro', schemes => '{http,https}', methods => '{GET}'), policy_allow('ro', '*.ok.example') > 0, policy_allow_tool('ro', '*') > 0, agent_set('reader', 'ro'), tool_set('post_webhook', '{"type": "object", "properties": {"url": {"type": "string"}, "body": {"type": "string"}}}');
SELECT pg_temp.ask('post_webhook', '{"url": "https://ok.example/", "body": "secret"}', 'reader');
SELECT tool_set('post_webhook', http_method => 'post'), pg_temp.ask('post_webhook', '{"url": "https://ok.example/", "body": "secret"}', 'reader'), pg_temp.ask('post_webhook', '{"body": "secret"}', 'reader');
SELECT pg_temp.ask('post_webhook', '{"url": "https://ok.example/", "method": "GET"}', 'reader'), pg_temp.ask('post_webhook', '{"url": "https://ok.example/", "method": "GET"}');
SELECT http_method FROM tools WHERE name = 'post_webhook';
SELECT tool_set('post_webhook', http_method => 'GET'), pg_temp.ask('post_webhook', '{"url": "https://ok.example/"}', 'reader'), pg_temp.ask('post_webhook', '{"url": "https://ok.example/", "method": "DELETE"}', 'reader'), tool_set('post_webhook', reset => '{http_method}');
SELECT tool_set('post_webhook', http_method => 'GET, POST');
SELECT tool_set('post_webhook', http_method => '');
-- a member named method counts if its value is a method, and nothing else is said
SELECT m, pg_temp.ask('post_webhook', jsonb_build_object('url', 'https://ok.example/', 'method', m), 'reader') FROM unnest('{render page,delete page,patch file,put / call,post message,chat.postMessage,search and get,trace route,FOO,render,get," delete ",Delete,propfind,"GET, DELETE",GET/PUT,DELETE /x HTTP/1.1,post https://ok.example/}'::text[]) m;

-- lint: what looks like a URL and is not judged
SELECT tool_set('linted', '{"type": "object", "properties": {"url": {"type": "string"}, "links": {"type": "array", "items": {"type": "string"}}, "u": {"type": "string", "format": "uri"}, "webhook": {"type": "object"}, "callback": {"type": "object", "properties": {"x": {}}}}}', dialect => '2020-12');
SELECT path, keyword, effect, problem FROM tool_lint('linted', 'agentcore') ORDER BY 1, 2;
SELECT tool_set('linted', url_args => '{}');
SELECT path, keyword, problem FROM tool_lint('linted', 'agentcore') WHERE keyword = 'url_args' ORDER BY 1, 2;
SELECT tool_set('linted', url_args => '{/links,/webhook}', url_skip => '{/url}');
SELECT path, keyword, problem FROM tool_lint('linted', 'agentcore') WHERE keyword <> 'http_method' ORDER BY 1, 2;
SELECT path, problem FROM tool_lint('refs', 'agentcore') WHERE keyword = 'url_args';
SELECT count(*) FROM tool_lint('browser_navigate') WHERE problem ILIKE '%url%' AND keyword = 'url_args';
-- and which policies judge a method that nobody states
SELECT path, effect, problem FROM tool_lint('post_webhook', 'agentcore');
SELECT policy_allow('web', 'a.ok.example', methods => '{GET}') > 0, policy_set('ro2', methods => '{GET}'), policy_set('off', mode => 'off', methods => '{GET}'), policy_allow_tool('off', '*') > 0;
SELECT problem FROM tool_lint('post_webhook', 'agentcore');
SELECT policy_allow_tool('ro2', 'post_webhook') > 0, policy_set('ro3', methods => '{GET}'), policy_allow_tool('ro3', 'post*') > 0;
SELECT problem FROM tool_lint('post_webhook', 'agentcore');
SELECT policy_set('other', methods => '{GET}', tenant => 'x'), policy_allow_tool('other', '*', tenant => 'x') > 0;
SELECT tool_set('post_webhook', http_method => 'POST'), tool_set('with_method', '{"type": "object", "properties": {"url": {"type": "string"}, "httpMethod": {"type": "string"}}}'), tool_set('no_url', '{"type": "object", "properties": {"a": {"type": "string"}}}');
SELECT t, l.problem FROM unnest('{post_webhook,with_method,no_url}'::text[]) t, tool_lint(t, 'agentcore') l;
