# The cache at its limits: the largest value and one byte more, nothing but the
# largest values under many readers, a million tiny entries, a clock that steps back.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# gettimeofday() of the server, moved by the seconds in a file
my $tmp = PostgreSQL::Test::Utils::tempdir;
my $offset = "$tmp/offset";
append_to_file("$tmp/clock.c", <<"SHIM");
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	char digits[32] = {0};
	int file = open("$offset", O_RDONLY);
	int result = syscall(SYS_gettimeofday, now, zone);

	if (file >= 0)
	{
		if (read(file, digits, sizeof(digits) - 1) > 0)
			now->tv_sec += atol(digits);
		close(file);
	}
	return result;
}
SHIM

sub move_clock
{
	my ($seconds) = @_;
	open my $file, '>', $offset or die "$offset: $!";
	print $file $seconds;
	close $file;
	return;
}
move_clock(0);
my $shim = system_log('cc', '-shared', '-fPIC', '-w', '-o', "$tmp/clock.so", "$tmp/clock.c") == 0;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = 16MB
max_connections = 40
lc_messages = 'C'
CONF
{
	local $ENV{LD_PRELOAD} = "$tmp/clock.so" if $shim;
	$node->start;
}

sub one { return $node->safe_psql('postgres', $_[0]); }

one(q{
CREATE EXTENSION agentcore;
-- a string whose jsonb has that many bytes, and that does not compress
CREATE FUNCTION sized(bytes bigint, seed int DEFAULT 0) RETURNS jsonb LANGUAGE sql AS $$
  SELECT to_jsonb(left(string_agg(translate(encode(sha256((seed || ' ' || i)::bytea), 'base64'), '=', ''), ''), bytes::int - 8)) FROM generate_series(0, bytes / 43) i $$;
CREATE TABLE big AS SELECT k, sized(max_value, k) AS value FROM agentcore.stat_cache, generate_series(1, 8) k;
CREATE FUNCTION look(k int, v jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF v <> (SELECT value FROM big WHERE big.k = look.k) THEN RAISE EXCEPTION 'WRONG VALUE for key %', k; END IF;
END $$;
});

# the largest value
is(one(q{SELECT length(sized(1000)::text), pg_column_size(sized(1000)) - 4 FROM agentcore.stat_cache}), '994|1000', 'values of a known size');
is(one(q{SELECT agentcore.cache_set('limit', '1', sized(max_value)) FROM agentcore.stat_cache}), 't', 'a value of max_value bytes is stored');
is(one(q{SELECT agentcore.cache_get('limit', '1') = sized(max_value) FROM agentcore.stat_cache}), 't', 'and read whole');
is(one(q{SELECT agentcore.cache_set('limit', '2', sized(max_value + 1)) FROM agentcore.stat_cache}), 'f', 'one byte more is refused');
is(one(q{SELECT agentcore.cache_set('limit', '2', sized(max_value + 1), publish => 'immediate') FROM agentcore.stat_cache}), 'f', 'at once as well');
is(one(q{SELECT agentcore.cache_get('limit', '2') IS NULL, agentcore.cache_get('limit', '1') IS NOT NULL}), 't|t', 'nothing is stored, and nothing else is gone');
is(one(q{SELECT agentcore.cache_fill(lease, sized(max_value + 1)) FROM agentcore.stat_cache, agentcore.cache_fetch('limit', '3')}), 'f', 'a fill is refused too');
is(one(q{SELECT status FROM agentcore.cache_fetch('limit', '3')}), 'lead', 'and its lease given back');
is(one('SELECT refused_size FROM agentcore.stat_cache'), '3', 'all three are counted');

# more of the largest values than fit, each read by somebody all the time
append_to_file("$tmp/read.sql", "\\set k random(1, 8)\nSELECT look(:k, agentcore.cache_get('big', to_jsonb(:k::int), 's'));\n");
append_to_file("$tmp/write.sql", "\\set k random(1, 8)\nSELECT agentcore.cache_set('big', to_jsonb(:k::int), value, scope => 's', publish => 'immediate') FROM big WHERE k = :k;\n");
my @bench = ('pgbench', '-n', '-h', $node->host, '-p', $node->port, '-T', '2');
my ($out1, $out2) = ('', '');
my ($read, $written) = (1, 1);
# on a busy machine for longer
for (1 .. 60)
{
	my $readers = IPC::Run::start([ @bench, '-c', '12', '-f', "$tmp/read.sql", 'postgres' ], '>&', \$out1);
	my $writers = IPC::Run::start([ @bench, '-c', '4', '-f', "$tmp/write.sql", 'postgres' ], '>&', \$out2);
	$read &&= $readers->finish;
	$written &&= $writers->finish;
	last if !$read || !$written || one('SELECT evictions > 0 AND sets > 100 FROM agentcore.stat_cache') eq 't';
}
ok($read, 'readers of large values see none that is wrong') or diag($out1);
ok($written, 'writers of large values never stall or fail') or diag($out2);
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');
is(one(q{SELECT evictions > 0, sets > 100 FROM agentcore.stat_cache}), 't|t', 'values made room for values');
is(one(q{SELECT bool_and(agentcore.cache_set('big', to_jsonb(k), value, scope => 's', publish => 'immediate')) FROM big}), 't', 'and every one can be stored when nobody reads');

# a million tiny entries
is(one(q{SELECT count(*) FROM generate_series(1, 1000000) i WHERE NOT agentcore.cache_set('tiny', to_jsonb(i), '1', scope => 's', publish => 'immediate')}), '0',
	'a million tiny entries are taken');
is(one('SELECT entries > 10000, bytes <= capacity, evictions + entries >= 1000000 FROM agentcore.stat_cache'), 't|t|t', 'as many stay as there is room for');
is(one(q{SELECT count(*) FROM generate_series(999001, 1000000) i WHERE agentcore.cache_get('tiny', to_jsonb(i), 's') IS NULL}), '0', 'the latest are among them');
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

# the clock
SKIP:
{
	skip 'no C compiler to make a clock that can be moved', 19 unless $shim;
	is(one(q{SELECT agentcore.cache_set('clock', '1', '"before"', '1 hour', tags => '{t}'), agentcore.cache_set('clock', '2', '"short"', '10 s')}), 't|t', 'entries from before');
	my $lease = one(q{SELECT lease FROM agentcore.cache_fetch('clock', '3', lease => '1 hour')});
	my $real = one('SELECT extract(epoch FROM clock_timestamp())::bigint');

	move_clock(-86400);
	cmp_ok(one('SELECT extract(epoch FROM clock_timestamp())::bigint'), '<', $real - 80000, 'the clock steps back a day');
	is(one(q{SELECT agentcore.cache_get('clock', '1')}), '"before"', 'an entry is still served');
	is(one(q{SELECT status, age >= '0' FROM agentcore.cache_fetch('clock', '1')}), 'hit|t', 'and no younger than new');
	is(one(q{SELECT agentcore.cache_invalidate_tag('t'); SELECT agentcore.cache_get('clock', '1') IS NULL}), "\nt", 'an invalidation counts though its time is earlier');
	is(one(q{SELECT agentcore.cache_set('clock', '1', '"after"', '1 hour', tags => '{t}'); SELECT agentcore.cache_get('clock', '1')}), "t\n\"after\"", 'and what is set after it is served');
	is(one(q{SELECT agentcore.cache_invalidate_tool('clock'); SELECT agentcore.cache_get('clock', '1') IS NULL}), "\nt", 'as often as one likes');
	is(one(q{SELECT agentcore.cache_set('clock', '1', '"again"', '1 hour', publish => 'immediate'); SELECT agentcore.cache_get('clock', '1')}), "t\n\"again\"", 'at once as well');
	is(one(qq{SELECT agentcore.cache_fill('$lease', '"stale"')}), 'f', 'a lease from before the invalidation is lost');
	is(one(q{SELECT agentcore.cache_fill(lease, '"new"') FROM agentcore.cache_fetch('clock', '3')}), 't', 'a new one is not');
	is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

	move_clock(7200);
	is(one(q{SELECT agentcore.cache_get('clock', '1') IS NULL}), 't', 'the clock steps forward: what has ended is not served');
	is(one(q{SELECT agentcore.cache_set('clock', '1', '"now"'); SELECT agentcore.cache_get('clock', '1')}), "t\n\"now\"", 'what is set now is');
	move_clock(0);
	is(one(q{SELECT agentcore.cache_invalidate('clock', '1'); SELECT agentcore.cache_set('clock', '1', '"last"'); SELECT agentcore.cache_get('clock', '1')}), "t\nt\n\"last\"",
		'and back again');
	# between a transaction's reading and another's invalidation
	append_to_file("$tmp/other.sql", q{BEGIN; UPDATE doc SET body = '"new"'; SELECT agentcore.cache_invalidate('doc', '1'); COMMIT});
	one(q{CREATE TABLE doc (body jsonb); INSERT INTO doc VALUES ('"old"')});
	my $connstr = $node->connstr('postgres');
	is(one(qq{
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT body FROM doc;
\\! echo -3600 >$offset
\\! psql -XAtq -d "$connstr" -f $tmp/other.sql
SELECT agentcore.cache_set('doc', '1', body, '4 h') FROM doc;
COMMIT;
SELECT agentcore.cache_get('doc', '1') IS NULL}), "\"old\"\nf\nt\nt", 'the clock steps back inside a transaction: nothing old comes back');
	move_clock(0);

	# while somebody waits for a lease
	is(one(q{SELECT status FROM agentcore.cache_fetch('clock', '4', lease => '2 h')}), 'lead', 'a leader that never fills');
	my $waited;
	# on a busy machine it waits for longer, or nobody would see it
	for my $seconds (1, 4, 16, 64)
	{
		my $waiter = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT status FROM agentcore.cache_fetch('clock', '4', wait => '$seconds s')" ],
			'<', \undef, '>', \$waited, IPC::Run::timeout(600));
		my $seen = 'f';
		while ($seen eq 'f' && $waiter->pumpable)
		{
			$seen = one(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%wait => ''%' AND state = 'active' AND wait_event_type = 'Extension'});
			$waiter->pump_nb;
		}
		move_clock(-3600) if $seen eq 't';
		$waiter->finish;
		last if $seen eq 't';
		$waited = '';
	}
	is($waited, "busy\n", 'the clock steps back: the wait is no longer for it');
	move_clock(0);
	is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound at the end');
	is(one('SELECT agentcore.cache_set(\'clock\', \'5\', \'1\')'), 't', 'and usable');
}

$node->stop;
done_testing();
