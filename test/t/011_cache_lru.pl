# agentcore.cache_policy = lru: the cache evicts exactly what a least-recently-used
# cache within the client's process would; and a tenant's own share of a cache.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
agentcore.cache_memory = 16MB
agentcore.cache_policy = lru
agentcore.cache_max_entries = 2
agentcore.cache_compress = off
agentcore.cache_sweep_interval = 1h
CONF
$node->start;

sub one { return $node->safe_psql('postgres', $_[0]); }
# seconds later
sub later { return one("SET agentcore.debug_clock_offset = '$_[0] s'; $_[1]"); }
sub verified { is(one('SELECT agentcore.cache_verify()'), 't', "$_[0]: the cache is sound"); }

one(q{
CREATE EXTENSION agentcore;
CREATE FUNCTION put(key text, value jsonb DEFAULT '1', ttl interval DEFAULT '1 h') RETURNS boolean
  RETURN agentcore.cache_set('t', to_jsonb(key), value, ttl, scope => 's', publish => 'immediate');
CREATE FUNCTION get(key text) RETURNS boolean
  RETURN agentcore.cache_get('t', to_jsonb(key), 's') IS NOT NULL;
-- which keys are there, without using them
CREATE FUNCTION held() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM agentcore.cache_entries(); END;
-- one request after the other, each stored when it is missed: the misses, as 0 and 1
CREATE FUNCTION replay(keys text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  k text;
  outcome text := '';
BEGIN
  FOREACH k IN ARRAY keys LOOP
    IF get(k) THEN
      outcome := outcome || '0';
    ELSE
      outcome := outcome || '1';
      PERFORM put(k);
    END IF;
  END LOOP;
  RETURN outcome;
END $$;
});
is(one('SELECT policy, max_entries, partitions FROM agentcore.stat_cache'), 'lru|2|1', 'the settings are shown');

# two entries
is(one(q{SELECT put('a'), put('b'), get('a'), put('c'), get('b'), get('a'), get('c')}), 't|t|t|t|f|t|t', 'a get makes recent: the other one goes');
is(one(q{SELECT put('p'), put('q'), put('p', '2'), put('r'), get('q'), get('p'), get('r')}), 't|t|t|t|f|t|t', 'so does a set of a key that is there');
is(one(q{SELECT put('x'), put('y'), put('y', '2'), put('y', '3'), get('x'), get('y')}), 't|t|t|t|t|t', 'which takes no entry away');
is(one(q{SELECT put('x'), put('y'), put('z'), get('x'), get('y'), get('z')}), 't|t|t|f|t|t', 'unused, the oldest goes');
is(one(q{SELECT get('y'), get('z'), get('y'), get('y'), get('z'), put('w'), get('y'), get('z')}), 't|t|t|t|t|t|f|t', 'the latest use counts, not how many');
is(one('SELECT held()'), '2', 'two are held');
verified('two entries');

# what has expired goes before what was used less recently
is(one(q{SELECT put('live'), put('short', '1', '5 min'), get('live'), get('short')}), 't|t|t|t', 'one that lives, one that ends soon and was used last');
is(later(360, q{SELECT put('new'), get('live'), get('new'), get('short')}), 't|t|t|f', 'the one that has expired goes');

# large values, which are copied outside the lock and linked in a second step
is(one(q{SELECT put('a', to_jsonb(repeat('a', 500000))), put('b', to_jsonb(repeat('b', 500000))), get('a'), put('a', to_jsonb(repeat('A', 500000)))}),
	't|t|t|t', 'large values, one of them replaced');
is(one('SELECT held()'), '2', 'which took no other away');
is(one(q{SELECT put('c', to_jsonb(repeat('c', 500000))), get('a'), get('b'), get('c')}), 't|t|f|t', 'the least recently used goes for a large one');
verified('large');

# an invalidation makes room
is(one(q{SELECT agentcore.cache_invalidate('t', '"a"', 's')}), 't', 'invalidated');
is(one(q{SELECT put('d'), get('c'), get('d'), get('a')}), 't|t|t|f', 'nothing else goes for the next');

# mget uses in the order asked, set at COMMIT counts from then
is(one(q{SELECT agentcore.cache_mget('t', '{"\"d\"", "\"c\""}', 's') IS NOT NULL, put('e'), get('d'), get('c'), get('e')}), 't|t|f|t|t', 'a batch is used in its order');
$node->safe_psql('postgres', q{BEGIN; SELECT agentcore.cache_set('t', '"f"', '1', scope => 's'); SELECT get('c'); COMMIT});
is(one(q{SELECT get('c'), get('e'), get('f')}), 't|f|t', 'a set at COMMIT evicts at COMMIT');

# any sequence, request by request as a cache of so many entries in the client
sub simulate
{
	my ($capacity, @keys) = @_;
	my (%used, $outcome);
	for my $at (0 .. $#keys)
	{
		my $missed = !exists $used{ $keys[$at] };
		if ($missed && keys %used == $capacity)
		{
			my ($oldest) = sort { $used{$a} <=> $used{$b} } keys %used;
			delete $used{$oldest};
		}
		$used{ $keys[$at] } = $at;
		$outcome .= $missed ? '1' : '0';
	}
	return $outcome;
}

for my $capacity (1, 2, 7, 50)
{
	$node->adjust_conf('postgresql.conf', 'agentcore.cache_max_entries', $capacity);
	$node->restart;
	srand(42 + $capacity);
	# few keys often, many seldom
	my @keys = map { 'k' . int(4 * $capacity * rand() ** 3) } 1 .. 4000;
	my $outcome = one("SELECT replay('{" . join(',', @keys) . "}')");
	is($outcome, simulate($capacity, @keys), "$capacity entries: every hit and miss as in exact LRU");
	like($outcome, qr/0.*1.*0/, 'of both there are some');
	is(one('SELECT held()'), $capacity, 'as many are held as may be');
	verified("$capacity entries");
}

# what has expired goes first also where the wheel has much to do before it gets there
$node->restart;
is(one(q{SELECT bool_and(put('live' || n, to_jsonb(repeat('x', 2000)))) FROM generate_series(1, 20) n}), 't', 'some that live');
is(one(q{SELECT bool_and(put('mid' || n, to_jsonb(repeat('x', 2000)), '4.5 s')) FROM generate_series(1, 30) n}), 't', 'and more that do not');
is(later(5, q{SELECT put('new')}), 't', 'one more');
is(one(q{SELECT count(*) FILTER (WHERE get('live' || n)) FROM generate_series(1, 20) n}), '20', 'none that lives goes');
verified('expiry');

# Without a limit of entries memory is one, and under load the cache stays sound.
$node->adjust_conf('postgresql.conf', 'agentcore.cache_max_entries', 0);
$node->restart;
is(one('SELECT policy, max_entries IS NULL FROM agentcore.stat_cache'), 'lru|t', 'no limit of entries');
is(one(q{SELECT put('used', to_jsonb(repeat('x', 2000))), put('unused', to_jsonb(repeat('x', 2000)))}), 't|t', 'two');
is(one(q{SELECT bool_and(put('n' || n, to_jsonb(repeat('x', 2000))) AND get('used')) FROM generate_series(1, 20000) n}), 't', 'more than fits, one used all along');
is(one(q{SELECT get('used'), get('unused'), get('n1'), get('n20000')}), 't|f|f|t', 'what is used stays');
append_to_file($node->basedir . '/mix.sql', "\\set k random(1, 3000)\n\\set n random(1, 20)\n"
	  . "SELECT CASE WHEN :n = 1 THEN put('m' || :k, to_jsonb(repeat('y', 100 * :k))) ELSE get('m' || :k) END;\n");
$node->command_ok([ 'pgbench', '-n', '-c', '8', '-T', '2', '-f', $node->basedir . '/mix.sql', 'postgres' ], 'eight clients');
verified('load');

# The share of one tenant, under either policy: past it, it evicts only itself.
for my $policy ('lru', 's3-fifo')
{
	$node->adjust_conf('postgresql.conf', 'agentcore.cache_policy', $policy);
	$node->restart;
	is(one('SELECT policy FROM agentcore.stat_cache'), $policy, $policy);
	one(q{
	CREATE OR REPLACE FUNCTION fill(tenant text, upto int, publish text DEFAULT 'immediate') RETURNS bigint BEGIN ATOMIC
	  SELECT count(*) FILTER (WHERE NOT agentcore.cache_set('t', to_jsonb(n), to_jsonb(repeat('x', 2000)), publish => publish, tenant => tenant)) FROM generate_series(1, upto) n; END;
	CREATE OR REPLACE FUNCTION present(tenant text, upto int) RETURNS bigint BEGIN ATOMIC
	  SELECT count(agentcore.cache_get('t', to_jsonb(n), tenant => tenant)) FROM generate_series(1, upto) n; END});

	is(one(q{SELECT agentcore.tenant_share_set(10, tenant => 'greedy')}), 't', 'a share of its own');
	one(q{SELECT fill('quiet', 4000)});
	one(q{SELECT fill('greedy', 20000)});
	is(one(q{SELECT present('quiet', 4000)}), 4000, 'the greedy tenant evicts nobody else');
	cmp_ok(one(q{SELECT present('greedy', 20000)}), '>', 500, 'and has its share');
	cmp_ok(one(q{SELECT sum(size) FROM agentcore.cache_entries() WHERE tenant = 'quiet'}), '>', 8_000_000 - 1, 'the other has half of the cache, past any tenth');

	# at COMMIT and through a lease as well
	one(q{SELECT fill('greedy', 2000, 'commit')});
	one(q{SELECT count(agentcore.cache_fill(f.lease, to_jsonb(repeat('z', 2000)), tenant => 'greedy'))
	  FROM generate_series(30001, 30100) n, agentcore.cache_fetch('t', to_jsonb(n), tenant => 'greedy') f});
	is(one(q{SELECT present('quiet', 4000)}), 4000, 'nor at COMMIT, nor with leases');

	# the share is the tenant's own: others are not held to it
	is(one(q{SELECT agentcore.tenant_share_set(reset => '{share}', tenant => 'greedy')}), 't', 'taken back');
	one(q{SELECT fill('greedy', 20000)});
	cmp_ok(one(q{SELECT present('quiet', 4000)}), '<', 4000, 'without it the greedy tenant evicts others');
	verified("share, $policy");
}

$node->stop;
done_testing();
