/*
 * failure.c
 *	  What the text of a failure says.
 *
 * The text is a JSON body, the representation that Python prints of it, an
 * exception with its chain, or prose; often one inside the other.  A member's
 * value is a code only outside of strings: a message may repeat what the
 * caller sent.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/failure.h"

#include "retry/error_text.h"

#define MAX_CODE_LEN	80
#define MAX_CHAIN		6

/* values that only say that it failed, or what kind of content it is */
static const char *const empty_codes[] = {"error", "failed", "failure", "fail", "text"};

/* members whose values are codes, and those that may hold a status */
static const char *const code_members[] = {
	"type", "code", "status", "__type", "error", "error_code", "errorCode", "reason", "name", "Code",
};
static const char *const status_members[] = {
	"code", "status", "status_code", "statusCode", "error_code",
};

/* what announces a code: gRPC of Go, Python, Java and .NET, botocore, MCP, connect */
static const char *const code_anchors[] = {
	"code = ", "StatusCode.", "StatusCode=", "StatusRuntimeException: ", "StatusException: ",
	"An error occurred (", "MCP error ", "error code ", "ConnectError: [",
};

/* what announces a status; blanks, colons, quotes and the like may follow */
static const char *const status_anchors[] = {
	"status code", "status_code", "statusCode", "status", "error code", "HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP Error", "HTTP", "HttpError",
	"ApiException", "does not indicate success", "returned error", "client error", "server error",
};

/* what stands right before a status and its phrase: "[400 Bad Request]" */
static const char *const title_anchors[] = {"[", "<title>"};

const char *
failure_find(const Failure *failure, const char *phrase)
{
	return word_maybe(&failure->index, phrase) ? word_find(failure->text, failure->end, phrase) : NULL;
}

const char *
failure_find_alone(const Failure *failure, const char *phrase)
{
	return word_maybe(&failure->index, phrase) ? word_find_alone(failure->text, failure->end, phrase) : NULL;
}

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && word_blank(*p))
		p++;
	return p;
}

static bool
is_one_of(const char *p, int len, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if ((int) strlen(names[i]) == len && word_starts(p, p + len, names[i]))
			return true;
	return false;
}

/* AWS writes com.amazonaws#ThrottlingException and ThrottlingException:http://... */
static void
add_code(Failure *failure, FailureCodeKind kind, const char *p, int len)
{
	for (int i = len - 1; i >= 0; i--)
		if (p[i] == '#')
		{
			len -= i + 1;
			p += i + 1;
			break;
		}
	for (int i = 0; i < len; i++)
		if (p[i] == ':')
			len = i;
	if (len <= 0 || len > MAX_CODE_LEN || failure->ncodes == FAILURE_MAX_CODES)
		return;
	for (int i = 0; i < failure->ncodes; i++)
		if (failure->codes[i].kind == kind && failure->codes[i].len == len && memcmp(failure->codes[i].name, p, len) == 0)
			return;
	failure->codes[failure->ncodes++] = (FailureCode)
	{
		kind, p, len
	};
}

/* three digits from 400 to 599 that stand alone */
static int
read_status(const char *p, const char *end)
{
	int status;

	if (end - p < 3 || !word_digit(p[0]) || !word_digit(p[1]) || !word_digit(p[2]) ||
		(p + 3 < end && (word_char(p[3]) || (p[3] == '.' && p + 4 < end && word_digit(p[4])))))
		return 0;
	status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
	return status >= 400 && status < 600 ? status : 0;
}

/* ----- members --------------------------------------------------------------- */

/* the end of the string whose opening quote p points to; NULL where it has none */
static const char *
string_end(const char *p, const char *end)
{
	char quote = *p++;

	for (; p < end && *p != quote; p++)
		if (*p == '\\')
			p++;
	return p < end ? p : NULL;
}

