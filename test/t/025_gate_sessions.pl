# What becomes of a gate call when its session ends: leases of the cache that the
# session gives back, calls that their holder has back from another session, and the
# notifications of requests for approval, which other sessions hear at COMMIT.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nmax_prepared_transactions = 5\nagentcore.budget_guard = off\nlc_messages = 'C'\n");
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
one(q{CREATE EXTENSION agentcore;
      SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', 'p');
      SELECT agentcore.tool_set('slow', '{"type": "object"}', cache_ttl => '1 h', cache_scope => 'tenant', lease => '1 h', idempotent => true);
      SELECT agentcore.tool_set('mail', '{"type": "object"}', needs_approval => true)});

# ----- a leader goes -----

my $n = 0;
# Takes a lease in a session of its own and ends that; says what the next one is told.
sub after
{
	my ($how, $setting, $begin, $next) = @_;
	my $session = $node->background_psql('postgres');
	$n++;
	s/ARGS/{"n": $n}/ for $begin, $next;
	$session->query_safe("SET agentcore.release_on_disconnect = $setting");
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe($_) for split / ;; /, $begin;
	if ($how eq 'terminate')
	{
		one("SELECT pg_terminate_backend($pid, 600000)");
		$session->{run}->finish;
	}
	else
	{
		$session->quit;
	}
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die "session $pid stays";
	return one($next);
}
my $call = q{SELECT verdict FROM agentcore.call_begin('a', 'slow', 'ARGS')};
my $keyed = q{SELECT verdict FROM agentcore.call_begin('a', 'slow', 'ARGS', key => 'k ARGS')};
my $held = q{SELECT verdict FROM agentcore.call_begin('a', 'slow', 'ARGS', holder => 'run 1')};
my $fetch = q{SELECT status FROM agentcore.cache_fetch('raw', 'ARGS', 'shared', lease => '1 h')};

is(after('terminate', 'off', $call, $call), 'wait', 'by default a lease outlives its session');
is(after('terminate', 'on', $call, $call), 'run', 'terminated: its lease is given back at once');
is(after('quit', 'on', $call, $call), 'run', 'as when it leaves by itself');
is(after('terminate', 'on', "BEGIN ;; $call", $call), 'run', 'and within a transaction');
is(after('terminate', 'on', "BEGIN ;; $call ;; COMMIT ;; BEGIN ;; SELECT 1", $call), 'run', 'or in another one');
is(after('terminate', 'on', $keyed, $call), 'wait', 'a keyed call may be asked for by another session');
is(after('terminate', 'on', $held, $call), 'wait', 'so may one with a holder');
is(after('terminate', 'on', "$call ;; SET agentcore.release_on_disconnect = off", $call), 'wait', 'a session that no longer says so keeps it');
is(after('terminate', 'on', "$call ;; RESET ALL", $call), 'wait', 'nor does one that a pooler has reset');
is(after('terminate', 'on', $fetch, $fetch), 'lead', 'cache_fetch: the lease is given back');
is(after('terminate', 'off', $fetch, $fetch), 'busy', 'and is not by default');
is(after('terminate', 'on', "DO \$\$ BEGIN PERFORM agentcore.call_commit((agentcore.call_begin('a', 'slow', 'ARGS')).call_id, '1'); END \$\$", $call), 'cached', 'what was settled stays');
is(after('terminate', 'on', "$call ;; DO \$\$ BEGIN FOR i IN 1..3000 LOOP PERFORM agentcore.cache_abandon(lease) FROM agentcore.cache_fetch('many', to_jsonb(i)); END LOOP; END \$\$", $call), 'run', 'however many leases have ended since');
# the lease belongs to another by then: the session that took it first gives nothing back
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('SET agentcore.release_on_disconnect = on');
	my $lease = $session->query_safe(q{SELECT lease FROM agentcore.cache_fetch('raw', '"handed on"', 'shared', lease => '1 h')});
	$session->query_safe("SELECT agentcore.cache_abandon('$lease')");
	is(one(q{SELECT status FROM agentcore.cache_fetch('raw', '"handed on"', 'shared', lease => '1 h')}), 'lead', 'another leads');
	$session->quit;
	is(one(q{SELECT status FROM agentcore.cache_fetch('raw', '"handed on"', 'shared', lease => '1 h')}), 'busy', 'and goes on leading');
}
# a waiter is woken, not left to its timeout
{
	my $leader = $node->background_psql('postgres');
	$leader->query_safe('SET agentcore.release_on_disconnect = on');
	my $pid = $leader->query_safe('SELECT pg_backend_pid()');
	$leader->query_safe(q{SELECT lease FROM agentcore.cache_fetch('raw', '"wait"', 'shared', lease => '1 h')});
	my $waiter = session($node);
	asks($waiter, q{SELECT status FROM agentcore.cache_fetch('raw', '"wait"', 'shared', wait => '9 min', lease => '1 h')});
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND query LIKE '%cache_fetch%' AND pid <> pg_backend_pid()}), 'one waits');
	one("SELECT pg_terminate_backend($pid, 600000)");
	$leader->{run}->finish;
	is(answer($waiter), 'lead', 'it leads as soon as the leader has gone');
	$waiter->quit;
}
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

