# Large values are copied outside the lock: readers and writers that are stopped in
# the middle of it (a build with TEST_POINTS=1).  A cache full of what is being read
# refuses and counts; nobody waits for a reader; nothing is mixed or lost.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Session qw(killed);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = 4MB
agentcore.cache_compress = off
agentcore.cache_sweep_interval = 20ms
max_connections = 60
restart_after_crash = on
lc_messages = 'C'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
sub counted { return one("SELECT $_[0] FROM agentcore.stat_cache"); }
sub sound { is(one('SELECT agentcore.cache_verify()'), 't', "$_[0]: the cache is sound"); return; }

# a session that runs one statement, and would stop at the point, while others go on
sub begin
{
	my ($name, $point, $sql) = @_;
	my %session = (stdout => '', stderr => '');
	local $ENV{PGAPPNAME} = $name;
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET agentcore.test_points = '$point'", '-c', $sql ],
		'<', \undef, '>', \$session{stdout}, '2>', \$session{stderr}, IPC::Run::timeout(600));
	return \%session;
}
sub end
{
	my ($session) = @_;
	$session->{run}->finish;
	chomp(my $out = $session->{stdout} . $session->{stderr});
	return $out;
}
sub stopped
{
	my ($name, $count) = @_;
	return $node->poll_query_until('postgres',
		"SELECT count(*) = $count FROM pg_stat_activity WHERE application_name = '$name' AND state = 'active' AND wait_event_type = 'Extension'");
}

# closed: whoever comes to the point stops there
my $gate;
sub close_point
{
	my ($point) = @_;
	my %session = (stdin => "SELECT pg_advisory_lock(11223, hashtext('$point'));\n\\echo closed\n", stdout => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$session{stdin}, '>', \$session{stdout}, IPC::Run::timeout(600));
	$session{run}->pump until $session{stdout} =~ /closed/;
	$gate = \%session;
	return;
}
sub open_point
{
	$gate->{stdin} .= "\\q\n";
	$gate->{run}->finish;
	return;
}

my $sized = q{to_jsonb(repeat(chr(64 + k), (max_value - 8)::int))};
one(qq{
CREATE EXTENSION agentcore;
CREATE FUNCTION value_of(k int) RETURNS jsonb LANGUAGE sql AS \$\$ SELECT $sized FROM agentcore.stat_cache \$\$;
CREATE FUNCTION put(k int, v int DEFAULT NULL) RETURNS boolean LANGUAGE sql AS
  \$\$ SELECT agentcore.cache_set('big', to_jsonb(k), value_of(coalesce(v, k)), '1 hour', scope => 's', publish => 'immediate') \$\$;
CREATE FUNCTION small(k int) RETURNS boolean LANGUAGE sql AS
  \$\$ SELECT agentcore.cache_set('small', to_jsonb(k), to_jsonb(repeat('-', 3000)), '1 hour', scope => 's', publish => 'immediate') \$\$;
-- which value it is, if it is whole
CREATE FUNCTION seen(k int) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
  v text := agentcore.cache_get('big', to_jsonb(k), 's') #>> '{}';
BEGIN
  RETURN CASE WHEN v IS NULL THEN 'none' WHEN v = repeat(left(v, 1), length(v)) THEN ascii(v) - 64 || '' ELSE 'MIXED' END;
END \$\$;
});
sub reader { return begin('reader', 'cache_copy_out', "SELECT seen($_[0])"); }
sub fill_big
{
	one('SELECT agentcore.cache_clear()');
	$node->poll_query_until('postgres', 'SELECT entries = 0 FROM agentcore.stat_cache') or die 'not cleared';
	is(one('SELECT bool_and(put(k)) FROM generate_series(1, 4) k'), 't', "$_[0]: four of the largest values fill the cache");
	return;
}
sub present { return one(q{SELECT string_agg(seen(k), ' ' ORDER BY k) FROM generate_series(1, 4) k}); }

# everything that is there is being read
fill_big('pinned');
is(present(), '1 2 3 4', 'pinned: and all are there');
close_point('cache_copy_out');
my @readers = map { reader($_) } 1 .. 4;
ok(stopped('reader', 4), 'pinned: each is being copied by a reader');
my $evictions = counted('evictions');
is(one('SELECT small(1)'), 'f', 'pinned: a set finds no room and is refused');
is(counted('refused_pinned'), 1, 'and counted');
is(one('BEGIN; SELECT agentcore.cache_set(\'small\', \'2\', to_jsonb(repeat(\'-\', 3000))); COMMIT; SELECT agentcore.cache_get(\'small\', \'2\') IS NULL'), "t\nt", 'pinned: a COMMIT does not fail for it');
is(counted('refused_pinned'), 2, 'and the set is counted');
is(one('SELECT put(5)'), 'f', 'pinned: a large set is refused');
is(counted('refused_pinned'), 3, 'and counted');
is(one(q{SELECT agentcore.cache_fill(lease, to_jsonb(repeat('-', 3000))) FROM agentcore.cache_fetch('small', '3')}), 't', 'pinned: a fill waits for COMMIT');
is(counted('refused_pinned'), 4, 'and is refused and counted there');
is(one(q{SELECT status FROM agentcore.cache_fetch('small', '3')}), 'lead', 'with its lease given back');
is(counted('evictions'), $evictions, 'pinned: nothing was evicted');
sound('pinned');
is(present(), '1 2 3 4', 'pinned: other readers do not wait');

