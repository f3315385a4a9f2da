# The cache over a restart: what a dump keeps, what it must not bring back, and files that are not right.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(stat);

use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
# with streaming, or no COMMIT would wait for a standby
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_dump = on
lc_messages = 'C'
CONF
$node->start;
my $file = $node->data_dir . '/pg_stat_tmp/agentcore_cache.dump';

sub one { return $node->safe_psql('postgres', $_[0]); }

sub fill
{
	one(q{SELECT count(agentcore.cache_set('t', to_jsonb(n), to_jsonb(repeat('v', n)), '1 hour', tags => '{red}')) FROM generate_series(1, 500) n;
	      SELECT agentcore.cache_set('large', '1', to_jsonb(repeat('abc', 100000)), '1 hour', soft_ttl => '1 ms');
	      SELECT agentcore.cache_set('bad', '1', '"failed"', '1 hour', negative => true);
	      SELECT agentcore.cache_set('tenant', '1', '1', '1 hour', tenant => 'acme')});
}
sub right { return one(q{SELECT count(*) FROM generate_series(1, 500) n WHERE agentcore.cache_get('t', to_jsonb(n)) = to_jsonb(repeat('v', n))}); }
sub bytes { local $/; open my $f, '<:raw', $file or die "$file: $!"; return scalar <$f>; }
sub rewrite { open my $f, '>:raw', $file or die "$file: $!"; print $f $_[0]; close $f; }

# the worker reads the file after the server has begun to answer, and says so
sub start
{
	my $log = -s $node->logfile;
	$node->start;
	$node->wait_for_log(qr/restored \d+ cache entries/, $log);
	return substr(slurp_file($node->logfile), $log);
}