# ----- a reply is lost -----

{
	my $ask = q{SELECT verdict, call_id, detail FROM agentcore.call_begin('a', 'slow', '{"reply": 1}', key => 'reply', holder => 'host 1, run 7')};
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my ($verdict, $id) = split /\|/, $session->query_safe($ask);
	one("SELECT pg_terminate_backend($pid, 600000)");
	$session->{run}->finish;
	is($verdict, 'run', 'a call begins, and its session is lost');
	is(one($ask), "run|$id|yours", 'its holder has it back from another session');
	is(one("SELECT agentcore.call_commit('$id', '1')"), 'committed', 'and settles it');
}

# ----- approvals are told -----

sub heard
{
	my ($session) = @_;
	my $out = $session->query('SELECT 1');
	return [ $out =~ /"agentcore_approval" with payload "(.*)" received/g ];
}
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN agentcore_approval');
my $ask = q{SELECT approval FROM agentcore.call_begin('a', 'mail', '{"to": "all", "secret": "4711"}')};
one($ask);
is_deeply(heard($listener), [], 'nobody is told by default');
one('DELETE FROM agentcore.approval');
one(q{ALTER DATABASE postgres SET agentcore.approval_notify = on});
my $id = one($ask);
is_deeply(heard($listener), [qq({"tenant": "", "approval": "$id", "state": "pending"})], 'a request is told, without its arguments');
one($ask) for 1 .. 3;
is_deeply(heard($listener), [], 'once, however often it is asked for');
one("BEGIN; SELECT agentcore.call_approve('$id'); ROLLBACK");
one(qq{BEGIN; SELECT approval FROM agentcore.call_begin('a', 'mail', '{"to": "undone"}'); ROLLBACK});
is_deeply(heard($listener), [], 'what is rolled back is not');
one("SELECT agentcore.call_approve('$id')");
one("SELECT agentcore.call_withdraw('$id')");
is_deeply(heard($listener), [ map { qq({"tenant": "", "approval": "$id", "state": "$_"}) } qw(approved withdrawn) ], 'every decision is');
$id = one($ask);
one("SELECT agentcore.call_approve('$id', false)");
is_deeply(heard($listener), [ map { qq({"tenant": "", "approval": "$id", "state": "$_"}) } qw(pending refused) ], 'a refusal too');
one(q{SELECT agentcore.policy_set('p', tenant => 'a "quoted" tenant'), agentcore.policy_allow_tool('p', '*', tenant => 'a "quoted" tenant'), agentcore.agent_set('a', 'p', tenant => 'a "quoted" tenant'),
             agentcore.tool_set('mail', '{"type": "object"}', needs_approval => true, tenant => 'a "quoted" tenant')});
one(q{SELECT approval FROM agentcore.call_begin('a', 'mail', tenant => 'a "quoted" tenant')});
is(one("SELECT (\$\$" . heard($listener)->[0] . "\$\$::jsonb) ->> 'tenant'"), 'a "quoted" tenant', 'the payload is JSON whatever the tenant is called');
my ($status, $out, $err) = $node->psql('postgres', qq{BEGIN; SELECT approval FROM agentcore.call_begin('a', 'mail', '{"to": "prepared"}'); PREPARE TRANSACTION 'x'});
like($err, qr/cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY/, 'a transaction that tells cannot be prepared');
$listener->quit;
$node->stop;
done_testing();
