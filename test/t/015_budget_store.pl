# Rows of the budgets are written past the executor, behind object locks: whatever
# else goes on with their tables (indexes made and rebuilt, partitions attached, rows
# changed by hand, prepared transactions, restarts, standbys), nothing is lost or torn.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'agentcore'
max_prepared_transactions = 10
max_locks_per_transaction = 20
max_connections = 20
autovacuum = off
# huge pages would leave the table of locks more room than it asks for
huge_pages = off
agentcore.budget_guard = off
agentcore.budget_lock_wait = 0
lc_messages = 'C'
timezone = 'UTC'
CONF
$node->start;
sub one { return $node->safe_psql('postgres', $_[0]); }
sub sound { is(one('SELECT * FROM agentcore.budget_verify()'), '', "$_[0]: the books are in order"); return; }

# the message and SQLSTATE of what must fail
sub fails
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $ret == 0 && $err eq '' ? 'no error' : $err;
}

one(q{
CREATE EXTENSION agentcore;
CREATE EXTENSION amcheck;
SELECT agentcore.budget_set('org', max_tokens => 1000000000), agentcore.budget_set('team', max_calls => 1000000, parent => 'org');
CREATE FUNCTION pair(k text DEFAULT NULL) RETURNS text LANGUAGE sql AS
  $$ SELECT agentcore.budget_commit(agentcore.budget_acquire('team', 10, key => k), 7) $$;
CREATE FUNCTION spent() RETURNS bigint LANGUAGE sql AS $$ SELECT used_calls FROM agentcore.budget_status WHERE budget = 'team' $$;
-- every index of these tables knows every row
CREATE VIEW torn AS
  SELECT i.indexrelid::regclass AS name FROM pg_index i JOIN pg_am a ON a.amname = 'btree' JOIN pg_class c ON c.oid = i.indexrelid AND c.relam = a.oid
   WHERE i.indrelid::regclass::text ~ '^agentcore.(permit|budget_)' AND i.indisvalid AND c.relkind = 'i';
CREATE FUNCTION check_indexes() RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  FOR r IN SELECT name FROM torn LOOP
    PERFORM bt_index_check(r.name, true);
  END LOOP;
  RETURN 'whole';
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END $$;
});
my @open;
sub opened { push @open, session($node); return $open[-1]; }
sub waits_for
{
	my ($what) = @_;
	return $node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '$what%' AND wait_event_type = 'Lock'");
}
my $writer = opened();
my $other = opened();
my $ddl = opened();
sub pair { return $writer->query_safe('SELECT pair()'); }
sub end_ddl { return answer($ddl); }

# ----- indexes -----------------------------------------------------------------
is(pair(), 'committed', 'a pair');

# CREATE INDEX CONCURRENTLY at every stage: the writer knows the index before it
# is ready, writes when it is, and must not go by what it knew.
$other->query_safe('BEGIN; LOCK TABLE agentcore.permit IN ROW EXCLUSIVE MODE');
asks($ddl, 'CREATE INDEX CONCURRENTLY by_hand ON agentcore.permit (created_at)');
ok(waits_for('CREATE INDEX CONCURRENTLY'), 'an index is being made, not ready');
is(pair(), 'committed', 'a pair meanwhile');
my $reader = opened();
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM agentcore.permits');
$other->query_safe('COMMIT');
ok($node->poll_query_until('postgres', q{SELECT indisready FROM pg_index WHERE indexrelid = 'agentcore.by_hand'::regclass}), 'it is ready, not valid');
ok(waits_for('CREATE INDEX CONCURRENTLY'), 'its maker waits for an old snapshot');
is(pair(), 'committed', 'a pair meanwhile');
$reader->query_safe('COMMIT');
end_ddl();
is(one(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'agentcore.by_hand'::regclass}), 't', 'it is valid');
is(one('SELECT check_indexes()'), 'whole', 'and knows every row');
one('DROP INDEX agentcore.by_hand');

