# Two transactions commit an invalidation of the same at once (a build with
# TEST_POINTS=1).  The one that was given the later stamp settles first, and is
# about to store what it computed before the other committed: the other must leave a
# stamp that is later than both.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
lc_messages = 'C'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

one(q{CREATE EXTENSION agentcore; CREATE TABLE doc (body text)});
for my $case (
	[ 'tag', q{SELECT agentcore.cache_invalidate_tag('docs')} ],
	[ 'tool', q{SELECT agentcore.cache_invalidate_tool('doc')} ],
	[ 'key', q{SELECT agentcore.cache_invalidate('doc', '1', 's')} ])
{
	my ($what, $invalidate) = @$case;
	one(q{TRUNCATE doc; INSERT INTO doc VALUES ('old'); SELECT agentcore.cache_clear()});
	my $stamped = closed($node, 'cache_commit_stamped');
	my $settled = closed($node, 'cache_commit_settled');

	# knows the old row, and will be the second to be given a stamp
	my $second = named($node, 'second', "SET agentcore.test_points = 'cache_commit_settled'; BEGIN; $invalidate;"
			. q{SELECT agentcore.cache_set('doc', '1', to_jsonb(body), '1 hour', scope => 's', tags => '{docs}') FROM doc;});
	my $first = named($node, 'first', "SET agentcore.test_points = 'cache_commit_stamped'; BEGIN; UPDATE doc SET body = 'new'; $invalidate;");
	asks($first, 'COMMIT;');
	ok(stopped($node, $first), "$what: the first has its stamp");
	is(one('SELECT body FROM doc'), 'new', "$what: and its row is seen");
	asks($second, 'COMMIT;');
	ok(stopped($node, $second), "$what: the second has settled before it");
	leave($stamped);
	says($first, 'SELECT 1;');
	leave($settled);
	says($second, 'SELECT 1;');
	is(one(q{SELECT agentcore.cache_get('doc', '1', 's') IS NULL}), 't', "$what: what the second knew is not stored");
	is(one(q{SELECT agentcore.cache_set('doc', '1', '"fresh"', '1 hour', scope => 's', tags => '{docs}'); SELECT agentcore.cache_get('doc', '1', 's')}),
		qq{t\n"fresh"}, "$what: no fence is left");
	leave($_) for $first, $second;
}
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

$node->stop;
done_testing();
