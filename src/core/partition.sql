-- Tables that are partitioned by month: partitions made ahead, and old ones detached.

-- Every call writes to such a table, so all of them would wait behind a session that waits for its
-- lock.  So the lock is asked for briefly, again and again.
CREATE FUNCTION agentcore.partition_lock(root regclass, what text, whole boolean) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET lock_timeout = '100ms'
  AS $$
DECLARE
  gives_up constant timestamptz := agentcore.clock_now() + interval '10 seconds';
BEGIN
  LOOP
    BEGIN
      IF whole THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', root);
      ELSE
        EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', root);
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', agentcore.partition_default(root));
      END IF;
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      IF agentcore.clock_now() > gives_up THEN
        RAISE EXCEPTION 'the % is in use by another transaction', what
          USING ERRCODE = 'lock_not_available', DETAIL = 'It was asked for during 10 seconds, for a tenth of a second at a time, so that calls went on.',
                HINT = format('End the transactions that have read the %s or its default partition (pg_blocking_pids() and pg_locks name them) and try again.', what);
      END IF;
    END;
    PERFORM pg_sleep(0.2 + 0.2 * random());
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.partition_lock(regclass, text, boolean) IS
  'Internal. '
  'Locks a table with all its partitions (whole), or what attaching a partition needs: the default partition, and the table against other such changes. '
  'what: the table in words, for errors. '
  'Asks for a tenth of a second at a time and lets calls pass in between; 55P03 after 10 seconds.';

CREATE FUNCTION agentcore.partition_default(root regclass) RETURNS regclass
  LANGUAGE plpgsql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  found constant oid := (SELECT nullif(partdefid, 0) FROM pg_partitioned_table WHERE partrelid = root);
BEGIN
  IF found IS NULL THEN
    RAISE EXCEPTION 'table % has no default partition', root
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Attach the one that was detached: ALTER TABLE %s ATTACH PARTITION %s_default DEFAULT.', root, root);
  END IF;
  RETURN found;
END
$$;
COMMENT ON FUNCTION agentcore.partition_default(regclass) IS
  'Internal. '
  'The default partition of a table; 55000 where it has none.';

CREATE FUNCTION agentcore.partition_covers(root regclass, starts timestamptz, ends timestamptz) RETURNS boolean
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  AS $$
SELECT EXISTS (
  SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$^FOR VALUES FROM \('?([^')]+)'?\) TO \('?([^')]+)'?\)$re$) AS b(bound)
   WHERE i.inhparent = root AND b.bound IS NOT NULL
     AND (b.bound[1] = 'MINVALUE' OR b.bound[1]::timestamptz < ends)
     AND (b.bound[2] = 'MAXVALUE' OR b.bound[2]::timestamptz > starts))
$$;
COMMENT ON FUNCTION agentcore.partition_covers(regclass, timestamptz, timestamptz) IS
  'Internal. '
  'Whether a partition of the table takes some of that time, under whatever name it was attached; the default partition does not count.';

CREATE FUNCTION agentcore.partition_columns(root regclass) RETURNS text
  LANGUAGE sql STABLE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = root AND attnum > 0 AND NOT attisdropped
$$;
COMMENT ON FUNCTION agentcore.partition_columns(regclass) IS
  'Internal. '
  'The columns of a table, as a list for statements.';

CREATE FUNCTION agentcore.partition_make(root regclass, what text, months integer, at timestamptz) RETURNS integer
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  SET client_min_messages = warning
  AS $$
DECLARE
  first constant timestamptz := date_trunc('month', at);
  name constant text := (SELECT relname FROM pg_class WHERE oid = root);
  columns constant text := agentcore.partition_columns(root);
  rest constant regclass := agentcore.partition_default(root);
  starts timestamptz;
  ends timestamptz;
  part text;
  own record;
  made integer := 0;
BEGIN
  FOR n IN 0 .. months LOOP
    starts := first + make_interval(months => n);
    ends := first + make_interval(months => n + 1);
    part := name || to_char(starts, '"_"YYYY_MM');
    CONTINUE WHEN agentcore.partition_covers(root, starts, ends);
    IF made = 0 THEN
      PERFORM agentcore.partition_lock(root, what, whole => false);
      -- somebody else may have made it before that lock
      CONTINUE WHEN agentcore.partition_covers(root, starts, ends);
    END IF;
    EXECUTE format('CREATE TABLE agentcore.%I (LIKE %s INCLUDING DEFAULTS)', part, root);
    -- whatever default privileges say: only the views know who may see which rows
    EXECUTE format('REVOKE ALL ON TABLE agentcore.%I FROM PUBLIC', part);
    EXECUTE format('COMMENT ON TABLE agentcore.%I IS %L', part, format('The %s of %s (UTC).', what, to_char(starts, 'YYYY-MM')));
    EXECUTE format('WITH moved AS (DELETE FROM %s WHERE at >= %L AND at < %L RETURNING %s)'
                   ' INSERT INTO agentcore.%I (%s) SELECT %s FROM moved', rest, starts, ends, columns, part, columns, columns);
    FOR own IN SELECT i.indisunique, substring(pg_get_indexdef(i.indexrelid) FROM ' (USING .*)') AS body FROM pg_index i WHERE i.indrelid = rest ORDER BY i.indexrelid LOOP
      EXECUTE format('CREATE %s INDEX ON agentcore.%I %s', CASE WHEN own.indisunique THEN 'UNIQUE' END, part, own.body);
    END LOOP;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION agentcore.%I FOR VALUES FROM (%L) TO (%L)', root, part, starts, ends);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION agentcore.partition_make(regclass, text, integer, timestamptz) IS
  'Internal. '
  'Makes the partitions of the month of a time and of as many coming ones, where there are none, with the indexes of the default partition, and moves what that took meanwhile; how many were made.';

CREATE FUNCTION agentcore.partition_detach(root regclass, what text, before timestamptz) RETURNS regclass[]
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET timezone = 'UTC'
  SET datestyle = 'ISO'
  AS $$
DECLARE
  parts regclass[];
  part regclass;
BEGIN
  PERFORM agentcore.partition_lock(root, what, whole => true);
  SELECT coalesce(array_agg(c.oid::regclass ORDER BY c.oid::regclass::text), '{}') INTO parts
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = root
     AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $re$ TO \('([^')]+)'\)$re$)::timestamptz <= before;
  FOREACH part IN ARRAY parts LOOP
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', root, part);
  END LOOP;
  RETURN parts;
END
$$;
COMMENT ON FUNCTION agentcore.partition_detach(regclass, text, timestamptz) IS
  'Internal. '
  'Locks the table with all its partitions and detaches those that end before a time, which are returned.';

INSERT INTO agentcore.access_function VALUES
  ('partition_lock', 'internal'), ('partition_default', 'internal'), ('partition_covers', 'internal'), ('partition_columns', 'internal'),
  ('partition_make', 'internal'), ('partition_detach', 'internal');
