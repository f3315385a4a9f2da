-- The generated half of doc/reference.md: what the extension says of itself.
-- psql -X -A -t -f tools/reference.sql, in a database with the extension and
-- the library preloaded.
\pset footer off
\pset tuples_only on
\pset format unaligned
SELECT E'## Settings\n\n| setting | default | changed by | meaning |\n|---|---|---|---|';
SELECT format('| `%s` | %s | %s | %s %s |', name,
              CASE WHEN unit IS NULL THEN boot_val ELSE boot_val || ' ' || unit END,
              CASE context WHEN 'postmaster' THEN 'server start' WHEN 'sighup' THEN 'reload' WHEN 'superuser' THEN 'superuser, SET' ELSE context END,
              short_desc, extra_desc)
  FROM pg_settings WHERE name LIKE 'agentcore.%' ORDER BY name COLLATE "C";

SELECT E'\n## Functions\n\nThe level is what the calling role must hold for the tenant; `public` functions touch no tenant''s data, or show each caller what is his. Every function takes named arguments; `tenant` comes last and may be left out, or NULL, where there is one.';
SELECT CASE WHEN row_number() OVER (PARTITION BY af.level ORDER BY p.proname, p.oid) = 1 THEN format(E'\n### Level %s\n', af.level) || E'\n' ELSE '' END
       || format(E'**`%s(%s)`** → `%s`\n%s\n', p.proname, pg_get_function_arguments(p.oid),
                 coalesce(replace(replace(pg_get_function_result(p.oid), 'agentcore.', ''), 'SETOF', 'setof'), 'CALL'), obj_description(p.oid, 'pg_proc'))
  FROM pg_proc p JOIN agentcore.access_function af ON af.function = p.proname
 WHERE p.pronamespace = 'agentcore'::regnamespace AND af.level <> 'internal' AND obj_description(p.oid, 'pg_proc') NOT LIKE 'Internal.%'
 ORDER BY array_position('{agent,reader,admin,public}', af.level::text), p.proname, p.oid;

SELECT E'## Row types\n';
SELECT format(E'**`%s`** (%s)\n%s\n', t.typname,
              (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                 FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
              obj_description(t.oid, 'pg_type'))
  FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
 WHERE t.typnamespace = 'agentcore'::regnamespace AND c.relkind = 'c' ORDER BY 1;

SELECT E'## Views\n';
SELECT format(E'**`agentcore.%s`** (%s)\n%s\n', c.relname,
              (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
              obj_description(c.oid, 'pg_class'))
  FROM pg_class c WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind = 'v' ORDER BY 1;

SELECT E'## Tables\n\nThe owner''s; everybody else reads the views. All are dumped unless their comment says otherwise.\n';
SELECT format(E'**`agentcore.%s`**: %s\n', c.relname, obj_description(c.oid, 'pg_class'))
  FROM pg_class c WHERE c.relnamespace = 'agentcore'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1;