/* A double quote always opens a string; a single one only where a literal may stand ("couldn't"). */
static bool
opens_string(const char *p, const char *text)
{
	const char *before = p - 1;

	if (*p == '"')
		return true;
	if (*p != '\'')
		return false;
	while (before >= text && word_blank(*before))
		before--;
	return before >= text && strchr("{[,:(", *before) != NULL;
}

static void
read_member(Failure *failure, int *status, const char *key, int key_len, const char *value)
{
	const char *end = failure->end;
	const char *close;

	if (value >= end)
		return;
	if (opens_string(value, failure->text))
	{
		close = string_end(value, end);
		if (close == NULL)
			close = end;
		value++;
		if (*status == 0 && close - value == 3 && is_one_of(key, key_len, status_members, lengthof(status_members)))
			*status = read_status(value, close);
		if (is_one_of(key, key_len, code_members, lengthof(code_members)))
		{
			/* a sentence is no code */
			for (const char *p = value; p < close; p++)
				if (word_blank(*p))
					return;
			if (close > value && !word_digit(*value) && !is_one_of(value, close - value, empty_codes, lengthof(empty_codes)))
				failure->has_members = true;
			add_code(failure, FAILURE_MEMBER, value, close - value);
		}
	}
	else if (word_digit(*value) || *value == '-')
	{
		close = value + 1;
		while (close < end && word_digit(*close))
			close++;
		if (*status == 0 && is_one_of(key, key_len, status_members, lengthof(status_members)))
			*status = read_status(value, end);
		if (*value == '-' && is_one_of(key, key_len, status_members, lengthof(status_members)))
			add_code(failure, FAILURE_MEMBER, value, close - value);
	}
}

static void
read_members(Failure *failure, int *status)
{
	const char *p = failure->text;

	while (p < failure->end)
	{
		const char *close;
		const char *after;

		if (!opens_string(p, failure->text))
		{
			p++;
			continue;
		}
		close = string_end(p, failure->end);
		if (close == NULL)
			return;
		after = skip_blanks(close + 1, failure->end);
		if (after < failure->end && *after == ':')
			read_member(failure, status, p + 1, close - p - 1, skip_blanks(after + 1, failure->end));
		p = after < failure->end && *after == ':' ? after + 1 : close + 1;
	}
}

/* ----- announced codes and statuses ------------------------------------------- */

static void
read_anchored_codes(Failure *failure)
{
	const char *end = failure->end;

	for (int i = 0; i < lengthof(code_anchors); i++)
	{
		const char *p = failure_find(failure, code_anchors[i]);
		const char *last;

		if (p == NULL)
			continue;
		p += strlen(code_anchors[i]);
		while (p < end && (*p == '"' || *p == '\''))
			p++;
		for (last = p; last < end && (word_char(*last) || *last == '-'); last++)
			;
		add_code(failure, FAILURE_ANCHORED, p, last - p);
	}
}

/* "429 You exceeded", "503 {...", "401, message='...'" of aiohttp, "500" alone; not "500 rows" */
static int
leading_status(const char *p, const char *end)
{
	int status = read_status(p, end);

	if (status == 0 || p + 3 >= end)
		return status;
	if (p[3] == ':' || word_starts(p + 3, end, ", message="))
		return status;
	if (p[3] != ' ' || p + 4 >= end)
		return 0;
	return (p[4] >= 'A' && p[4] <= 'Z') || p[4] == '{' ? status : 0;
}

static void
read_anchored_status(const Failure *failure, int *status)
{
	const char *end = failure->end;

	for (int i = 0; i < lengthof(status_anchors) && *status == 0; i++)
	{
		const char *p = failure_find(failure, status_anchors[i]) == NULL ? end : failure->text;

		while (*status == 0 && (p = word_find(p, end, status_anchors[i])) != NULL)
		{
			const char *digits = p + strlen(status_anchors[i]);

			for (int skipped = 0; skipped < 3 && digits < end && strchr(" :='\"(", *digits) != NULL; skipped++)
				digits++;
			*status = read_status(digits, end);
			p = digits;
		}
	}
	for (int i = 0; i < lengthof(title_anchors); i++)
	{
		const char *p = failure->text;

		while (*status == 0 && (p = word_find(p, end, title_anchors[i])) != NULL)
		{
			p += strlen(title_anchors[i]);
			*status = p + 3 < end ? leading_status(p, end) : 0;
		}
	}
}

