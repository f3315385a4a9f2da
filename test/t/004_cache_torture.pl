# 32 clients read, set, lease, invalidate and roll back, while one backend after
# the other is killed, at last with SIGKILL: no value is ever wrong, nothing is off,
# no fence is left behind, and after SIGKILL the cache is empty and works.
# test/bench/cache_torture does the same for longer.
use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Session;

use constant { CLIENTS => 32, SECONDS => 6 };

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = 16MB
max_connections = 60
restart_after_crash = on
log_min_messages = warning
lc_messages = 'C'
CONF
$node->start;
$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/cache_torture.sql'));

my $script = PostgreSQL::Test::Utils::tempdir . '/step.sql';
append_to_file($script, <<'SCRIPT');
\set k random_zipfian(1, 5000, 1.1)
\set s random(1, 40000)
\set r random(1, 998)
SELECT step(:k, :s, :r);
SCRIPT

sub one { return $node->safe_psql('postgres', $_[0]); }

# each client comes back when it is killed, until all are told to go
my $over = PostgreSQL::Test::Utils::tempdir . '/over';
sub clients
{
	my ($count) = @_;
	my $loop = 'until [ -e "$1" ]; do pgbench -n -T 2 -f "$0" >/dev/null 2>&1; done';
	local $ENV{PGAPPNAME} = 'torture';
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	return map { IPC::Run::start([ 'sh', '-c', $loop, $script, $over ]) } 1 .. $count;
}
sub stop_clients
{
	append_to_file($over, '');
	$_->finish for @_;
	unlink $over;
	return;
}
my $work = 'SELECT hits > 100 AND sets > 100 AND fills > 10 AND invalidations > 100 AND leases > 10 FROM agentcore.stat_cache';

# for as long, and on a busy machine for longer
my @clients = clients(CLIENTS);
my $until = time + SECONDS;
my $latest = time + 300;
my ($killed, $verified, $raw, $enough) = (0, 0, 0, 0);
while (time < $until || (!$enough && time < $latest))
{
	$killed += one(q{SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'torture' ORDER BY random() LIMIT 1) a});
	$verified += one('SELECT agentcore.cache_verify()') eq 't';
	# in the second half all large values stay large and are copied outside the lock
	if (!$raw && time > $until - SECONDS / 2)
	{
		$raw = 1;
		$node->append_conf('postgresql.conf', 'agentcore.cache_compress = off');
		$node->reload;
	}
	$enough = $killed > 5 && $verified > 5 && one($work) eq 't';
	sleep 0.1;
}
stop_clients(@clients);

cmp_ok($killed, '>', 5, 'backends were killed with SIGTERM');
cmp_ok($verified, '>', 5, 'and every time the cache was sound');
is(one('SELECT agentcore.cache_verify()'), 't', 'it is sound at the end');
is(one($work), 't', 'the clients had work to do');
is(one('SELECT fenced()'), '0', 'no fence is left behind');
my @errors = grep { !/FATAL|terminating connection/ } grep { /(?:ERROR|PANIC|TRAP):/ } split /\n/, slurp_file($node->logfile);
is("@errors[0 .. ($#errors > 4 ? 4 : $#errors)]", '', 'no client saw a wrong value or an error');

# SIGKILL: the postmaster starts shared memory anew
one(q{SELECT agentcore.cache_set('before', '1', '1', ttl => '1 day')});
is(one(q{SELECT agentcore.cache_get('before', '1')}), '1', 'an entry is there before SIGKILL');
@clients = clients(8);
$node->poll_query_until('postgres', q{SELECT count(*) > 3 FROM pg_stat_activity WHERE application_name = 'torture'}) or die 'no clients';
# each leaves by itself after a while: until one did not
for (1 .. 6000)
{
	my ($ret, $pid) = $node->psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'torture' AND state = 'active' LIMIT 1});
	killed($pid) if $pid;
	last if slurp_file($node->logfile) =~ /terminated by signal 9/;
	sleep 0.05;
}
# pgbench comes back by itself and would fill the cache again: what counts is the entry from before
ok($node->poll_query_until('postgres', 'SELECT pg_postmaster_start_time() IS NOT NULL', 't'), 'the server comes back');
stop_clients(@clients);
like(slurp_file($node->logfile), qr/terminated by signal 9/, 'after a crash of its own');
is(one(q{SELECT agentcore.cache_get('before', '1') IS NULL}), 't', 'what was cached is gone');
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');
is(one('SELECT fenced()'), '0', 'and every key works');

# the same without anybody coming back: not an entry is left
my ($stdin, $stdout) = ("SELECT pg_backend_pid();\n", '');
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$stdin, '>', \$stdout, '2>', \my $stderr,
	IPC::Run::timeout(600));
$session->pump until $stdout =~ /(\d+)\n/;
killed($1);
$session->kill_kill;
$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'the server did not come back';
is(one('SELECT entries, bytes, agentcore.cache_verify() FROM agentcore.stat_cache'), '0|0|t', 'with no client about the cache is empty after SIGKILL');
is(one(q{SELECT agentcore.cache_set('t', '1', '"again"'); SELECT agentcore.cache_get('t', '1')}), "t\n\"again\"", 'and usable');

$node->stop;
done_testing();
