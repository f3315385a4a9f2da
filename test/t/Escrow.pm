# What the tests of budgets in shared memory (NNN_budget_escrow*.pl) share: a server
# where every budget has an entry at once, and what must hold at the end; and Session.
package Escrow;
use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use Test::More;

use Session;

our @EXPORT = (@Session::EXPORT, qw(escrow_conf stat_of waits_for denied sound compared));

sub escrow_conf
{
	return <<'CONF' . join '', map { "$_\n" } @_;
shared_preload_libraries = 'agentcore'
agentcore.debug_budget_entries = on
agentcore.budget_guard = off
agentcore.budget_lock_wait = 0
max_prepared_transactions = 5
max_connections = 40
autovacuum = off
lc_messages = 'C'
timezone = 'UTC'
CONF
}

sub stat_of
{
	my ($node, $columns, $db) = @_;
	return $node->safe_psql($db // 'postgres', "SELECT $columns FROM agentcore.stat_budget");
}

sub waits_for
{
	my ($node, $what, $db) = @_;
	return $node->poll_query_until($db // 'postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '$what%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()");
}

# granted, or why not; with little patience
sub denied
{
	my ($node, $budget, $tokens, $db) = @_;
	return $node->safe_psql($db // 'postgres',
		"SET agentcore.budget_lock_wait = '50ms'; SELECT coalesce(reason, 'granted') FROM agentcore.budget_try_acquire('$budget', $tokens)");
}

# nothing is in flight, nothing had to be repaired, and the books are in order
sub sound
{
	my ($node, $name, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(stat_of($node, 'in_flight, repaired', $db), '0|0', "$name: nothing is in flight or repaired");
	is($node->safe_psql($db // 'postgres', 'SELECT * FROM agentcore.budget_verify()'), '', "$name: every invariant holds");
	return;
}

# The entry is the sum of its rows: one takes all that is left, and one who asks for more has the budget
# alone after that was taken back, which compares them.  No parent may have less left.
sub compared
{
	my ($node, $name, $budget, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($all, $one) = map { session($node, $db) } 1 .. 2;
	my $left = $all->query_safe("SELECT left_tokens FROM agentcore.budget_status WHERE budget = '$budget'");
	$all->query_safe("BEGIN; SELECT agentcore.budget_acquire('$budget', $left)");
	my $exact = stat_of($node, 'exact', $db);
	asks($one, "SET agentcore.budget_lock_wait = 0; SELECT agentcore.budget_release(agentcore.budget_acquire('$budget', 1))");
	waits_for($node, 'SELECT agentcore.budget_release', $db) or die 'nobody waits';
	$all->query_safe('ROLLBACK');
	is(answer($one), 'released', "$name: all that is left of $budget by its rows is left by its entry");
	is(stat_of($node, 'exact', $db), $exact + 1, "$name: they were compared");
	$_->quit for $all, $one;
	return;
}

1;