# indexes that keep things about themselves between inserts
one(q{
CREATE INDEX by_budgets ON agentcore.permit USING gin (budgets);
CREATE INDEX by_time ON agentcore.permit USING brin (created_at);
CREATE INDEX by_hash ON agentcore.permit USING hash (role);
CREATE INDEX by_range ON agentcore.permit USING gist (tstzrange(created_at, lease_until));
CREATE INDEX by_expression ON agentcore.permit ((held_tokens * 2)) WHERE held_tokens > 5;
CREATE INDEX by_ledger_budgets ON agentcore.budget_ledger_default USING gin (budgets);
});
is(pair(), 'committed', 'a pair with indexes of every kind');
for my $i (1 .. 3)
{
	one('VACUUM agentcore.permit; VACUUM agentcore.budget_ledger_default; VACUUM agentcore.budget_counter');
	one(q{ALTER INDEX agentcore.by_budgets SET (fastupdate = off); ALTER INDEX agentcore.by_range SET (fillfactor = 80)}) if $i == 2;
	one('REINDEX TABLE agentcore.permit') if $i == 3;
	# fills the caches anew, so that what was forgotten lies elsewhere
	$writer->query_safe('SELECT count(pg_relation_size(oid)) FROM pg_class');
	is(pair(), 'committed', "and after they were vacuumed ($i)");
}
is(one('SELECT check_indexes()'), 'whole', 'the ordered ones know every row');
for my $test (
	[ 'by_budgets', q{budgets @> ARRAY['team'::text COLLATE "C"]} ],
	[ 'by_time', q{created_at > '2000-01-01'} ],
	[ 'by_hash', q{role = current_user::text} ],
	[ 'by_range', q{tstzrange(created_at, lease_until) && '[2000-01-01, 2999-01-01)'} ],
	[ 'by_expression', q{held_tokens * 2 = 20 AND held_tokens > 5} ])
{
	my ($name, $where) = @$test;
	my $explain = one("SET enable_seqscan = off; EXPLAIN SELECT 1 FROM agentcore.permit WHERE $where");
	like($explain, qr/$name/, "$name is used");
	is(one("SET enable_seqscan = off; SELECT count(*) FROM agentcore.permit WHERE $where"), one('SELECT count(*) FROM agentcore.permit'), "$name knows every row");
}
one('DROP INDEX agentcore.by_budgets, agentcore.by_time, agentcore.by_hash, agentcore.by_range, agentcore.by_expression, agentcore.by_ledger_budgets');
is(pair(), 'committed', 'a pair after they were dropped');

# REINDEX CONCURRENTLY puts another index in the place of the one that was known
for my $table ('budget_counter', 'permit', 'budget', 'budget_ledger_default')
{
	one("REINDEX TABLE CONCURRENTLY agentcore.$table");
	is(pair(), 'committed', "a pair after REINDEX CONCURRENTLY of $table");
	is($writer->query(q{SELECT pair('again')}), $table eq 'budget_counter' ? 'committed' : 'replayed', 'and one by its key');
}
# inside a transaction that has used the old one
$writer->query_safe(q{BEGIN; SELECT pair()});
asks($ddl, 'REINDEX TABLE CONCURRENTLY agentcore.permit');
ok(waits_for('REINDEX'), 'it waits for a transaction that writes');
is($writer->query_safe(q{SELECT pair()}), 'committed', 'which writes on');
$writer->query_safe('COMMIT');
end_ddl();
is(pair(), 'committed', 'and after it');
is(one('SELECT check_indexes()'), 'whole', 'indexes after REINDEX CONCURRENTLY');
sound('indexes');