/* ----- the names at the beginning of a line ------------------------------------ */

/*
 * Takes "name:" or a name that ends the text from a chain as
 * "pkg.Outer: Inner: what happened".  A number before it is skipped: gRPC for
 * Node writes "14 UNAVAILABLE: ...".
 */
static bool
take_leading(const char **p, const char *end, const char **name, int *len)
{
	const char *at = skip_blanks(*p, end);
	const char *last;

	if (word_starts(at, end, "Uncaught "))
		at += 9;
	if (word_starts(at, end, "Exception in thread \""))
	{
		const char *quote = string_end(at + 20, end);

		at = quote != NULL ? skip_blanks(quote + 1, end) : at;
	}
	for (last = at; last < end && word_digit(*last); last++)
		;
	if (last > at && last - at <= 3 && last < end && *last == ' ')
		at = last + 1;
	for (*name = last = at; last < end && (word_char(*last) || *last == '.' || *last == '$'); last++)
		if (*last == '.' || *last == '$')
			*name = last + 1;
	*len = last - *name;
	if (*len == 0 || (last < end && *last != ':' && *last != '\n' && *last != '\r' && *last != ' '))
		return false;
	if (last < end && *last == ' ' && skip_blanks(last, end) < end && *skip_blanks(last, end) != '(' && *skip_blanks(last, end) != '[')
		return false;
	*p = last < end ? last + 1 : end;
	return true;
}

static void
read_leading(Failure *failure, const char *p, int *status)
{
	for (int i = 0; i < MAX_CHAIN; i++)
	{
		const char *name;
		int len;

		p = skip_blanks(p, failure->end);
		if (*status == 0)
			*status = leading_status(p, failure->end);
		if (!take_leading(&p, failure->end, &name, &len))
			break;
		add_code(failure, FAILURE_LEADING, name, len);
	}
}

static bool
line_begins_with(const char *p, const char *end, const char *wanted)
{
	for (int i = 0; i < MAX_CHAIN; i++)
	{
		const char *name;
		int len;

		if (!take_leading(&p, end, &name, &len))
			return false;
		if (len == (int) strlen(wanted) && memcmp(name, wanted, len) == 0)
			return true;
	}
	return false;
}

bool
failure_begins_with(const Failure *failure, const char *name)
{
	if (failure->text == failure->end || !word_maybe(&failure->index, name))
		return false;
	return line_begins_with(failure->text, failure->end, name) ||
		(failure->raised != NULL && line_begins_with(failure->raised, failure->end, name));
}

/* ----- tracebacks --------------------------------------------------------------- */

static const char *
next_line(const char *p, const char *end)
{
	p = memchr(p, '\n', end - p);
	return p == NULL ? end : p + 1;
}

/*
 * Python names the error below its frames.  A message may have lines of its
 * own, so the error is not always in the last one; where there are no frames, it
 * is taken to be.
 */
static const char *
find_raised(const Failure *failure)
{
	const char *end = failure->end;
	const char *line = failure->text;
	const char *last = line;
	const char *frame = NULL;

	if (!word_maybe(&failure->index, "Traceback") && !word_maybe(&failure->index, PYTHON_FRAMES))
		return NULL;
	for (; line < end; line = next_line(line, end))
	{
		if (word_starts(line, end, PYTHON_FRAMES "\n"))
			frame = line;
		if (!word_blank(*line))
			last = line;
	}
	for (line = frame; line != NULL && line < end; line = next_line(line, end))
		if (!word_blank(*line))
			return line;
	return frame == NULL && word_starts(failure->text, end, "Traceback") ? last : NULL;
}

/* ----- the whole --------------------------------------------------------------- */

