/*
 * http_method.h
 *	  Which words are HTTP methods.
 */
#ifndef AGENTCORE_TEXT_HTTP_METHOD_H
#define AGENTCORE_TEXT_HTTP_METHOD_H

#define METHOD_MAX 32			/* bytes of an HTTP method */

/*
 * The method in upper case into out (METHOD_MAX + 1 bytes).  False, and out is
 * empty, unless it is a token of RFC 9110 of at most METHOD_MAX bytes.
 */
extern bool http_method_canonical(const char *method, char *out);

/* a canonical method that servers know without being told, as a constant; else NULL */
extern const char *http_method_registered(const char *method);

/* What a name says of the value that belongs to it. */
typedef enum MethodName
{
	METHOD_NAME_NONE,
	METHOD_NAME_MEMBER,			/* a method, where it is the name of a member or in a pair */
	METHOD_NAME_HEADER			/* a method, wherever it stands */
} MethodName;

extern MethodName http_method_name(const char *text, uint32 len);

/* most letters of a name that are compared, and most bytes of one that is read */
#define METHOD_NAME_LETTERS 24
#define METHOD_NAME_BYTES 256

/* Letters in lower case, and what has no ASCII form; false: they are too many. */
extern bool http_method_letters(const char *text, uint32 len, char *letters);

#endif							/* AGENTCORE_TEXT_HTTP_METHOD_H */