# ----- tables rewritten --------------------------------------------------------
for my $sql ('VACUUM FULL agentcore.permit', 'VACUUM FULL agentcore.budget_counter', 'CLUSTER agentcore.permit USING permit_pkey', 'REINDEX TABLE agentcore.budget_counter')
{
	$writer->query_safe(q{BEGIN; SELECT agentcore.budget_acquire('team', 10, key => 'rewritten') AS p \gset});
	asks($ddl, $sql);
	ok(waits_for((split / /, $sql)[0]), "$sql waits for a transaction");
	is($writer->query_safe(q{SELECT agentcore.budget_commit(:'p'); COMMIT}), 'committed', 'which ends as it should');
	end_ddl();
	is($writer->query_safe(q{SELECT agentcore.budget_commit(:'p')}), 'replayed', 'and is there afterwards');
	one(q{UPDATE agentcore.permit SET key = NULL WHERE key = 'rewritten'});
	is(pair(), 'committed', 'a pair after it');
}
sound('rewritten');

# large results are out of line, and go along with the row untouched
one(q{
SELECT agentcore.policy_set('p'), agentcore.policy_allow_tool('p', '*'), agentcore.agent_set('a', 'p'), agentcore.tool_set('t', '{"type": "object"}');
CREATE FUNCTION big() RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_agg(md5(i::text)) FROM generate_series(1, 20000) i $$;
});
my $call = one(q{SELECT call_id FROM agentcore.call_begin('a', 't', '{"n": 1}', key => 'k', lease => '1 s')});
is(one(qq{SELECT agentcore.call_commit('$call', (SELECT big()))}), 'committed', 'a large result');
one('UPDATE agentcore.permit SET attempt = attempt WHERE result IS NOT NULL; VACUUM agentcore.permit');
is(one(q{SELECT md5(result::text) = md5(big()::text) FROM agentcore.call_begin('a', 't', '{"n": 1}', key => 'k')}), 't', 'comes back whole');

# ----- a ledger in parts ---------------------------------------------------------
# columns in another order, and attached while a settlement waits for the default part
one(q{
CREATE TABLE agentcore.budget_ledger_next (agent text COLLATE "C", dropped int, calls bigint NOT NULL, event text COLLATE "C" NOT NULL, is_llm boolean NOT NULL DEFAULT false, tenant text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL, id uuid NOT NULL, permit uuid, nanousd bigint NOT NULL, tokens bigint NOT NULL, labels jsonb, detail jsonb, subject text COLLATE "C", tool text COLLATE "C", budget text COLLATE "C", task text COLLATE "C", budgets text[] COLLATE "C" NOT NULL);
ALTER TABLE agentcore.budget_ledger_next DROP COLUMN dropped;
CREATE TABLE past AS SELECT * FROM agentcore.budget_ledger;
});
my $in_default = one('SELECT count(*) FROM agentcore.budget_ledger_default');
my $boundary = one('SELECT now()');
$other->query_safe(qq{BEGIN; ALTER TABLE agentcore.budget_ledger ATTACH PARTITION agentcore.budget_ledger_next FOR VALUES FROM ('$boundary') TO ('2100-01-01')});
asks($writer, 'SELECT pair()');
ok(waits_for('SELECT pair'), 'a settlement waits for a part that is being attached');
$other->query_safe('COMMIT');
is(answer($writer), 'committed', 'and is done');
is(one('SELECT count(*) FROM agentcore.budget_ledger_default'), $in_default, 'in the part that now takes its time');
is(one('SELECT count(*), sum(calls), sum(tokens) FROM agentcore.budget_ledger_next'), '1|1|7', 'column by column');
is(pair(), 'committed', 'and so is another');
is(one('SELECT count(*) FROM agentcore.budget_ledger_next'), 2, 'in the same part');
sound('attached');
one('BEGIN; CREATE TABLE kept AS SELECT * FROM agentcore.budget_ledger_next; ALTER TABLE agentcore.budget_ledger DETACH PARTITION agentcore.budget_ledger_next; INSERT INTO agentcore.budget_ledger SELECT tenant, at, id, permit, budgets, event, tokens, nanousd, calls, agent, tool FROM agentcore.budget_ledger_next; COMMIT');
is(pair(), 'committed', 'a pair after the part was detached');
is(one('SELECT count(*) FROM agentcore.budget_ledger_next'), 2, 'is not in it');
sound('detached');