# replaced, invalidated, and cleared while they are read
is(one('SELECT put(1, 21)'), 'f', 'pinned: what replaces one finds no room either');
is(one('SELECT seen(1)'), 'none', 'but the old value is gone');
is(one(q{SELECT agentcore.cache_invalidate('big', '2', 's'); SELECT seen(2)}), "t\nnone", 'an invalidated one is hidden at once');
is(one(q{SELECT agentcore.cache_clear(); SELECT seen(3)}), "\nnone", 'a clear hides all');
is(one('SELECT small(1)'), 'f', 'whose memory is not given to anybody yet');
sound('pinned and removed');
open_point();
is(join(' ', map { end($_) } @readers), '1 2 3 4', 'every reader has the value that it found, whole');
is(one('SELECT small(1)'), 't', 'then there is room again');
fill_big('unpinned');
sound('unpinned');

# a reader that is told to end does so when it has copied
close_point('cache_copy_out');
@readers = map { reader($_) } 1 .. 4;
ok(stopped('reader', 4), 'terminated: four are copying');
is(one(q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'reader'}), 4, 'terminated: all four');
is(one('SELECT small(1)'), 'f', 'terminated: they still read');
open_point();
like(end($_), qr/terminating connection/, 'terminated: afterwards it ends') for @readers;
is(one('SELECT small(1)'), 't', 'and leaves no pin behind');
fill_big('terminated');
sound('terminated');

# more readers than pins: the last copies under the lock
is(one(q{SELECT agentcore.cache_clear(); SELECT put(1)}), "\nt", 'many: one value');
close_point('cache_copy_out');
@readers = map { reader(1) } 1 .. 32;
ok(stopped('reader', 32), 'many: 32 readers');
is(end(reader(1)), '1', 'many: one more has no pin to stop at');
is(one('SELECT put(1, 2), put(3)'), 't|t', 'many: it is replaced meanwhile');
open_point();
is(join('', map { end($_) } @readers), '1' x 32, 'many: each has the old one, whole');
is(one('SELECT seen(1)'), '2', 'many: and now the new one is there');
sound('many');

# a writer that is stopped in the middle
sub writer { return begin('writer', 'cache_copy_in', "SELECT put($_[0], $_[1])"); }
close_point('cache_copy_in');
my $writer = writer(1, 7);
ok(stopped('writer', 1), 'writer: in the middle of a value');
is(one('SELECT seen(1)'), '2', 'writer: the old one is served until it has done');
sound('writer');
open_point();
is(end($writer), 't', 'writer: stored');
is(one('SELECT seen(1)'), '7', 'writer: whole');

close_point('cache_copy_in');
$writer = writer(1, 8);
ok(stopped('writer', 1), 'writer and invalidation: in the middle of a value');
is(one(q{SELECT agentcore.cache_invalidate('big', '1', 's')}), 't', 'the key is invalidated');
open_point();
is(end($writer), 'f', 'then the value is refused');
is(one('SELECT seen(1)'), 'none', 'and not there');
sound('writer and invalidation');

close_point('cache_copy_in');
$writer = writer(1, 9);
ok(stopped('writer', 1), 'two writers: one in the middle');
is(one('SELECT put(1, 10), seen(1)'), 't|10', 'the other is through before it');
open_point();
is(end($writer), 't', 'then the first');
is(one('SELECT seen(1)'), '9', 'whoever comes last stays');
sound('two writers');
fill_big('writers');

# SIGKILL in the middle: the whole cache goes
close_point('cache_copy_in');
$writer = writer(1, 9);
ok(stopped('writer', 1), 'SIGKILL: in the middle of a value');
my $pid = one(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'writer'});
is(killed($pid), 1, 'SIGKILL');
$gate->{run}->kill_kill;
$writer->{run}->finish;
ok($node->poll_query_until('postgres', q{SELECT entries = 0 FROM agentcore.stat_cache}), 'the server comes back with an empty cache');
sound('SIGKILL');
fill_big('SIGKILL');
is(present(), '1 2 3 4', 'SIGKILL: usable');

$node->stop;
done_testing();
