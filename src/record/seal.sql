-- record: seals of the log.

CREATE TABLE agentcore.log_batch (
  tenant         text COLLATE "C" NOT NULL DEFAULT '*',
  batch          bigint NOT NULL,
  from_id        bigint NOT NULL,
  to_id          bigint NOT NULL,
  ids            int8multirange NOT NULL,
  from_at        timestamptz,
  to_at          timestamptz,
  rows           bigint NOT NULL,
  fields         integer NOT NULL,
  root           bytea NOT NULL,
  at             timestamptz NOT NULL,
  role           text COLLATE "C" NOT NULL,
  retired_before timestamptz,
  previous       bytea,
  seal           bytea NOT NULL,
  PRIMARY KEY (tenant, batch)
);
SELECT pg_catalog.pg_extension_config_dump('agentcore.log_batch', '');
COMMENT ON TABLE agentcore.log_batch IS
  'One row per seal of the log, written by log_seal(), never changed. '
  'tenant: *, for a batch has rows of all tenants. '
  'ids: of the rows of the batch; from_id, to_id: the range that was sealed with it, of which other ids were never used, or are in another batch of the same range. '
  'from_at, to_at: the times of its first and last row; no batch has rows of two months (UTC). '
  'fields: how many columns of the log were hashed. '
  'root: of the Merkle tree (RFC 6962, SHA-256) over its rows in the order of their ids. '
  'retired_before: the row is no batch of rows, but says that rows before that time were removed by retention. '
  'previous: the seal of the batch before; seal: SHA-256 of all of these. '
  'doc/seals.md says what is hashed.';

INSERT INTO agentcore.access_source (relation) VALUES ('log_batch');
CREATE VIEW agentcore.log_seals WITH (security_barrier) AS
  SELECT b.tenant, b.batch, b.from_id, b.to_id, b.ids, b.from_at, b.to_at, b.rows, b.fields, b.root, b.at, b.role, b.retired_before, b.previous, b.seal
    FROM agentcore.visible_rows(NULL::agentcore.log_batch) b;
COMMENT ON VIEW agentcore.log_seals IS
  'The seals of the log, for those who may see all tenants. '
  'Keep the newest seal where no owner of this database can write, such as another server or paper: it stands for every batch before it. '
  'See log_batch.';

CREATE FUNCTION agentcore.log_seal(patience interval DEFAULT '10 seconds', max_rows integer DEFAULT 1000000, OUT batch bigint, OUT rows bigint, OUT root bytea, OUT seal bytea) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_log_seal_v1';
COMMENT ON FUNCTION agentcore.log_seal(interval, integer) IS
  'Seals the rows of the log that were written since the last time, so that log_verify() can tell whether one was changed, removed or added. '
  'Run it from a scheduler, and keep the seal of its last row elsewhere. '
  'Returns one row per batch that was made; none where there was nothing to seal. '
  'Rows of other transactions that have not ended are waited for, but no longer than patience: then what may still lack a row is left for the next time, which a NOTICE says. '
  'Nobody waits for it but another log_seal() and the log''s retention. '
  'max_rows: of a batch. '
  'Needs admin of every tenant (*) and READ COMMITTED (25001). '
  'NULL, or max_rows below 1: 22023.';

CREATE FUNCTION agentcore.log_verify(from_batch bigint DEFAULT NULL, witness bytea DEFAULT NULL, OUT batch bigint, OUT state text, OUT rows bigint, OUT found bigint, OUT detail text) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_log_verify_v1';
COMMENT ON FUNCTION agentcore.log_verify(bigint, bytea) IS
  'Whether the log is what was sealed: one row per batch, from from_batch on (NULL: all). '
  'state: ok; changed (a row was); missing (rows were removed); extra (rows were added); seal (the batch itself was changed, or one before it removed); retired (retention removed its rows, and said so). '
  'rows: that were sealed; found: with its ids. '
  'detail: what is wrong, with the first ids. '
  'batch NULL: unsealed, rows after the last batch; or seal, where no batch has the seal that is given as witness. '
  'An owner of the tables can write seals too: only a witness that was kept elsewhere shows that. '
  'Runs on a standby. '
  'Needs reader of every tenant (*).';

CREATE FUNCTION agentcore.log_proof(id bigint, OUT batch bigint, OUT leaf bytea, OUT place bigint, OUT rows bigint, OUT path bytea[], OUT root bytea, OUT seal bytea) RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL UNSAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_log_proof_v1';
COMMENT ON FUNCTION agentcore.log_proof(bigint) IS
  'That one row of the log is in its batch, for somebody who may not see the others: its leaf, its place among the rows (from 0), and the hashes beside its way to the root, from the leaf up (RFC 6962, section 2.1.1). '
  'root: as it was sealed; log_proof_valid() says whether the path leads there. '
  'No row: there is no such row, or it is not sealed. '
  'Needs reader of every tenant (*); NULL: 22023.';

CREATE FUNCTION agentcore.log_proof_valid(leaf bytea, place bigint, rows bigint, path bytea[], root bytea) RETURNS boolean
  LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT
  AS 'MODULE_PATHNAME', 'agentcore_log_proof_valid_v1';
COMMENT ON FUNCTION agentcore.log_proof_valid(bytea, bigint, bigint, bytea[], bytea) IS
  'Whether a path of log_proof() leads from the leaf to the root. '
  'NULL for NULL.';

CREATE FUNCTION agentcore.log_seal_retired(before timestamptz) RETURNS void
  LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT
  AS 'MODULE_PATHNAME', 'agentcore_log_seal_retired_v1';
COMMENT ON FUNCTION agentcore.log_seal_retired(timestamptz) IS
  'Internal. '
  'Retention tells the chain of seals that rows before a time were removed; whole months (UTC). '
  'Does nothing where the log was never sealed.';

INSERT INTO agentcore.access_function VALUES
  ('log_seal', 'admin'), ('log_verify', 'reader'), ('log_proof', 'reader'), ('log_proof_valid', 'public'), ('log_seal_retired', 'internal');
