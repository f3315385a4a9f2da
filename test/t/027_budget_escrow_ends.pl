# Budgets in shared memory and transactions that end elsewhere or oddly: prepared ones over a
# restart, commits whose wait for a standby is cancelled, extensions and databases that are made
# anew under the same names.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Escrow;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', escrow_conf('restart_after_crash = on'));
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
sub status { return one(q{SELECT concat_ws(',', held_tokens, used_tokens, left_tokens) FROM agentcore.budget_status WHERE budget = 'a'}); }
sub release_all { one(q{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o'}); return; }

# nothing that two sessions get is more than there is: all, and one more
sub exactly
{
	my ($name, $left, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(denied($node, 'a', $left + 1, $db), 'budget_exceeded', "$name: one too many is refused");
	is(denied($node, 'a', $left, $db), 'granted', "$name: all that is left is granted");
	$node->safe_psql($db // 'postgres', qq{SELECT agentcore.budget_release(id) FROM agentcore.permit WHERE state = 'o' AND held_tokens = $left});
	return;
}

my $define = q{
SELECT agentcore.budget_set('root', max_tokens => 3000, kind => 'sliding', period => '1 day');
SELECT agentcore.budget_set('a', max_tokens => 1000, parent => 'root');
};
one("CREATE EXTENSION agentcore; $define");

# ----- prepared ------------------------------------------------------------------
for my $how ('restart', 'crash', 'at once')
{
	for my $end ('COMMIT', 'ROLLBACK')
	{
		my $name = "prepared, $how, $end";
		my $permit = one(q{SELECT agentcore.budget_acquire('a', 100)});
		# a settlement and an acquire in one, beside somebody who stays in flight
		my $other = session($node);
		$other->query_safe(q{BEGIN; SELECT agentcore.budget_acquire('a', 1)});
		one("BEGIN; SELECT agentcore.budget_commit('$permit', 10), agentcore.budget_acquire('a', 20, key => 'prepared'); PREPARE TRANSACTION 'p'");
		is(stat_of($node, 'entries, in_flight'), '0|0', "$name: the entries are gone");
		$other->query_safe('COMMIT');
		$other->quit;
		if ($how eq 'restart') { $node->restart }
		elsif ($how eq 'crash') { $node->stop('immediate'); $node->start }
		is(denied($node, 'a', 1), 'contention', "$name: somebody in between gets nothing");
		is(one(q{SET agentcore.budget_lock_wait = '50ms'; SELECT denied_by, reason FROM agentcore.budget_try_acquire('a', 2000)}), 'a|budget_exceeded', "$name: but a denial where it is certain");
		my $waiter = session($node);
		asks($waiter, q{SET agentcore.budget_lock_wait = 0; SELECT agentcore.budget_acquire('a', 2)});
		waits_for($node, 'SELECT agentcore.budget_acquire') or die 'nobody waits';
		one("$end PREPARED 'p'");
		like(answer($waiter), qr/^[0-9a-f-]{36}$/, "$name: who waits gets it then");
		$waiter->quit;
		is(status(), $end eq 'COMMIT' ? '23,10,967' : '103,0,897', "$name: as it was ended");
		sound($node, $name);
		exactly($name, $end eq 'COMMIT' ? 967 : 897);
		compared($node, $name, 'a');
		release_all();
		is(status() =~ s/,.*//r, 0, "$name: nothing is held");
		one(q{SELECT agentcore.budget_reset_window('a')});
	}
}
my $prepared = stat_of($node, 'dropped_prepared');
cmp_ok($prepared, '>=', 2, 'and stat_budget counts that they were dropped');

# ----- a wait for a standby that is cancelled ---------------------------------------
for my $how ('cancelled', 'terminated', 'killed')
{
	for my $sql ("budget_acquire('a', 300)", "budget_commit('PERMIT', 60)")
	{
		my $name = "$how while it waits for a standby in " . ($sql =~ /(\w+)/)[0];
		my $permit = one(q{SELECT agentcore.budget_acquire('a', 100)});
		waits_for_standby($node, 'missing');
		my $writer = session($node);
		my $pid = $writer->query_safe('SELECT pg_backend_pid()');
		asks($writer, "SELECT agentcore.$sql" =~ s/PERMIT/$permit/r);
		$node->poll_query_until('postgres', "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $pid") or die 'it does not wait';
		is(status(), '100,0,900', "$name: nobody sees it yet");
		is(stat_of($node, 'in_flight'), 2, "$name: it is in flight");
		my $others = session($node);
		$others->query_safe(q{SET synchronous_commit = local; SET agentcore.budget_lock_wait = '50ms'});
		is($others->query_safe(q{SELECT reason FROM agentcore.budget_try_acquire('a', 901)}), 'budget_exceeded', "$name: too much for anybody is refused");
		is($others->query_safe(q{SELECT coalesce(reason, 'granted') FROM agentcore.budget_try_acquire('a', 900)}),
			$sql =~ /acquire/ ? 'contention' : 'granted', "$name: what it may have taken is granted to nobody");
		is($others->query_safe(q{SELECT granted FROM agentcore.budget_try_acquire('a', 5)}), $sql =~ /acquire/ ? 't' : 'f', "$name: others take what is certain");
		$others->quit;
		if ($how eq 'cancelled') { one("SELECT pg_cancel_backend($pid)"); like(answer($writer), qr/canceling wait for synchronous replication/, "$name: it is told"); $writer->quit; }
		elsif ($how eq 'terminated') { one("SELECT pg_terminate_backend($pid, 600000)"); $writer->{run}->kill_kill; }
		else
		{
			killed($pid);
			$node->poll_query_until('postgres', 'SELECT entries = 0 FROM agentcore.stat_budget') or die 'no recovery';
			$writer->{run}->kill_kill;
		}
		one(q{ALTER SYSTEM SET synchronous_standby_names = ''});
		$node->reload;
		my ($held, $used, $left) = split /,/, status();
		is("$held,$used", $sql =~ /acquire/ ? '405,0' : '900,60', "$name: it is done here");
		sound($node, $name);
		exactly($name, $left);
		compared($node, $name, 'a') if $left > 0;
		release_all();
		one(q{SELECT agentcore.budget_reset_window('a')});
	}
}

# ----- made anew under the same names -------------------------------------------------
# the extension
one(q{SELECT agentcore.budget_acquire('a', 990)});
is(stat_of($node, 'entries'), 2, 'there are entries');
one("DROP EXTENSION agentcore CASCADE; CREATE EXTENSION agentcore; $define");
exactly('another extension', 1000);
sound($node, 'another extension');
compared($node, 'another extension', 'a');

# one that is made anew, used and taken back
one(q{SELECT agentcore.budget_acquire('a', 400)});
one("BEGIN; DROP EXTENSION agentcore CASCADE; CREATE EXTENSION agentcore; $define SELECT agentcore.budget_acquire('a', 900); ROLLBACK");
exactly('an extension that was taken back', 600);
sound($node, 'an extension that was taken back');
compared($node, 'an extension that was taken back', 'a');

# copies of a database that is in use: the same id of the installation, the same names
one('CREATE DATABASE template_of_budgets');
$node->safe_psql('template_of_budgets', "CREATE EXTENSION agentcore; $define");
$node->safe_psql('template_of_budgets', q{SELECT agentcore.budget_acquire('a', 400)});
for my $copy ('one', 'two')
{
	one("CREATE DATABASE $copy TEMPLATE template_of_budgets");
	exactly("copy $copy", 600, $copy);
	$node->safe_psql($copy, q{SELECT agentcore.budget_acquire('a', 500)});
	exactly("copy $copy in use", 100, $copy);
	sound($node, "copy $copy", $copy);
	compared($node, "copy $copy", 'a', $copy);
}
exactly('the template', 600, 'template_of_budgets');
sound($node, 'the template', 'template_of_budgets');

# a database that is made anew under the same name, and one under the same number
one('DROP DATABASE one');
one('CREATE DATABASE one TEMPLATE template_of_budgets');
exactly('a copy made anew', 600, 'one');
one('CREATE DATABASE three TEMPLATE template_of_budgets OID = 200001');
for my $tokens (550, -400)
{
	# what the old one had used more, or less
	$node->safe_psql('three', $tokens > 0 ? "SELECT agentcore.budget_acquire('a', $tokens)" : q{SELECT agentcore.budget_release(id) FROM agentcore.permit});
	one('DROP DATABASE three');
	one('CREATE DATABASE three TEMPLATE template_of_budgets OID = 200001');
	exactly("a copy of the same number ($tokens)", 600, 'three');
	sound($node, "a copy of the same number ($tokens)", 'three');
}

$node->stop;
done_testing();