# parts that are no plain tables are written by statements
one(qq{
CREATE TABLE agentcore.budget_ledger_deep (LIKE agentcore.budget_ledger) PARTITION BY LIST (tenant);
CREATE TABLE agentcore.budget_ledger_deep_all PARTITION OF agentcore.budget_ledger_deep DEFAULT;
BEGIN; LOCK TABLE agentcore.budget_ledger;
CREATE TABLE moved AS SELECT * FROM agentcore.budget_ledger WHERE at >= '$boundary'; DELETE FROM agentcore.budget_ledger WHERE at >= '$boundary';
ALTER TABLE agentcore.budget_ledger ATTACH PARTITION agentcore.budget_ledger_deep FOR VALUES FROM ('$boundary') TO ('2100-01-01');
INSERT INTO agentcore.budget_ledger SELECT * FROM moved; COMMIT;
});
my $deep = one('SELECT count(*) FROM agentcore.budget_ledger_deep_all');
is(pair(), 'committed', 'a part with parts of its own');
is(one('SELECT count(*) FROM agentcore.budget_ledger_deep_all'), $deep + 1, 'takes the row');
one(q{BEGIN; ALTER TABLE agentcore.budget_ledger DETACH PARTITION agentcore.budget_ledger_deep; INSERT INTO agentcore.budget_ledger SELECT * FROM agentcore.budget_ledger_deep; COMMIT; DROP TABLE agentcore.budget_ledger_deep});
one(q{ALTER TABLE agentcore.budget_ledger DETACH PARTITION agentcore.budget_ledger_default});
like(fails('SELECT pair()'), qr/23514.*partition/s, 'no part at all: an error');
one(q{ALTER TABLE agentcore.budget_ledger ATTACH PARTITION agentcore.budget_ledger_default DEFAULT});
is(pair(), 'committed', 'and after it is back');
sound('parts');

# ----- what others do ------------------------------------------------------------
like(fails('BEGIN READ ONLY; SELECT pair()'), qr/25006/, 'nothing is written in a READ ONLY transaction');
like(fails('SET default_transaction_read_only = on; SELECT pair()'), qr/25006/, 'nor by default');
my $before = one('SELECT spent()');
$other->query_safe(q{BEGIN; UPDATE agentcore.budget_counter SET used[3] = used[3] + 0 WHERE budget = 'team'});
asks($writer, 'SELECT pair()');
ok(waits_for('SELECT pair'), 'a row that is changed by hand is waited for');
$other->query_safe('COMMIT');
like(answer($writer), qr/was changed by another transaction meanwhile/, 'and not overwritten');
is(one('SELECT spent()'), $before, 'nothing was counted');
$other->query_safe(q{BEGIN; UPDATE agentcore.budget_counter SET used[3] = used[3] + 1 WHERE budget = 'team'});
asks($writer, 'SELECT pair()');
ok(waits_for('SELECT pair'), 'waited for again');
$other->query_safe('ROLLBACK');
is(answer($writer), 'committed', 'a change that was taken back does no harm');
is(one('SELECT spent()'), $before + 1, 'one more');
$writer->query_safe('BEGIN; SELECT pair()');
asks($other, "UPDATE agentcore.budget_counter SET used[3] = used[3] + 0 WHERE budget = 'team'");
ok(waits_for('UPDATE agentcore.budget_counter'), 'SQL by hand waits for the functions');
$writer->query_safe('COMMIT');
answer($other);
is(one('SELECT spent()'), $before + 2, 'and loses nothing');
sound('by hand');


