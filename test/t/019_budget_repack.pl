# pg_repack rewrites the tables of permits and counters while calls go on: it follows the
# changes by a trigger, so a row that was written past triggers would be lost.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

chomp(my $bindir = `pg_config --bindir`);
my $repack = (grep { -x } "$bindir/pg_repack", map { "$_/pg_repack" } split /:/, $ENV{PATH})[0];
if (!defined $repack)
{
	diag("\n*** PG_REPACK IS NOT INSTALLED: that nothing is lost under it was not tested (tools/setup check installs it)\n");
	plan skip_all => 'skipped: pg_repack is not installed';
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nlc_messages = 'C'\nagentcore.budget_guard = off\nagentcore.budget_lock_wait = 0\n");
$node->start;

sub one { return $node->safe_psql('postgres', $_[0]); }

one(q{
CREATE EXTENSION agentcore;
CREATE EXTENSION pg_repack;
SELECT agentcore.budget_set('root'), agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.budget_set('b' || n, parent => 'root'), agentcore.agent_set('a' || n, 'p', 'b' || n) FROM generate_series(1, 3) n;
SELECT agentcore.tool_set('t', '{"type": "object"}', est_tokens => 100);
CREATE TABLE made (id uuid PRIMARY KEY, key text);
CREATE SEQUENCE numbers;
CREATE SEQUENCE repacked;
-- what a session of workers does: calls that are charged, given back, left open, undone
CREATE PROCEDURE work() LANGUAGE plpgsql AS $$
DECLARE
  call uuid;
  n bigint;
BEGIN
  WHILE NOT (SELECT is_called FROM public.repacked) LOOP
    FOR i IN 1 .. 20 LOOP
      n := nextval('public.numbers');
      SELECT c.call_id INTO STRICT call FROM agentcore.call_begin('a' || 1 + n % 3, 't', jsonb_build_object('n', n), key => 'k' || n, lease => '1 hour') c;
      INSERT INTO public.made VALUES (call, 'k' || n);
      COMMIT;
      IF n % 5 = 0 THEN
        PERFORM agentcore.call_fail(call, status => 400, error => 'no');
      ELSIF n % 5 < 4 THEN
        PERFORM agentcore.call_commit(call, '{}', tokens => 7);
      END IF;
      IF n % 7 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
  END LOOP;
END
$$;
});

my @workers = map {
	my %session = (out => '', err => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', 'CALL work()' ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err}, IPC::Run::timeout(600));
	\%session;
} 1 .. 3;
sub goes_on
{
	my ($count, $what) = @_;
	for (1 .. 6000)
	{
		if (one("SELECT count(*) > $count FROM made") eq 't') { pass($what); return; }
		foreach my $worker (@workers) { $worker->{run}->pump_nb; }
		last if grep { $_->{err} ne '' } @workers;
		usleep(50_000);
	}
	fail($what);
	diag($_->{err}) foreach @workers;
	$_->{run}->kill_kill foreach @workers;
	die 'no calls are made';
}
goes_on(100, 'calls are made');

foreach my $round (1 .. 3)
{
	foreach my $table ('permit', 'budget_counter')
	{
		my $before = one('SELECT count(*) FROM made');
		my $filenode = one("SELECT pg_relation_filenode('agentcore.$table')");
		my ($out, $err) = ('', '');
		my $ok = IPC::Run::run([ $repack, '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-t', "agentcore.$table", '--no-analyze', '--wait-timeout=600' ],
			'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(600));
		ok($ok, "round $round: $table is rewritten") or diag($out . $err);
		isnt(one("SELECT pg_relation_filenode('agentcore.$table')"), $filenode, "round $round: $table is another file");
		goes_on($before, "round $round: calls go on");
	}
}
one(q{SELECT nextval('repacked')});
foreach my $worker (@workers)
{
	ok($worker->{run}->finish, 'a worker met no error') or diag($worker->{err});
}

is(one('SELECT count(*) FROM made m WHERE NOT EXISTS (SELECT FROM agentcore.permit p WHERE p.id = m.id AND p.key = m.key)'), '0', 'no permit and no key is lost');
is(one('SELECT count(*) FROM agentcore.permit p WHERE NOT EXISTS (SELECT FROM made m WHERE m.id = p.id)'), '0', 'none came back');
is(one(q{SELECT string_agg(message, '; ') FROM agentcore.budget_verify() AS v(message)}), '', 'no charge is lost: every invariant holds');
is(one(q{SELECT count(*) FROM agentcore.permit p WHERE p.state = 'c' AND p.charged_tokens <> 7}), '0', 'every charge is what was said');
is(one(q{SELECT count(*) > 0 FROM agentcore.permit WHERE state = 'o'}), 't', 'and calls that were left open are open');
is(one(q{SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid IN ('agentcore.permit'::regclass, 'agentcore.budget_counter'::regclass)}),
	'budget_counter_by_hand budget_counter_truncated_by_hand', 'no trigger is left behind, and its own are there');

$node->stop;
done_testing();
