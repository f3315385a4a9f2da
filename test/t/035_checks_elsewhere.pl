# Check functions where little is allowed: in a read only transaction, under parallel plans, and
# on a standby. A check answers there as it does elsewhere, or the statement fails.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', q{
shared_preload_libraries = 'agentcore'
agentcore.check_timeout = '60s'
max_worker_processes = 16
max_parallel_workers = 8
});
$primary->start;
sub one { return $primary->safe_psql('postgres', $_[0]); }

one(q{
SET client_min_messages = error;
CREATE EXTENSION agentcore;
CREATE SCHEMA shop;
CREATE SEQUENCE shop.numbers;
CREATE TABLE shop.orders (id text PRIMARY KEY);
INSERT INTO shop.orders SELECT 'o' || i FROM generate_series(1, 1000) i;
CREATE FUNCTION shop.process() RETURNS int LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN pg_backend_pid(); END';
CREATE FUNCTION shop.counted() RETURNS TABLE (n bigint, process int) LANGUAGE plpgsql STABLE
  SET parallel_setup_cost = 0 SET parallel_tuple_cost = 0 SET min_parallel_table_scan_size = 0 SET parallel_leader_participation = off
  AS 'BEGIN RETURN QUERY SELECT count(*), min(shop.process()) FROM shop.orders; END';
CREATE FUNCTION shop.look(context jsonb) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  CASE context #>> '{args,do}'
    WHEN 'order' THEN IF NOT EXISTS (SELECT FROM shop.orders WHERE id = context #>> '{args,id}') THEN RETURN 'There is no such order.'; END IF;
    WHEN 'error' THEN RETURN (1 / 0)::text;
    WHEN 'write' THEN PERFORM nextval('shop.numbers');
    WHEN 'lock' THEN PERFORM pg_advisory_lock(1);
    WHEN 'workers' THEN RETURN (SELECT n || ' rows, in this process: ' || (process = pg_backend_pid()) FROM shop.counted());
    ELSE NULL;
  END CASE;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION shop.look FROM PUBLIC;
SELECT agentcore.tool_set('t', '{"type": "object"}'), agentcore.tool_set('plain', '{"type": "object"}'), agentcore.policy_set('p'), agentcore.agent_set('a', policy => 'p'),
  agentcore.policy_allow_tool('p', 't'), agentcore.policy_allow_tool('p', 'plain'), agentcore.policy_check_set('p', 't', 'look', 'shop.look');
-- labelled as what they are not
CREATE FUNCTION shop.begins(tool text, args jsonb) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT verdict FROM agentcore.call_begin('a', tool, args) $$;
});

my $words = q{SELECT string_agg(what || ' ' || verdict, ', ' ORDER BY n) FROM unnest('{order,none,error,write,lock}'::text[]) WITH ORDINALITY w (what, n),
	LATERAL agentcore.call_explain('a', 't', jsonb_build_object('do', replace(what, 'none', 'order'), 'id', CASE what WHEN 'order' THEN 'o7' END)) WHERE stage = 'rule' AND rule = 'look'};
my $expected = 'order false, none true, error unknown, write unknown, lock false';
my $locks = q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()};
is(one("$words; $locks"), "$expected\n0", 'the words of a check, and no lock is left');

# ----- a read only transaction
is(one("BEGIN READ ONLY; $words; SHOW transaction_read_only; $words; $locks; COMMIT; SHOW transaction_read_only"), "$expected\non\n$expected\n0\noff", 'a read only transaction hears the same and stays one');
is(one(q{BEGIN READ ONLY; SELECT verdict, reason, detail FROM agentcore.call_begin('a', 't', '{"do": "order"}'); SELECT verdict, reason FROM agentcore.call_begin('a', 't', '{"do": "write"}'); COMMIT}),
	"deny|denylist_match|check: look\ndeny|check_failed", 'a refusal is told there');
is(one("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; $words; COMMIT"), $expected, 'a deferrable one too');
is(one("BEGIN; $words; CREATE TABLE written (); COMMIT; SELECT count(*) FROM written"), "$expected\n0", 'a transaction that may write may do so after a check');

# ----- parallel plans
is(one(q{SELECT feedback FROM agentcore.call_begin('a', 't', '{"do": "workers"}')}), '1000 rows, in this process: false', 'a query of a check runs in workers');
is(one(q{BEGIN; SELECT pg_current_xact_id() IS NOT NULL; SELECT feedback FROM agentcore.call_begin('a', 't', '{"do": "workers"}'); COMMIT}), "t\n1000 rows, in this process: false",
	'in a transaction that has written too');
my $forced = q{SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query'); SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;};
is(one("$forced $words"), "1\n$expected", 'a session that is told to use workers always');
is(one(qq{$forced SELECT count(*), string_agg(DISTINCT e.verdict, ' ') FROM shop.orders o, LATERAL agentcore.call_explain('a', 't', jsonb_build_object('do', 'order', 'id', o.id)) e WHERE rule = 'look'}),
	"1\n1000|false", 'a check of each row of a table');
for my $tool ('t', 'plain')
{
	my ($ret, $out, $err) = $primary->psql('postgres', qq{$forced SELECT count(shop.begins('$tool', '{"do": "order", "id": "o7"}')) FROM shop.orders});
	isnt($ret, 0, "$tool: a function that says wrongly that workers may call it fails");
	like($err, qr/call_begin\(\) was called during a parallel operation/, 'and lets nothing run');
}
is(one(q{SELECT count(*) FROM agentcore.permits}), 0, 'nothing at all');

# ----- a standby
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
sub there { return $standby->safe_psql('postgres', $_[0]); }
is(there("$words; $locks"), "$expected\n0", 'a standby hears the same');
is(there(q{SELECT feedback FROM agentcore.call_begin('a', 't', '{"do": "workers"}')}), '1000 rows, in this process: false', 'with workers');
is(there(q{SELECT verdict, reason, detail FROM agentcore.call_begin('a', 't', '{"do": "order"}')}), 'deny|denylist_match|check: look', 'and refuses alike');

# a session there that has run the check hears that it was replaced, inside of a transaction; not one
# that keeps its snapshot, which is ended for what the primary prunes meanwhile
my $session = $standby->background_psql('postgres');
$session->query_safe('BEGIN');
is($session->query_safe($words), $expected, 'a session there hears the check');
one(q{CREATE OR REPLACE FUNCTION shop.look(context jsonb) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'});
$primary->wait_for_catchup($standby);
is($session->query_safe($words), 'order false, none false, error false, write false, lock false', 'and what it was replaced by');
one(q{DROP FUNCTION shop.look(jsonb)});
$primary->wait_for_catchup($standby);
is($session->query_safe($words), 'order unknown, none unknown, error unknown, write unknown, lock unknown', 'and that it is gone');
$session->query_safe('COMMIT');
$session->quit;

$standby->stop;
$primary->stop;
done_testing();
