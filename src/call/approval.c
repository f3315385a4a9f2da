/*
 * approval.c
 *	  Calls that a person must allow first.
 *
 * A tool with needs_approval makes the gate say wait / approval_required and
 * leave a request; an administrator of the tenant decides it with
 * call_approve(); the same call (agent, tool, arguments, subject, task) then
 * passes once.  The request belongs to the caller's transaction: a worker that
 * rolls back has asked nobody.
 *
 * Memory: SPI's.  Locks: row lock of the request.  On ERROR: the transaction
 * takes everything back.
 */
#include "call/gate.h"

#include "miscadmin.h"
#include "utils/builtins.h"

static Datum
hash_datum(const uint8 *hash)
{
	bytea	   *value = palloc(VARHDRSZ + AGC_HASH_LEN);

	SET_VARSIZE(value, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(value), hash, AGC_HASH_LEN);
	return PointerGetDatum(value);
}

static uint64
run_for_id(AgcPlan *plan, const char *tenant, const pg_uuid_t *id)
{
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(id)};
	AgcOwner	owner;
	uint64		rows;

	agc_owner_begin(&owner);
	agc_spi(plan, values, NULL);
	rows = SPI_processed;
	agc_owner_end(&owner);
	return rows;
}

/* The live request for this very call, if there is one. */
ApprovalState
approval_find(Gate *gate, pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BYTEAOID};
	static AgcPlan plan = {
		"SELECT id, state FROM agentcore.approval"
		" WHERE tenant = $1 AND agent = $2 AND request_hash = $3"
		" AND state <> 'used' AND (expires_at IS NULL OR expires_at > pg_catalog.clock_timestamp())"
		" ORDER BY requested_at DESC LIMIT 1", 3, types
	};
	Datum		values[3] = {
		CStringGetTextDatum(gate->tenant), CStringGetTextDatum(gate->agent_name),
		hash_datum(gate->request_hash)
	};
	ApprovalState state = APPROVAL_NONE;
	AgcOwner	owner;

	agc_owner_begin(&owner);
	agc_spi(&plan, values, NULL);
	if (SPI_processed > 0)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *word = SPI_getvalue(row, desc, 2);
		bool		isnull;

		*id = *DatumGetUUIDP(SPI_getbinval(row, desc, 1, &isnull));
		state = strcmp(word, "approved") == 0 ? APPROVAL_APPROVED :
			strcmp(word, "refused") == 0 ? APPROVAL_REFUSED : APPROVAL_PENDING;
	}
	agc_owner_end(&owner);
	return state;
}

void
approval_request(Gate *gate, pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TEXTOID, TEXTOID, BYTEAOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.approval (tenant, id, agent, tool, request_hash, args, task, subject, requested_by)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
		" ON CONFLICT (tenant, agent, request_hash) WHERE state = 'pending' DO NOTHING", 9, types
	};
	Datum		values[9];
	char		nulls[10] = "         ";
	AgcOwner	owner;

	agc_uuid_v7(id);
	values[0] = CStringGetTextDatum(gate->tenant);
	values[1] = UUIDPGetDatum(id);
	values[2] = CStringGetTextDatum(gate->agent_name);
	values[3] = CStringGetTextDatum(gate->tool_name);
	values[4] = hash_datum(gate->request_hash);
	values[5] = JsonbPGetDatum(gate->args);
	values[6] = gate->task ? CStringGetTextDatum(gate->task) : (Datum) 0;
	values[7] = gate->subject ? CStringGetTextDatum(gate->subject) : (Datum) 0;
	values[8] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	nulls[6] = gate->task ? ' ' : 'n';
	nulls[7] = gate->subject ? ' ' : 'n';

	agc_owner_begin(&owner);
	agc_spi(&plan, values, nulls);
	agc_owner_end(&owner);
}

/* Locks an approved request to transaction end; false where it was used meanwhile. */
bool
approval_lock(Gate *gate, const pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.approval"
		" WHERE tenant = $1 AND id = $2 AND state = 'approved' FOR UPDATE", 2, types
	};

	return run_for_id(&plan, gate->tenant, id) == 1;
}

void
approval_use(Gate *gate, const pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = 'used' WHERE tenant = $1 AND id = $2", 2, types
	};

	(void) run_for_id(&plan, gate->tenant, id);
}

/* call_approve(approval, approve, valid_for, note, tenant) -> text */
AGC_FUNCTION(call_approve)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = $3, decided_at = pg_catalog.clock_timestamp(),"
		" decided_by = $4, note = $5, expires_at = pg_catalog.clock_timestamp() + $6"
		" WHERE tenant = $1 AND id = $2 AND state <> 'used'", 6, types
	};
	bool		approve = agc_arg_bool(fcinfo, 1, "approve");
	char	   *note = agc_opt_text(fcinfo, 3);
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	const char *state = approve ? "approved" : "refused";
	Datum		values[6];
	char		nulls[7] = "      ";
	AgcOwner	owner;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("approval must not be null")));
	(void) agc_opt_interval(fcinfo, 2, "valid_for", 0);
	agc_enter(tenant, AGC_ADMIN);

	values[0] = CStringGetTextDatum(tenant);
	values[1] = PG_GETARG_DATUM(0);
	values[2] = CStringGetTextDatum(state);
	values[3] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[4] = note ? CStringGetTextDatum(note) : (Datum) 0;
	values[5] = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	nulls[4] = note ? ' ' : 'n';
	nulls[5] = PG_ARGISNULL(2) ? 'n' : ' ';

	agc_owner_begin(&owner);
	agc_spi(&plan, values, nulls);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("approval \"%s\" does not exist or was used", hex_uuid(PG_GETARG_UUID_P(0))),
				 errhint("agentcore.approvals lists the open ones.")));
	agc_owner_end(&owner);
	PG_RETURN_TEXT_P(cstring_to_text(state));
}
