# Validation where the ground shakes: no memory left, cancelled at any moment,
# in parallel workers, in databases of other encodings.  What a backend keeps
# compiled is right afterwards.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nmax_parallel_workers = 4\nmax_parallel_workers_per_gather = 4\nmax_worker_processes = 12\n");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION agentcore;
CREATE FUNCTION public.schema(wanted text, patterns int) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('type', 'object', 'required', jsonb_build_array(wanted),
                            'properties', jsonb_object_agg('k' || i, jsonb_build_object('type', 'string', 'pattern', '^a[b-d]{2,' || 2 + i || '}[e-g]*$')))
    FROM generate_series(1, patterns) i $$;
SELECT agentcore.tool_set('big', public.schema('k1', 4000));
});

# one session; psql goes on after an error
sub session
{
	my ($script, $db) = @_;
	my ($out, $err);
	$node->psql($db // 'postgres', "\\set VERBOSITY sqlstate\n$script", stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

my $judge = q{SELECT 'judged', agentcore.args_valid('big', '{"k1": "abbe"}'), agentcore.args_valid('big', '{"k2": "abbe"}');};

# ----- no memory left while compiling, at many points
SKIP:
{
	skip 'prlimit is absent', 3 if system('command -v prlimit >/dev/null 2>&1') != 0;
	my $script = "SELECT pg_backend_pid() AS pid \\gset\n\\setenv P :pid\n";
	for my $mb (1 .. 12)
	{
		$script .= "\\! prlimit --pid \$P --as=\$((\$(sed -n 's/^VmSize:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/\$P/status) * 1024 + $mb * 1500000)):\n"
		  . "SELECT agentcore.args_valid('big', '{\"k1\": \"abbe\"}');\n"
		  . "BEGIN; SAVEPOINT s; SELECT agentcore.args_validate('big', '{}'); ROLLBACK TO s; SELECT 1 / (agentcore.args_valid('big', '{}')::int + 1); COMMIT;\n"
		  . "\\! prlimit --pid \$P --as=unlimited:\n$judge\nSELECT agentcore.tool_set('big', public.schema('k1', 4000 + $mb));\n";
	}
	my ($out, $err) = session($script);
	like($err, qr/53200/, 'memory ran out');
	is(() = $out =~ /^judged\|t\|f$/mg, 12, 'every time the next call judges right');
	unlike($err, qr/server closed|connection|XX000/, 'and the backend lives');
}

# ----- cancelled at any moment of compiling and judging
my $script = '';
for my $ms (1 .. 30)
{
	$script .= "SELECT agentcore.tool_set('big', public.schema('k1', 3000 + $ms));\n";
	# in one transaction each, so that the setting goes also when its RESET is cancelled
	$script .= "SET statement_timeout = $ms \\; $_ \\; RESET statement_timeout;\n"
	  for $judge =~ s/;$//r, q{SELECT count(*) FROM generate_series(1, 100000) i WHERE agentcore.args_valid('big', '{"k1": "abbe"}')};
}
my ($out, $err) = session(qq{
CREATE TEMP TABLE kept AS SELECT sum(total_bytes) AS bytes FROM pg_backend_memory_contexts;
$script
$judge
SELECT 'kept', (SELECT sum(total_bytes) FROM pg_backend_memory_contexts) - bytes < 40 * 1024 * 1024 FROM kept;
SELECT 'contexts', count(*) FROM pg_backend_memory_contexts WHERE name = 'agentcore object' AND ident = 'big';
});
like($err, qr/57014/, 'statements were cancelled');
unlike($err, qr/XX000|server closed/, 'nothing worse');
unlike($out, qr/^judged\|(t\|t|f)/m, 'no wrong answer');
like($out, qr/judged\|t\|f\nkept\|t\ncontexts\|1$/, 'and at the end the right one, one program, memory back');

# ----- a subtransaction that rolls back what was compiled
($out, $err) = session(q{
SELECT agentcore.tool_set('sub', '{"type": "object", "required": ["a"]}');
BEGIN;
SELECT 'first', agentcore.args_valid('sub', '{}');
SAVEPOINT s;
SELECT agentcore.tool_set('sub', '{"type": "object"}');
SELECT 'inside', agentcore.args_valid('sub', '{}');
ROLLBACK TO s;
SELECT 'after', agentcore.args_valid('sub', '{}');
COMMIT;
SELECT 'at last', agentcore.args_valid('sub', '{}');
});
like($out, qr/first\|f\n.*inside\|t\n.*after\|f\n.*at last\|f/s, 'a schema that was rolled back judges no more');

# ----- parallel workers
($out, $err) = session(q{
CREATE TABLE calls AS SELECT i, jsonb_build_object(CASE WHEN i % 3 = 0 THEN 'k1' ELSE 'k2' END, 'abbe') AS args FROM generate_series(1, 20000) i;
SELECT agentcore.tool_set('big', public.schema('k1', 50)), agentcore.tool_set('bomb', '{"properties": {"k1": {"pattern": "^(a+)+$"}}}');
ALTER TABLE calls SET (parallel_workers = 3);
ANALYZE calls;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM calls WHERE agentcore.args_valid('big', args);
SELECT 'parallel', count(*) FROM calls WHERE agentcore.args_valid('big', args);
SELECT 'errors', sum(jsonb_array_length(agentcore.args_validate('big', args))) FROM calls;
SELECT count(*) FROM calls WHERE agentcore.args_valid('bomb', jsonb_build_object('k1', repeat('a', 5000) || i));
SELECT 'again', count(*) FROM calls WHERE agentcore.args_valid('big', args);
});
like($out, qr/Workers Planned: 3/, 'workers judge');
like($out, qr/^parallel\|6666$/m, 'as the leader would');
like($out, qr/^errors\|13334$/m, 'errors too');
like($err, qr/54001/, 'a limit in a worker reaches the caller');
like($out, qr/^again\|6666$/m, 'and nothing is left of it');

# ----- databases of other encodings
for my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $db = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($db, 'CREATE EXTENSION agentcore');
}
my $e = q{SET client_encoding = LATIN1;
CREATE FUNCTION e(text) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(replace($1, 'E', convert_from('\xe9', 'LATIN1'))) $$;
SELECT agentcore.tool_set('t', jsonb_build_object('type', 'object', 'properties', jsonb_build_object('p', jsonb_build_object('pattern', e('^E+$'), 'maxLength', 3))));
};
($out, $err) = session($e . q{
SELECT 'p', agentcore.args_valid('t', jsonb_build_object('p', e('EEE'))), agentcore.args_valid('t', jsonb_build_object('p', e('EEEE'))), agentcore.args_valid('t', '{"p": "e"}');
SELECT 'c', agentcore.jsonschema_validate('{"pattern": "^[\\\\u00e0-\\\\u00ff]$"}', e('E')), agentcore.jsonschema_validate('{"pattern": "^\\\\p{Lu}$"}', e('E'));
SELECT 'f', agentcore.args_feedback('t', jsonb_build_object('p', e('EEEE'))) <> '';
SELECT 'u', c.args IS NULL, c.errors #>> '{0,params,character}' FROM agentcore.args_coerce('t', args_text => '{"p": "\u00e9\u4e2d"}') c;
SELECT 'v', c.args = jsonb_build_object('p', e('E')) FROM agentcore.args_coerce('t', args_text => '{"p": "\u00e9",}') c;
CREATE TEMP TABLE kept AS SELECT sum(total_bytes) AS bytes FROM pg_backend_memory_contexts;
SELECT 'many', agentcore.jsonschema_validate(jsonb_build_object('items', jsonb_build_object('pattern', e('E$'))), (SELECT jsonb_agg(s) FROM e(repeat('E', 1000)) s, generate_series(1, 3000)));
SELECT 'kept', (SELECT sum(total_bytes) FROM pg_backend_memory_contexts) - bytes < 1000000 FROM kept;
}, 'latin1');
like($out, qr/^p\|t\|f\|f$/m, 'LATIN1: a character is one, also to a pattern');
like($out, qr/^c\|t\|f$/m, 'LATIN1: classes and properties');
like($out, qr/^f\|t$/m, 'LATIN1: feedback');
like($out, qr/^u\|t\|14\nv\|t$/m, 'LATIN1: an escape of a character that it has not is refused, one that it has is read');
like($out, qr/many\|t\nkept\|t$/, 'LATIN1: many strings, memory back');
is($err, '', 'LATIN1: no error');

# bytes that are no UTF-8 reach a pattern only in SQL_ASCII: refused, not matched
($out, $err) = session(q{
CREATE FUNCTION bad() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(convert_from('\xc3e9ff28', 'SQL_ASCII')) $$;
SELECT agentcore.tool_set('t', '{"type": "object", "properties": {"p": {"pattern": "^.$"}, "q": {"maxLength": 2}, "f": {"format": "email"}, "r": {"format": "regex"}, "e": {"enum": ["a"]}}}');
SELECT 'p', agentcore.args_valid('t', jsonb_build_object('p', bad()));
SELECT 'q', agentcore.args_valid('t', jsonb_build_object('q', bad()));
SELECT 'f', agentcore.args_valid('t', jsonb_build_object('f', bad()));
SELECT 'r', agentcore.args_valid('t', jsonb_build_object('r', bad()));
SELECT 'e', length(agentcore.args_feedback('t', jsonb_build_object('e', bad()))) > 0;
SELECT 'k', length(agentcore.args_feedback('t', jsonb_build_object(bad() #>> '{}', 1, 'e', 1))) > 0;
SELECT agentcore.tool_set('bad', jsonb_build_object('pattern', bad()), dialect => '2020-12');
SELECT 'alive', agentcore.args_valid('t', '{"p": "x"}'), count(*) FROM agentcore.tool WHERE name = 'bad';
}, 'sql_ascii');
unlike($out, qr/^[pfr]\|t/m, 'SQL_ASCII: broken text is not valid');
like($out, qr/^q\|f$/m, 'SQL_ASCII: bytes are counted');
like($out, qr/^e\|t\nk\|t$/m, 'SQL_ASCII: feedback');
like($out, qr/^alive\|t\|0$/m, 'SQL_ASCII: the backend judges on, the broken pattern was refused');

$node->stop;
done_testing();