void
failure_read(Failure *failure, int status, const char *error, bool hinted)
{
	int told = 0;

	failure->status = status;
	failure->status_in_text = false;
	failure->response = status != 0;
	failure->hinted = hinted;
	failure->text = error == NULL ? "" : error;
	failure->end = failure->text + strlen(failure->text);
	failure->raised = NULL;
	failure->has_members = false;
	failure->ncodes = 0;
	if (failure->text == failure->end)
		return;
	word_index(&failure->index, failure->text, failure->end);
	failure->raised = find_raised(failure);
	read_members(failure, &told);
	read_anchored_codes(failure);
	read_anchored_status(failure, &told);
	read_leading(failure, failure->text, &told);
	if (failure->raised != NULL)
		read_leading(failure, failure->raised, &told);
	failure->response = failure->response || failure_find(failure, "Error received from peer") != NULL; /* gRPC's C core */

	/* a stream reports its errors inside of a 200 */
	if (status < 300 && told != 0)
	{
		failure->status = told;
		failure->status_in_text = true;
	}
}

/* with '_' or a capital inside, so that no sentence has it by chance */
static bool
is_distinct(const char *code)
{
	for (const char *p = code; *p != '\0'; p++)
		if (*p == '_' || (p > code && word_lower(p[-1]) == p[-1] && word_char(p[-1]) && word_lower(*p) != *p))
			return true;
	return false;
}

bool
failure_has_code(const Failure *failure, const char *code)
{
	bool distinct = is_distinct(code);

	for (int i = 0; i < failure->ncodes; i++)
	{
		const FailureCode *found = &failure->codes[i];

		if (!word_same_code(found->name, found->len, code))
			continue;
		if (found->kind != FAILURE_LEADING || distinct ||
			(found->len == (int) strlen(code) && memcmp(found->name, code, found->len) == 0))
			return true;
	}
	return distinct && !failure->has_members &&
		failure_find_alone(failure, code) != NULL;
}

static int64
read_number(const char *p, const char *end)
{
	int64 number = 0;

	for (; p < end && (word_digit(*p) || (*p == ',' && p + 1 < end && word_digit(p[1]))); p++)
		if (*p != ',')
			number = Min(number * 10 + (*p - '0'), PG_INT64_MAX / 100);
	return number;
}

/* the number after a word, as in "Limit 30000" or "limit: 30,000"; -1 where there is none */
static int64
number_after(const char *p, const char *end, const char *word)
{
	while ((p = word_find(p, end, word)) != NULL)
	{
		p += strlen(word);
		while (p < end && (*p == ' ' || *p == ':'))
			p++;
		if (p < end && word_digit(*p))
			return read_number(p, end);
	}
	return -1;
}

bool
failure_exceeds_limit(const Failure *failure)
{
	int64 limit = number_after(failure->text, failure->end, "limit");
	int64 asked = number_after(failure->text, failure->end, "requested");

	return limit >= 0 && asked > limit;
}

bool
failure_is_daily(const Failure *failure)
{
	/* inside of names, as GenerateRequestsPerDayPerProject and requests_per_day_per_model */
	static const char *const letters[] = {
		"PerDay", "PerMonth", "per_day", "per_month", "per-day", "per-month", "dailyLimit",
	};
	static const char *const phrases[] = {
		"per day", "per month", "RPD", "TPD", "daily limit", "daily quota", "daily request limit", "daily token limit",
		"daily usage", "daily rate limit", "monthly limit", "monthly quota", "monthly usage", "monthly request limit",
	};

	if (failure->text == failure->end)
		return false;
	for (int i = 0; i < lengthof(letters); i++)
		if (word_maybe(&failure->index, letters[i]) &&
			word_find_letters(failure->text, failure->end, letters[i]) != NULL)
			return true;
	for (int i = 0; i < lengthof(phrases); i++)
		if (failure_find(failure, phrases[i]) != NULL)
			return true;
	return false;
}
