# Two transactions commit an invalidation of the same at once (a build with
# TEST_POINTS=1).  The one that was given the later stamp settles first, and is
# about to store what it computed before the other committed: the other must leave a
# stamp that is later than both.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
lc_messages = 'C'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

# a session that goes on when it is told to
sub session
{
	my ($name, $sql) = @_;
	my %session = (name => $name, stdin => '', stdout => '', stderr => '');
	local $ENV{PGAPPNAME} = $name;
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
		'<', \$session{stdin}, '>', \$session{stdout}, '2>', \$session{stderr}, IPC::Run::timeout(600));
	say_to(\%session, $sql);
	return \%session;
}
sub send_to { my ($session, $sql) = @_; $session->{stdin} .= "$sql\n"; $session->{run}->pump_nb; return; }
sub say_to
{
	my ($session, $sql) = @_;
	$session->{stdout} = '';
	send_to($session, "$sql\n\\echo done");
	$session->{run}->pump until $session->{stdout} =~ /done/;
	return;
}
sub leave { my ($session) = @_; send_to($session, '\q'); $session->{run}->finish; return; }
sub stopped
{
	my ($session) = @_;
	return $node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$session->{name}' AND state = 'active' AND wait_event_type = 'Extension'");
}
sub closed { my ($point) = @_; return session("gate $point", "SELECT pg_advisory_lock(11223, hashtext('$point'));"); }

one(q{CREATE EXTENSION agentcore; CREATE TABLE doc (body text)});
for my $case (
	[ 'tag', q{SELECT agentcore.cache_invalidate_tag('docs')} ],
	[ 'tool', q{SELECT agentcore.cache_invalidate_tool('doc')} ],
	[ 'key', q{SELECT agentcore.cache_invalidate('doc', '1', 's')} ])
{
	my ($what, $invalidate) = @$case;
	one(q{TRUNCATE doc; INSERT INTO doc VALUES ('old'); SELECT agentcore.cache_clear()});
	my $stamped = closed('cache_commit_stamped');
	my $settled = closed('cache_commit_settled');

	# knows the old row, and will be the second to be given a stamp
	my $second = session('second', "SET agentcore.test_points = 'cache_commit_settled'; BEGIN; $invalidate;"
			. q{SELECT agentcore.cache_set('doc', '1', to_jsonb(body), '1 hour', scope => 's', tags => '{docs}') FROM doc;});
	my $first = session('first', "SET agentcore.test_points = 'cache_commit_stamped'; BEGIN; UPDATE doc SET body = 'new'; $invalidate;");
	send_to($first, 'COMMIT;');
	ok(stopped($first), "$what: the first has its stamp");
	is(one('SELECT body FROM doc'), 'new', "$what: and its row is seen");
	send_to($second, 'COMMIT;');
	ok(stopped($second), "$what: the second has settled before it");
	leave($stamped);
	say_to($first, 'SELECT 1;');
	leave($settled);
	say_to($second, 'SELECT 1;');
	is(one(q{SELECT agentcore.cache_get('doc', '1', 's') IS NULL}), 't', "$what: what the second knew is not stored");
	is(one(q{SELECT agentcore.cache_set('doc', '1', '"fresh"', '1 hour', scope => 's', tags => '{docs}'); SELECT agentcore.cache_get('doc', '1', 's')}),
		qq{t\n"fresh"}, "$what: no fence is left");
	leave($_) for $first, $second;
}
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

$node->stop;
done_testing();
