# Sessions of a TAP test that go on side by side: each is asked without a wait and answers later,
# and stops where a point is closed (a build with TEST_POINTS=1).
package Session;
use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use Time::HiRes qw(usleep);

our @EXPORT = qw(session named asks answer says leave closed stopped killed waits_for_standby);

sub session
{
	my ($node, $db) = @_;
	return $node->background_psql($db // 'postgres', on_error_stop => 0, timeout => 600);
}

# one that stopped() finds by its application_name, and what it begins with
sub named
{
	my ($node, $name, $sql) = @_;
	local $ENV{PGAPPNAME} = $name;
	my $session = session($node);
	$session->{named} = $name;
	says($session, $sql);
	return $session;
}

# asks without waiting for the answer, which the next answer() has; a fast answer comes
# with the word that is waited for, and query_until() would lose it
sub asks
{
	my ($session, $sql) = @_;
	my $out = $session->query_until(qr/asked\n/, "\\echo asked\n$sql;\n");
	$session->{early} .= $out =~ s/asked\n//r;
	return;
}

# rows, then messages
sub answer
{
	my ($session) = @_;
	my ($out) = $session->query('SELECT 1 WHERE false');
	$out = delete($session->{early}) . $out if defined $session->{early};
	$out =~ s/\n$//;
	my $err = $session->{stderr};
	$session->{stderr} = '';
	return join "\n", grep { $_ ne '' } $out, $err;
}

sub says { my ($session, $sql) = @_; asks($session, $sql); return answer($session); }

sub leave { $_->quit for @_; return; }

# a session that keeps the point closed until it leaves: whoever comes to it stops there
sub closed
{
	my ($node, $point) = @_;
	return named($node, "gate $point", "SELECT pg_advisory_lock(11223, hashtext('$point'))");
}

# until it waits for that type of lock, or stands at a point where nothing may be raised (Extension)
sub stopped
{
	my ($node, $session, $type) = @_;
	$type //= 'Extension';
	return $node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM pg_stat_activity
 WHERE application_name = '$session->{named}' AND state = 'active' AND '$type' IN (wait_event, wait_event_type)});
}

# SIGKILL, and the postmaster has heard of it: until it has, it lets others in, whom it is about to end
sub killed
{
	my ($pid) = @_;
	my $sent = kill 'KILL', $pid;
	for (1 .. 60000) { last unless kill 0, $pid; usleep(10_000); }
	return $sent;
}

# A COMMIT waits for the standby that is named as soon as the checkpointer has read the name, which is
# some time after a reload: until one of a session of its own does.
sub waits_for_standby
{
	my ($node, $name) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '$name'");
	$node->reload;
	my $writer = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c',
			q{DO $$ BEGIN LOOP PERFORM pg_logical_emit_message(true, 'is anybody', 'there'); COMMIT; END LOOP; END $$} ],
		'<', \undef, '>', \my $out, '2>', \my $err);
	my $waiting = q{FROM pg_stat_activity WHERE query LIKE '%pg_logical_emit_message%' AND wait_event = 'SyncRep'};
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $waiting") or die 'nothing waits for a standby';
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid, 600000) $waiting");
	$writer->finish;
	return;
}

1;
