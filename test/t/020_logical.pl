# Logical replication between two servers: the tables that the operations guide publishes arrive whole
# while calls go on, and what arrives is heeded there.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub server
{
	my $node = PostgreSQL::Test::Cluster->new($_[0]);
	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'agentcore'\nlc_messages = 'C'\nagentcore.budget_guard = off\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION agentcore');
	return $node;
}
my ($from, $to) = (server('publisher'), server('subscriber'));
sub here { return $from->safe_psql('postgres', $_[0]); }
sub there { return $to->safe_psql('postgres', $_[0]); }
my $link = $from->connstr . ' dbname=postgres';

here(q{
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*');
SELECT agentcore.budget_set('root'), agentcore.budget_set('b', parent => 'root'), agentcore.agent_set('a', 'p', 'b');
SELECT agentcore.tool_set('t', '{"type": "object"}', est_tokens => 100);
CREATE PROCEDURE work(first integer, last integer) LANGUAGE plpgsql AS $$
DECLARE
  call uuid;
BEGIN
  FOR n IN first .. last LOOP
    SELECT c.call_id INTO STRICT call FROM agentcore.call_begin('a', 't', jsonb_build_object('n', n), key => 'k' || n, lease => '1 hour') c;
    COMMIT;
    IF n % 3 = 0 THEN
      PERFORM agentcore.call_commit(call, '{}', tokens => n);
    ELSIF n % 3 = 1 THEN
      PERFORM agentcore.call_fail(call, status => 400);
    END IF;
    COMMIT;
  END LOOP;
END
$$;
SET agentcore.audit = 'all';
CALL work(1, 30);
});

# what the guide says, from the guide's own query
my $tables = q{SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname) FROM pg_extension e JOIN pg_class c ON c.oid = ANY (e.extconfig)
 WHERE e.extname = 'agentcore' AND c.relkind = 'r' AND c.relname NOT IN ('config_revision', 'policy_revision', 'tool_revision') AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)};
my $published = here($tables);
like($published, qr/\bagentcore\.permit\b/, 'permits are among the tables to publish');
unlike($published, qr/installation|registry_change|access_function|budget_ledger/, 'and none that each server has of its own');
my $inserted = 'agentcore.budget_ledger, agentcore.call_log_entry';
is(here(q{SELECT count(*) FROM pg_extension e JOIN pg_class c ON c.oid = ANY (e.extconfig) WHERE e.extname = 'agentcore' AND c.relkind IN ('r', 'p') AND NOT c.relispartition}),
	scalar(my @all = split(/, /, "$published, $inserted, agentcore.config_revision, agentcore.policy_revision, agentcore.tool_revision")), 'these two and the histories are all the others');
here("CREATE PUBLICATION agentcore FOR TABLE $published");
here("CREATE PUBLICATION agentcore_log FOR TABLE $inserted WITH (publish = 'insert', publish_via_partition_root)");

# what CREATE EXTENSION fills and an administrator may change comes from the publisher
there('TRUNCATE agentcore.special_range, agentcore.special_name');

# an audit on the subscriber that hears what is applied
there(q{
CREATE TABLE audit (id uuid, state "char");
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (NEW.id, NEW.state); RETURN NULL; END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON agentcore.permit FOR EACH ROW EXECUTE FUNCTION audit();
ALTER TABLE agentcore.permit ENABLE ALWAYS TRIGGER audit;
});
there("CREATE SUBSCRIPTION all_of_it CONNECTION '$link' PUBLICATION agentcore, agentcore_log");
$to->wait_for_subscription_sync($from, 'all_of_it');
here('CALL work(31, 90)');
here('SELECT agentcore.budget_ledger_partition(1), agentcore.call_log_partition(1)');
here('CALL work(91, 120)');
# what tasks are tainted by, and what they have shown, is written, cleared and taken away
here(q{SELECT agentcore.policy_fact('p', 't', 'seen', value => '/args/n'), agentcore.policy_fact_clear('p', 'gone', 'seen'), agentcore.tool_set('gone', '{"type": "object"}')});
here(q{SELECT agentcore.task_set('kept', labels => '{vip}'), agentcore.task_set('freed', labels => '{vip}')});
here(qq{SELECT agentcore.call_commit(call_id, '{}') FROM agentcore.call_begin('a', 't', '{"n": 1000}', task => '$_')}) for qw(kept freed);
here(q{SELECT agentcore.task_clear('freed', 'vip', 'by Ann')});
here(q{SELECT agentcore.call_commit(call_id, '{}') FROM agentcore.call_begin('a', 'gone', '{}', task => 'freed')});
$from->wait_for_catchup('all_of_it');

sub contents
{
	my ($node, $table) = @_;
	return $node->safe_psql('postgres', "SELECT count(*), md5(string_agg(row::text, E'\\n' ORDER BY row::text COLLATE \"C\")) FROM (SELECT to_jsonb(t) - 'revision' - 'digest' AS row FROM $table t) x");
}
foreach my $table (split(/, /, "$published, $inserted"))
{
	is(contents($to, $table), contents($from, $table), "$table arrived");
}
is(there('SELECT count(*) > 30 FROM agentcore.call_log_entry'), 't', 'with the log of calls');
is(there('SELECT count(*) FROM agentcore.permit'), '123', 'every permit');
is(there('SELECT count(*) FROM agentcore.budget_verify()'), '0', 'the books are right there too');
is(there('SELECT count(*) FROM agentcore.permit p WHERE NOT EXISTS (SELECT FROM audit a WHERE a.id = p.id AND a.state = p.state)'), '0', 'the audit there heard of every permit as it stands');

# what arrives is heeded
here(q{SELECT agentcore.agent_set('a', 'p', 'b', enabled => false)});
$from->wait_for_catchup('all_of_it');
is(there(q{SELECT reason FROM agentcore.call_begin('a', 't', '{}')}), 'agent_disabled', 'and heeds what was switched off');

is(there(q{SELECT string_agg(DISTINCT action, ' ') FROM agentcore.tool_history}), 'tool_add', 'the tools that arrived are in the history there');

is(there(q{SELECT concat_ws(' ', t, labels, facts) FROM unnest('{kept,freed}'::text[]) t, agentcore.task_status(t)}),
	qq(kept {vip} {"seen": [1000]}\nfreed {} {}), 'labels and facts of tasks are there');

# after the takeover it charges what it was told
there('DROP SUBSCRIPTION all_of_it');
there(q{SELECT agentcore.agent_set('a', 'p', 'b', enabled => true)});
there(q{SELECT agentcore.call_commit(call_id, '{}', tokens => 5) FROM agentcore.call_begin('a', 't', '{"new": 1}')});
is(there('SELECT count(*) FROM agentcore.budget_verify()'), '0', 'the books are right after the takeover');

$to->stop;
$from->stop;
done_testing();
