# Budgets in shared memory and a standby: it shows what the primary shows, admits nothing, and once
# it is promoted it admits by the rows that it has.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Escrow;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', escrow_conf());
$primary->start;
sub one { return $primary->safe_psql('postgres', $_[0]); }

one(q{
CREATE EXTENSION agentcore;
SELECT agentcore.budget_set('root', max_tokens => 5000, kind => 'sliding', period => '1 day', thresholds => '{50, 90}');
SELECT agentcore.budget_limit_set('root', 'calls', max_calls => 1000, period => '1 month');
SELECT agentcore.budget_set('a', max_tokens => 1000, parent => 'root');
});
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
sub there { return $standby->safe_psql('postgres', $_[0]); }

# several rows per budget: transactions at the same time, ended both ways, one of them still open
my @sessions = map { session($primary) } 1 .. 6;
my $n = 0;
$_->query_safe(q{BEGIN; SELECT agentcore.budget_acquire('a', } . ++$n . q{) AS permit \gset}) for @sessions;
for my $i (0 .. 4)
{
	$sessions[$i]->query_safe($i == 3 ? 'ROLLBACK' : 'COMMIT');
}
$sessions[$_]->query_safe(q{SELECT agentcore.budget_commit(:'permit', 2)}) for 0, 1;
one(q{SELECT agentcore.budget_commit(agentcore.budget_acquire('root', 3000), 2600)});
$primary->wait_for_catchup($standby);

my $status = q{SELECT budget, used_tokens, held_tokens, left_tokens, used_calls, held_calls, in_flight, percent FROM agentcore.budget_status ORDER BY 1};
my $limits = q{SELECT budget, limit_name, used_tokens, held_tokens, left_tokens, used_calls, held_calls, left_calls FROM agentcore.budget_limits ORDER BY 1, 2};
cmp_ok(one('SELECT count(*) FROM agentcore.budget_counter'), '>', 2, 'a budget has several rows');
is(one(q{SELECT held_tokens FROM agentcore.budget_status WHERE budget = 'a'}), 3 + 5, 'the primary shows what is committed');
is(there($status), one($status), 'the standby shows the same status');
is(there($limits), one($limits), 'and the same windows');
is(there('SELECT * FROM agentcore.budget_verify()'), '', 'and finds every invariant right');
is(there(q{SELECT entries, in_flight, cold + escrow + exact FROM agentcore.stat_budget}), '0|0|0', 'it has no entries');
for my $sql (q{SELECT agentcore.budget_acquire('a', 1)}, q{SELECT * FROM agentcore.budget_try_acquire('a', 1)}, q{SELECT * FROM agentcore.budget_try_acquire('a', 100000)},
	q{SELECT agentcore.budget_commit(id) FROM agentcore.permit WHERE state = 'o'}, q{SELECT agentcore.budget_adjust('a', 1)}, q{SELECT agentcore.budget_set('a', max_tokens => 1)})
{
	my ($ret, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	like($err, qr/25006/, "$sql is refused there");
}
is(there(q{SELECT entries, in_flight, cold + escrow + exact FROM agentcore.stat_budget}), '0|0|0', 'it still has none');

# while the primary works on, each snapshot of the standby is sound
my $load = session($primary);
asks($load, q{DO $$ BEGIN FOR i IN 1 .. 150 LOOP PERFORM agentcore.budget_commit(agentcore.budget_acquire('a', 1), i % 2); COMMIT; END LOOP; END $$});
is(there('SELECT * FROM agentcore.budget_verify()'), '', "and is sound while rows arrive ($_)") for 1 .. 5;
is(answer($load), '', 'the primary works on');

# promoted: what was open on the primary is not there
my $left = one(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'a'});
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$standby->promote;
is(there(q{SELECT left_tokens FROM agentcore.budget_status WHERE budget = 'a'}), $left, 'promoted, it has what the primary had');
is(denied($standby, 'a', $left + 1), 'budget_exceeded', 'it refuses one too many');
is(denied($standby, 'a', $left), 'granted', 'and grants all that is left');
is(denied($standby, 'a', 1), 'budget_exceeded', 'once');
is(there(q{SELECT string_agg(DISTINCT agentcore.budget_commit(id, 0), ' ') FROM agentcore.permit WHERE state = 'o'}), 'committed', 'what was open can be settled there');
is(stat_of($standby, 'entries'), 2, 'by entries of its own');
sound($standby, 'promoted');
compared($standby, 'promoted', $_) for 'a', 'root';
sound($standby, 'at the end');

$_->{run}->kill_kill for @sessions, $load;
$standby->stop;
done_testing();
