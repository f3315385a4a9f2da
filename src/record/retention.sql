-- The log's partitions: made ahead, retired when old.

CREATE FUNCTION agentcore.call_log_partition(months integer DEFAULT 3) RETURNS integer
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_call_log_partition_v1';
COMMENT ON FUNCTION agentcore.call_log_partition(integer) IS
  'Make the log''s partitions of this month (UTC) and as many coming ones, where there are none, as budget_ledger_partition() does the ledger''s. '
  'Returns how many were made. '
  'Needs admin of every tenant (*) and READ COMMITTED (25001); 55P03 where its lock cannot be had within 10 seconds.';

CREATE TYPE agentcore.log_retention AS (cutoff timestamptz, partitions integer, rows bigint);
COMMENT ON TYPE agentcore.log_retention IS
  'What call_log_retain() did: log rows before cutoff went, with so many partitions; rows: those that stood in the default partition.';

CREATE FUNCTION agentcore.call_log_retire(before timestamptz, detach boolean) RETURNS agentcore.log_retention
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  AS $$
DECLARE
  done agentcore.log_retention;
  parts regclass[];
  part regclass;
BEGIN
  done.cutoff := date_trunc('month', before);
  parts := agentcore.partition_detach('agentcore.call_log_entry', 'log of calls', done.cutoff);
  done.partitions := cardinality(parts);
  EXECUTE format('DELETE FROM %s WHERE at < %L', agentcore.partition_default('agentcore.call_log_entry'), done.cutoff);
  GET DIAGNOSTICS done.rows = ROW_COUNT;
  FOREACH part IN ARRAY CASE WHEN detach THEN '{}' ELSE parts END LOOP
    EXECUTE format('DROP TABLE %s', part);
  END LOOP;
  IF done.partitions > 0 OR done.rows > 0 THEN
    PERFORM agentcore.log_seal_retired(done.cutoff);
  END IF;
  RETURN done;
END
$$;
COMMENT ON FUNCTION agentcore.call_log_retire(timestamptz, boolean) IS
  'Internal. '
  'What call_log_retain() does, for what is older than a time.';

CREATE FUNCTION agentcore.call_log_retain(keep interval, detach boolean DEFAULT false) RETURNS SETOF agentcore.log_retention
  LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_call_log_retain_v1';
COMMENT ON FUNCTION agentcore.call_log_retain(interval, boolean) IS
  'Remove the log before the month (UTC) that lies "keep" ago: partitions are dropped, or detached and kept as tables; what the default partition has of that time is deleted in both cases. '
  'Where the log is sealed, the chain of seals says so (log_seals, retired_before). '
  'keep: a day or more, months count 30 days. '
  'Locks the log while it runs, and asks for that lock as budget_ledger_partition() does (55P03). '
  'Needs admin of every tenant (*) and READ COMMITTED (25001).';

INSERT INTO agentcore.access_function VALUES
  ('call_log_partition', 'admin'), ('call_log_retain', 'admin'), ('call_log_retire', 'internal');
