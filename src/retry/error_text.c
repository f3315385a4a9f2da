/*
 * error_text.c
 *	  What is judged of an error text: its beginning and its end, without frames.
 *
 * Some languages name an error in the first line and some, below a traceback of
 * any length, in the last.  Both parts are cut between lines, or else between
 * words: half of a word is another word, and half of a line may open a string.
 *
 * Frames are left out: they quote the program ("recv(timeout)"), not the error.
 * Those of Python leave one line behind, which tells where the error is named.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "retry/error_text.h"

#include "retry/words.h"

/* a line that is longer is cut between words */
#define LONGEST_LINE	1024

static const char *
line_end(const char *line, const char *end)
{
	const char *p = memchr(line, '\n', end - line);

	return p == NULL ? end : p + 1;
}

/* Groups of exceptions draw bars. */
static int
indentation(const char *line, const char *end)
{
	const char *p = line;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '|'))
		p++;
	return p - line;
}

static bool
is_python_frame(const char *line, const char *end)
{
	int			indent = indentation(line, end);

	return indent >= 2 && word_starts(line + indent, end, "File \"");
}

/* "  at f (a.js:1:2)", "  at a.b.C.d(C.java:1)", "  at a.js:1:2"; not "  at capacity" */
static bool
is_call_frame(const char *line, const char *end)
{
	int			indent = indentation(line, end);

	if (indent == 0 || !word_starts(line + indent, end, "at "))
		return false;
	while (end > line && word_blank(end[-1]))
		end--;
	return word_digit(end[-1]) || memchr(line, '(', end - line) != NULL;
}

/* Drops the frames of a text that ends in a zero byte. */
static void
drop_frames(char *text)
{
	char *end = text + strlen(text);
	char *to = text;
	int frame = -1;				/* how far the frame is indented that we are in */

	for (char *line = text, *next; line < end; line = next)
	{
		int indent = indentation(line, end);

		next = unconstify(char *, line_end(line, end));
		if (is_python_frame(line, next))
		{
			if (frame < 0)
			{
				memcpy(to, PYTHON_FRAMES "\n", strlen(PYTHON_FRAMES) + 1);
				to += strlen(PYTHON_FRAMES) + 1;
			}
			frame = indent;
			continue;
		}
		if (frame >= 0 && (indent > frame || word_starts(line + indent, next, "[Previous line repeated")))
			continue;
		frame = -1;
		if (is_call_frame(line, next))
			continue;
		memmove(to, line, next - line);
		to += next - line;
	}
	*to = '\0';
}

/* the end of the last whole line, or of the last whole word, before end */
static const char *
head_end(const char *head, const char *end)
{
	for (const char *p = end; end - p < LONGEST_LINE; p--)
		if (p[-1] == '\n')
			return p - 1;
	while (end > head && word_char(end[-1]))
		end--;
	return end;
}

/* The next frame of Python, if a line is the rest of one. */
static const char *
whole_frame(const char *line, const char *end)
{
	for (const char *p = line; p < end && indentation(p, end) > 0; p = line_end(p, end))
		if (is_python_frame(p, end))
			return p;
	return line;
}

/* the beginning of the first whole line, or of the first whole word, from tail on */
static const char *
tail_begin(const char *tail, const char *end)
{
	for (const char *p = tail; p - tail < LONGEST_LINE; p++)
		if (p[-1] == '\n')
			return whole_frame(p, end);
	while (tail < end && word_char(*tail) && word_char(tail[-1]))
		tail++;
	return tail;
}

/* The beginning and the end of a text that is too long for all of it. */
static void
cut(const char *error, const char *end, char *excerpt)
{
	const char *head = head_end(error, error + ERROR_EXCERPT_HEAD);
	const char *tail;

	/* blanks at the end say nothing, and would leave no room for what does */
	while (end - error > ERROR_EXCERPT_HEAD + ERROR_EXCERPT_TAIL && word_blank(end[-1]))
		end--;
	tail = tail_begin(end - ERROR_EXCERPT_TAIL, end);
	memcpy(excerpt, error, head - error);
	excerpt += head - error;
	*excerpt++ = '\n';
	memcpy(excerpt, tail, end - tail);
	excerpt[end - tail] = '\0';
}

const char *
error_excerpt(const char *error, ErrorExcerpt *excerpt)
{
	size_t		len = error == NULL ? 0 : strlen(error);

	if (len > ERROR_EXCERPT_HEAD + ERROR_EXCERPT_TAIL)
		cut(error, error + len, excerpt->text);
	else if (len == 0 || strchr(error, '\n') == NULL)
		return error;
	else
		memcpy(excerpt->text, error, len + 1);
	drop_frames(excerpt->text);
	return excerpt->text;
}