one('CREATE EXTENSION agentcore');
fill();
$node->stop;
start();
ok(-e $file, 'there is a dump');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'only the server may read it');
is(right(), '500', 'every entry is back');
is(one(q{SELECT length(agentcore.cache_get('large', '1') #>> '{}')}), '300000', 'a compressed one too');
is(one(q{SELECT status FROM agentcore.cache_fetch('large', '1')}), 'stale', 'with its soft deadline');
is(one(q{SELECT status FROM agentcore.cache_fetch('bad', '1')}), 'negative', 'and a failure as one');
is(one(q{SELECT count(*) FROM agentcore.cache_entries() WHERE ttl_left <= '1 hour' AND tenant IN ('', 'acme')}), '503', 'with names and times');
is(one(q{SELECT agentcore.cache_verify()}), 't', 'the cache is sound');

# an invalidation, also by tag, reaches what was restored
one(q{SELECT agentcore.cache_invalidate_tag('red')});
is(right(), '0', 'a tag still means what it meant');
ok(!-e $file, 'the first invalidation takes the dump away');
fill();
is(one('SELECT agentcore.cache_dump()'), '503', 'a dump while the server runs');
is(one('SELECT agentcore.cache_load()'), '0', 'what is there already is not loaded again');
one(q{BEGIN; SELECT agentcore.cache_invalidate('t', '1'); ROLLBACK});
ok(-e $file, 'a rolled-back invalidation leaves it');
one(q{SELECT agentcore.cache_invalidate('t', '1')});
$node->stop('immediate');
ok(!-e $file, 'as the committed one does not');
$node->start;
is(right(), '0', 'a crash brings nothing invalidated back');

fill();
one('SELECT agentcore.cache_dump()');
$node->stop('immediate');
start();
is(right(), '500', 'a crash after a dump keeps the dump');

# a dump while an invalidation commits: the wait for a standby that does not exist
# holds it between PRE_COMMIT, which revokes the dump there is, and its end
one('CREATE TABLE doc (n int)');
fill();
waits_for_standby($node, 'nobody');
my $writer = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c',
		q{BEGIN; INSERT INTO doc VALUES (1); SELECT agentcore.cache_invalidate('t', '1'); COMMIT} ], '<', \undef, '>', \my $said);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'}), 'an invalidation waits within its COMMIT');
one('SET synchronous_commit = local; SELECT agentcore.cache_dump()');
ok(-e $file, 'a dump is written meanwhile');
one(q{SET synchronous_commit = local; ALTER SYSTEM SET synchronous_standby_names = ''});
$node->reload;
$writer->finish;
is(one(q{SELECT agentcore.cache_get('t', '1') IS NULL}), 't', 'the invalidation has committed');
$node->stop('immediate');
start();
is(one(q{SELECT agentcore.cache_get('t', '1') IS NULL}), 't', 'and the dump does not bring the value back');
is(right(), '499', 'but all the others');

# files that are not right: what comes before the fault is kept
fill();
$node->stop;
my $good = bytes();
my $size = length $good;
for my $case (
	[ 'cut in the middle', substr($good, 0, int($size / 2)), qr/ends early/, 1 ],
	[ 'cut in the header', substr($good, 0, 10), qr/not of this server/, 0 ],
	[ 'empty', '', qr/not of this server/, 0 ],
	[ 'without its end', substr($good, 0, $size - 8), qr/ends early/, 1 ],
	[ 'with a flipped bit', do { my $b = $good; substr($b, int($size / 2), 1) ^= "\x10"; $b }, qr/checksum is wrong|impossible length/, 1 ],
	[ 'of another version', do { my $b = $good; substr($b, 4, 4) = pack('L', 99); $b }, qr/not of this server/, 0 ],
	[ 'of another server', do { my $b = $good; substr($b, 24, 8) ^= "\x01" x 8; $b }, qr/not of this server/, 0 ],
	[ 'with a record of no bytes', substr($good, 0, 48) . pack('LL', 1, 0), qr/impossible length/, 0 ],
	[ 'with a record of many bytes', substr($good, 0, 48) . pack('LL', 0xffffffff, 0), qr/impossible length/, 0 ],
	[ 'that ends before its end', substr($good, 0, 48) . pack('LL', 0, 7), qr/lacks records/, 0 ])
{
	my ($what, $content, $message, $keeps) = @$case;
	rewrite($content);
	like(start(), $message, "a dump $what: logged");
	my $entries = one('SELECT entries FROM agentcore.stat_cache');
	ok($keeps ? $entries > 0 && $entries <= 503 : $entries == 0, "a dump $what: $entries kept");
	is(one(q{SELECT count(*) FROM generate_series(1, 500) n WHERE agentcore.cache_get('t', to_jsonb(n)) <> to_jsonb(repeat('v', n))}), '0', "a dump $what: nothing wrong");
	is(one(q{SELECT agentcore.cache_verify()}), 't', "a dump $what: the cache is sound");
	$node->stop('immediate');
}

# switched off, nothing is kept, and an old file does not come back later
rewrite($good);
$node->append_conf('postgresql.conf', 'agentcore.cache_dump = off');
$node->start;
for (1 .. 1800) { last unless -e $file; select undef, undef, undef, 0.1; }
ok(!-e $file, 'switched off: the file goes');
is(right(), '0', 'switched off: nothing is read');
$node->stop;
ok(!-e $file, 'switched off: none is written');

# while the server runs
sub dumped_again
{
	my ($what) = @_;
	my $times = 0;
	my $last = -e $file ? (stat $file)[9] : 0;
	# a dump may have begun before what it is to hold
	for (1 .. 1800)
	{
		my $now = -e $file ? (stat $file)[9] : 0;
		$times++ if $now != 0 && $now != $last;
		$last = $now;
		last if $times == 2;
		select undef, undef, undef, 0.1;
	}
	is($times, 2, "$what: dumped again and again");
	return;
}
$node->append_conf('postgresql.conf', <<'CONF');
agentcore.cache_dump = on
agentcore.cache_dump_interval = 1s
agentcore.cache_sweep_interval = 50ms
CONF
$node->start;
fill();
dumped_again('in intervals');
$node->stop('immediate');
start();
is(right(), '500', 'in intervals: a crash leaves the last dump');
$node->append_conf('postgresql.conf', q{agentcore.debug_clock_offset = '-1h'});
$node->reload;
dumped_again('when the clock has stepped back');
# a worker that begins with it: one that is told to reload may be about to dump
$node->append_conf('postgresql.conf', 'agentcore.cache_dump_interval = 0');
$node->stop;
start();
one(q{SELECT agentcore.cache_invalidate('t', '1')});
select undef, undef, undef, 1.5;
one(q{SELECT agentcore.cache_invalidate('t', '1')});
select undef, undef, undef, 1.5;
ok(!-e $file, 'no interval: no dump until the server stops');
$node->stop;
ok(-e $file, 'no interval: then there is one');

done_testing();
