# Tags have a few ways, each of one tenant, in the middle of commits (a build with
# TEST_POINTS=1): a fenced way is not taken away; where all are fenced a further
# tenant's invalidation holds good all the same; and two committers of one tag, of
# whom one found a way and one did not, see each other.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Session;

# 768 buckets for what tenants do not share: 20,000 tags reach every one
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = '8MB'
lc_messages = 'C'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }

sub flood { my ($tenant) = @_; return "SELECT count(agentcore.cache_invalidate_tag('flood ' || i, tenant => '$tenant')) FROM generate_series(1, 20000) i;"; }
sub get { my ($tenant) = @_; return one("SELECT agentcore.cache_get('doc', '1', 's', '$tenant')"); }
sub set
{
	my ($tenant) = @_;
	return one("SELECT agentcore.cache_set('doc', '1', '\"$tenant\"', '1 hour', scope => 's', tags => '{docs}', publish => 'immediate', tenant => '$tenant')");
}

one(q{CREATE EXTENSION agentcore; CREATE TABLE doc (body text); INSERT INTO doc VALUES ('old')});
set($_) for qw(a d);

# a commits an invalidation, and what it waits for takes long
my $fenced = closed($node, 'cache_commit_fenced');
my $a = named($node, 'a', "SET agentcore.test_points = 'cache_commit_fenced'; BEGIN; SELECT agentcore.cache_invalidate_tag('docs', tenant => 'a');");
asks($a, 'COMMIT;');
ok(stopped($node, $a, 'Lock'), 'a is about to commit');
is(get('a'), '', 'its entry is hidden');
one(flood($_)) for qw(w x y z w x y z);
is(get('a'), '', 'its entry stays hidden, however many others come for its way');
is(set('a'), 'f', 'and nothing is stored in its place');
leave($fenced);
says($a, 'SELECT 1;');
is(get('a'), '', 'and is gone in the end');
is(set('a'), 't', 'a stores again');
one(flood($_)) for qw(w x y z);
leave($a);

# every way of every bucket is fenced
set($_) for qw(a d);
$fenced = closed($node, 'cache_commit_fenced');
my @holders = map { named($node, $_, "SET agentcore.test_points = 'cache_commit_fenced'; BEGIN; " . flood($_)) } qw(p q r);
asks($_, 'COMMIT;') for @holders;
ok(stopped($node, $_, 'Lock'), "$_->{named} is about to commit") for @holders;
is(get($_), qq{"$_"}, "$_ is served its entry") for qw(a d);
one(q{SELECT agentcore.cache_invalidate_tag('docs', tenant => 'd')});
is(get('d'), '', 'd invalidates without a way');
is(set('d'), 't', 'and stores again');
is(get('d'), '"d"', 'and is served');
one(q{SELECT agentcore.cache_invalidate_tag('docs', tenant => 'd')});
is(get('d'), '', 'once more');

# the later stamp in a way, the earlier one without
set('a');
my $stamped = closed($node, 'cache_commit_stamped');
my $settled = closed($node, 'cache_commit_settled');
my $invalidate = q{SELECT agentcore.cache_invalidate_tag('docs', tenant => 'a')};
my $second = named($node, 'second', "SET agentcore.test_points = 'cache_commit_settled'; BEGIN; $invalidate;"
		. q{SELECT agentcore.cache_set('doc', '1', to_jsonb(body), '1 hour', scope => 's', tags => '{docs}', tenant => 'a') FROM doc;});
my $first = named($node, 'first', "SET agentcore.test_points = 'cache_commit_stamped'; BEGIN; UPDATE doc SET body = 'new'; $invalidate;");
asks($first, 'COMMIT;');
ok(stopped($node, $first), 'the first has its stamp, and no way');
is(get('a'), '', 'a is served nothing meanwhile');
one("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name IN ('p', 'q', 'r')");
like(says($_, 'SELECT 1;'), qr/canceling/, "$_->{named} does not commit") for @holders;
leave($fenced);
asks($second, 'COMMIT;');
ok(stopped($node, $second), 'the second has a way, and has settled before the first');
leave($stamped);
says($first, 'SELECT 1;');
leave($settled);
says($second, 'SELECT 1;');
is(get('a'), '', 'what the second knew is not stored');
is(set($_), 't', "no fence is left for $_") for qw(a d p q r);
is(get($_), qq{"$_"}, "$_ is served") for qw(a d p q r);
leave($_) for $first, $second, @holders;
is(one('SELECT agentcore.cache_verify()'), 't', 'the cache is sound');

$node->stop;
done_testing();
