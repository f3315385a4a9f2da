/*
 * args.c
 *	  Reading SQL arguments, and refusing them in one voice.
 *
 * The functions of this extension are not STRICT: a policy function that
 * answered NULL would read as "not false" in somebody's WHERE clause.  So NULL
 * is looked at here, and is either an error or a documented default.
 *
 * Memory: copies in CurrentMemoryContext.  Locks: none.  Errors: 22023 with the
 * argument's name, 54000 above agentcore.max_args_size; nothing has been changed
 * by then.
 */
#include "core/core.h"

#include "access/detoast.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

static char *copy_name(const text *value, const char *what);

void
agc_refuse_null(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must not be null", what)));
}

void
agc_refuse_word(const char *what, const char *word, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 word == NULL ? errmsg("%s must not be null", what) : errmsg("unknown %s \"%s\"", what, word),
			 errhint("%s", hint)));
}

char *
agc_arg_name(FunctionCallInfo fcinfo, int n, const char *what)
{
	char	   *value = agc_opt_name(fcinfo, n, what);

	if (value == NULL)
		agc_refuse_null(what);
	return value;
}

char *
agc_opt_name(FunctionCallInfo fcinfo, int n, const char *what)
{
	return PG_ARGISNULL(n) ? NULL : copy_name(PG_GETARG_TEXT_PP(n), what);
}

char *
agc_opt_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static char *
arg_tenant(FunctionCallInfo fcinfo, int n, bool or_every)
{
	text	   *given = PG_ARGISNULL(n) ? NULL : PG_GETARG_TEXT_PP(n);
	char	   *tenant;

	/* drivers send NULL for what their caller left out */
	if (given == NULL || VARSIZE_ANY_EXHDR(given) == 0)
	{
		if (agc_require_tenant)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a tenant is required"),
					 errdetail("agentcore.require_tenant is on and the tenant is empty or null."),
					 errhint("Pass tenant => 'name'.")));
		return pstrdup("");
	}
	tenant = copy_name(given, "tenant");
	if (strcmp(tenant, "*") == 0 && !or_every)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"*\" is not the name of a tenant"),
				 errhint("It stands for every tenant in access_grant() and in the policy_* functions only.")));
	return tenant;
}

char *
agc_arg_tenant(FunctionCallInfo fcinfo, int n)
{
	return arg_tenant(fcinfo, n, false);
}

char *
agc_arg_tenant_or_every(FunctionCallInfo fcinfo, int n)
{
	return arg_tenant(fcinfo, n, true);
}

/*
 * Names end up in logs, keys and error texts: bounded, and no control characters.
 * Looked at before copying: reading at once what was just written stalls the
 * processor, which was a tenth of a cache hit.
 */
static char *
copy_name(const text *value, const char *what)
{
	const char *data = VARDATA_ANY(value);
	Size		len = VARSIZE_ANY_EXHDR(value);
	char	   *name;

	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	if (len > AGC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is too long", what),
				 errdetail("It has %zu bytes; at most %d are allowed.", len, AGC_MAX_NAME)));
	for (Size i = 0; i < len; i++)
		if ((unsigned char) data[i] < 0x20 || data[i] == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s contains a control character", what),
					 errdetail("Byte 0x%02x at offset %d.", (unsigned char) data[i], (int) i)));
	name = palloc(len + 1);
	memcpy(name, data, len);
	name[len] = '\0';
	return name;
}

char *
agc_name_problem(const text *value, const char *what)
{
	const char *data = VARDATA_ANY(value);
	Size		len = VARSIZE_ANY_EXHDR(value);

	if (len == 0)
		return psprintf("%s is empty", what);
	if (len > AGC_MAX_NAME)
		return psprintf("%s has more than %d bytes", what, AGC_MAX_NAME);
	for (Size i = 0; i < len; i++)
		if ((unsigned char) data[i] < 0x20 || data[i] == 0x7f)
			return psprintf("%s contains a control character", what);
	return NULL;
}

Jsonb *
agc_arg_jsonb(FunctionCallInfo fcinfo, int n, const char *what)
{
	Jsonb	   *value = agc_opt_jsonb(fcinfo, n, what);

	if (value == NULL)
		agc_refuse_null(what);
	return value;
}

/* The size is checked before detoasting: a refused document costs nothing. */
static void
check_size(Datum document, const char *what)
{
	Size		size = toast_raw_datum_size(document);

	if (size > (Size) agc_max_args_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s is too large", what),
				 errdetail("It has %zu bytes; agentcore.max_args_size is %d kB.", size, agc_max_args_size),
				 errhint("Store large content elsewhere and pass a reference to it.")));
}