# a setting of the session must not hide what an index leaves out
my $first = one(q{SELECT agentcore.budget_acquire('team', 1, key => 'used twice')});
one(qq{SELECT agentcore.budget_release('$first')});
my ($ret, $second) = $node->psql('postgres', q{SELECT agentcore.budget_acquire('team', 1, key => 'used twice')}, connstr => $node->connstr('postgres') . q{ options='-c ignore_system_indexes=on'});
isnt($second, $first, 'a key that was given back makes another permit, whatever ignore_system_indexes says');
one(qq{SELECT agentcore.budget_release('$second')});

# who may not settle a permit does not wait to be told that there is none
one(q{CREATE ROLE regress_alice LOGIN; CREATE ROLE regress_bob LOGIN; SELECT agentcore.access_grant('regress_alice', 'agent'), agentcore.access_grant('regress_bob', 'agent')});
my $hers = one(q{SET SESSION AUTHORIZATION regress_alice; SELECT agentcore.budget_acquire('team', 1)});
$other->query_safe("BEGIN; SELECT agentcore.budget_extend('$hers', '1 hour')");
like(fails("SET SESSION AUTHORIZATION regress_bob; SET agentcore.budget_lock_wait = 0; SELECT agentcore.budget_commit('$hers')"), qr/42704/, 'a permit of somebody else is not waited for');
like(fails("SET SESSION AUTHORIZATION regress_alice; SET agentcore.budget_lock_wait = '50ms'; SELECT agentcore.budget_commit('$hers')"), qr/55P03/, 'one of her own is');
like(fails("SET SESSION AUTHORIZATION regress_alice; SET lock_timeout = '20ms'; SET agentcore.budget_lock_wait = '1h'; SELECT agentcore.budget_commit('$hers')"), qr/55P03.*lock timeout/s, 'not longer than lock_timeout');
like(fails("SET SESSION AUTHORIZATION regress_alice; SET statement_timeout = '50ms'; SET agentcore.budget_lock_wait = '1h'; SELECT agentcore.budget_commit('$hers')"), qr/57014/, 'nor than statement_timeout');
is(one("SET lock_timeout = '7s'; SET agentcore.budget_lock_wait = '30ms'; SELECT reason FROM agentcore.budget_try_acquire('team'); SHOW lock_timeout"), "\n7s", 'the counter is free');
$other->query_safe(q{SELECT agentcore.budget_acquire('team', 1)});
my $waited = one(q{SET lock_timeout = '7s'; SET agentcore.budget_lock_wait = '30ms'; BEGIN; SELECT reason FROM agentcore.budget_try_acquire('team'); SHOW lock_timeout; SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object' AND mode = 'ExclusiveLock'; COMMIT});
is($waited, "contention\n7s\n0", 'a wait that ended in contention leaves neither lock nor timeout');

# cancelled in the middle of the wait, the session goes on
asks($writer, "SET agentcore.budget_lock_wait = '1h'; SELECT pair()");
ok(waits_for('SELECT pair'), 'waiting');
one(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pair%' AND wait_event_type = 'Lock'});
like(answer($writer), qr/canceling statement due to user request/, 'a wait can be cancelled');
$writer->query_safe('RESET agentcore.budget_lock_wait');
$other->query_safe('COMMIT');
is(pair(), 'committed', 'and the session goes on');
one(qq{SELECT agentcore.budget_release('$hers')});
sound('others');

# the table of locks is full: everything is taken back, and there is room again
one("SELECT count(agentcore.budget_set('many' || i)) FROM generate_series($_, $_ + 499) i") for map { 500 * $_ } 0 .. 5;
like(fails(q{SELECT count(agentcore.budget_acquire('many' || i)) FROM generate_series(0, 2999) i}), qr/53200/, 'more locks than there is room for');
is(one(q{SELECT count(*) FROM agentcore.permits WHERE budget LIKE 'many%'}), '0', 'no permit of it');
is(pair(), 'committed', 'the others go on');
is(one(q{SELECT count(agentcore.budget_acquire('many' || i, lease => '1 s')) FROM generate_series(1, 600) i}), '600', 'half as many');
is(one(q{SET agentcore.debug_clock_offset = '1min'; SELECT agentcore.budget_reap(10000)}), '256', 'a reap takes no more than fits');
is(one(q{SET agentcore.debug_clock_offset = '1min'; SELECT agentcore.budget_reap(10000)}), '256', 'and goes on');
one(q{SET agentcore.debug_clock_offset = '1min'; SELECT agentcore.budget_reap(10000)});
sound('locks');

# ----- prepared transactions -------------------------------------------------------
$before = one('SELECT spent()');
one(q{BEGIN; SELECT agentcore.budget_acquire('team', 5, key => 'prepared'); PREPARE TRANSACTION 'one'});
my $wanted = q{SET agentcore.budget_lock_wait = '20ms'; SELECT reason FROM agentcore.budget_try_acquire('team')};
is(one($wanted), 'contention', 'a prepared transaction holds its budgets');
is(one(q{SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'agentcore.budget_counter'::regclass AND pid IS NULL}), '2', 'as pg_locks shows');
$_->quit for @open;
$node->restart;
is(one($wanted), 'contention', 'also after a restart');
$node->stop('immediate');
$node->start;
is(one($wanted), 'contention', 'and a crash');
is(one(q{SET agentcore.budget_lock_wait = '20ms'; SELECT reason FROM agentcore.budget_try_acquire('team', key => 'prepared')}), 'contention', 'as it holds its key');
one(q{COMMIT PREPARED 'one'});
is(one(q{SELECT duplicate FROM agentcore.budget_try_acquire('team', 5, key => 'prepared')}), 't', 'committed, its permit is there');
is(one(q{SELECT agentcore.budget_commit(permit) FROM agentcore.permits WHERE key = 'prepared'}), 'committed', 'and can be settled');
one(q{BEGIN; SELECT pair(); PREPARE TRANSACTION 'two'});
one(q{ROLLBACK PREPARED 'two'});
is(one('SELECT spent()'), $before + 1, 'one that was taken back counts for nothing');
sound('prepared');

# ----- a standby ---------------------------------------------------------------------
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
my $held = one(q{SELECT agentcore.budget_acquire('team', 3)});
$node->wait_for_catchup($standby);
for my $sql (q{SELECT agentcore.budget_acquire('team', 3)}, q{SELECT agentcore.budget_try_acquire('team', 3, key => 'k')}, "SELECT agentcore.budget_commit('$held')", "SELECT agentcore.budget_extend('$held', '1 h')", 'SELECT agentcore.budget_reap()')
{
	my ($r, $o, $e) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSET agentcore.debug_clock_offset = '1d'; $sql");
	like($e, qr/25006/, "a standby refuses: $sql");
}
my $asked = q{SELECT used_calls, in_flight FROM agentcore.budget_status WHERE budget = 'team'};
is($standby->safe_psql('postgres', $asked), one($asked), 'and can be asked');
$standby->promote;
is($standby->safe_psql('postgres', "SELECT agentcore.budget_commit('$held')"), 'committed', 'promoted, it settles');
is($standby->safe_psql('postgres', 'SELECT * FROM agentcore.budget_verify()'), '', 'and its books are in order');
is(one("SELECT agentcore.budget_commit('$held')"), 'committed', 'as does the other');

# ----- another version's tables ---------------------------------------------------------
$writer = opened();
is(pair(), 'committed', 'a pair');
is(one('SELECT check_indexes()'), 'whole', 'at the end every index knows every row');
sound('at the end');
# a column that the library does not know must not be written past the end of anything
one('ALTER TABLE agentcore.permit ADD COLUMN note text');
like(fails('SELECT pair()'), qr/55000.*permit/s, 'a table with another column is not touched');
$writer->query('SELECT pair()');
like($writer->{stderr}, qr/columns/, 'nor by a session that knew it before');
$writer->{stderr} = '';
one('ALTER TABLE agentcore.permit DROP COLUMN note');
like(fails('SELECT pair()'), qr/55000.*permit/s, 'nor one that had a column dropped');

done_testing();