Jsonb *
agc_opt_jsonb(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (PG_ARGISNULL(n))
		return NULL;
	check_size(PG_GETARG_DATUM(n), what);
	return PG_GETARG_JSONB_P(n);
}

char *
agc_opt_document(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (PG_ARGISNULL(n))
		return NULL;
	check_size(PG_GETARG_DATUM(n), what);
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

int64
agc_arg_amount(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null(what);
	return agc_opt_amount(fcinfo, n, what, 0);
}

int64
agc_opt_amount(FunctionCallInfo fcinfo, int n, const char *what, int64 missing)
{
	int64		value;

	if (PG_ARGISNULL(n))
		return missing;
	value = PG_GETARG_INT64(n);
	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", what),
				 errdetail("Got %lld.", (long long) value)));
	return value;
}

int64
agc_opt_usd(FunctionCallInfo fcinfo, int n, const char *what, int64 missing)
{
	return PG_ARGISNULL(n) ? missing : agc_numeric_nanousd(PG_GETARG_DATUM(n), what);
}

int64
agc_opt_interval(FunctionCallInfo fcinfo, int n, const char *what, int64 missing)
{
	return PG_ARGISNULL(n) ? missing : agc_interval_us(PG_GETARG_INTERVAL_P(n), what);
}

static int64
max_lease(void)
{
	return agc_max_lease * USECS_PER_SEC;
}

/* Longer than nothing, shorter than a hold may stand in everybody's way. */
int64
agc_opt_lease(FunctionCallInfo fcinfo, int n)
{
	int64		lease = agc_opt_interval(fcinfo, n, "lease", 0);

	if (PG_ARGISNULL(n))
		return 0;
	if (lease == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must be longer than zero")));
	if (lease > max_lease())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease is too long"),
				 errdetail("agentcore.max_lease is %d seconds.", agc_max_lease),
				 errhint("Ask for a shorter lease, and extend it while the work goes on.")));
	return lease;
}

int64
agc_arg_lease(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null("lease");
	return agc_opt_lease(fcinfo, n);
}

int64
agc_lease_or_default(int64 lease)
{
	return Min(lease > 0 ? lease : agc_lease_default * USECS_PER_SEC, max_lease());
}

int64
agc_arg_keep(FunctionCallInfo fcinfo, int n)
{
	int64		keep;

	if (PG_ARGISNULL(n))
		agc_refuse_null("keep");
	keep = agc_interval_us(PG_GETARG_INTERVAL_P(n), "keep");
	if (keep < USECS_PER_DAY || keep > INT64CONST(36500) * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep must be between a day and 36500 days")));
	return keep;
}

bool
agc_arg_bool(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null(what);
	return PG_GETARG_BOOL(n);
}

static bool
interval_fits(const Interval *span, int64 *us)
{
	int64		days = (int64) span->month * DAYS_PER_MONTH + span->day;

	return !pg_mul_s64_overflow(days, USECS_PER_DAY, us) && !pg_add_s64_overflow(*us, span->time, us);
}

bool
agc_try_interval_us(const Interval *span, int64 *us)
{
	return interval_fits(span, us) && *us >= 0;
}

int64
agc_interval_us(const Interval *span, const char *what)
{
	int64		us;

	if (!interval_fits(span, &us))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range", what)));
	if (us < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", what)));
	return us;
}

Interval *
agc_us_interval(int64 us)
{
	Interval   *span = palloc0(sizeof(Interval));

	span->time = us;
	return span;
}

int64
agc_numeric_nanousd(Datum value, const char *what)
{
	Numeric		num = DatumGetNumeric(value);
	Datum		scaled;

	if (numeric_is_nan(num) || numeric_is_inf(num))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite amount", what)));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(num),
										 NumericGetDatum(int64_to_numeric(0)))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", what)));
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(num),
										 NumericGetDatum(int64_to_numeric(INT64CONST(9000000000))))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range", what),
				 errdetail("At most 9000000000 USD fit.")));

	/* Money is rounded up: a fraction of a nano-dollar is never for free. */
	scaled = DirectFunctionCall2(numeric_mul, NumericGetDatum(num),
								 NumericGetDatum(int64_to_numeric(INT64CONST(1000000000))));
	scaled = DirectFunctionCall1(numeric_ceil, scaled);
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, scaled));
}

Datum
agc_nanousd_numeric(int64 nanousd)
{
	return NumericGetDatum(int64_div_fast_to_numeric(nanousd, 9));
}
