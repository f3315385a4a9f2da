/*
 * written_json.h
 *	  What a model wrote as JSON: read strictly, else with repairs that are named.
 */
#ifndef AGENTCORE_TEXT_WRITTEN_JSON_H
#define AGENTCORE_TEXT_WRITTEN_JSON_H

#include "core/core.h"

#include "utils/jsonb.h"

typedef struct WrittenJson
{
	int			rules;			/* a set of RelaxedRule; 0: it was JSON */
	AgcJsonFault fault;			/* where it cannot be read */
} WrittenJson;

/*
 * The value, or NULL.  whole: nothing but a fence may stand around it.  Names that
 * are the same once they are repaired are a fault.
 */
extern Jsonb *written_json_read(const char *text, bool whole, WrittenJson *how);

/* whether the text is blank or null, which is no arguments: {} */
extern bool written_json_is_nothing(const char *text);
extern Jsonb *written_json_nothing(void);

/* without repairs; "rules" says which the text needs, the fault what none of them cures */
extern Jsonb *written_json_strict(const char *text, WrittenJson *how);

/* the name of the first rule of a set */
extern const char *written_json_first_rule(int rules);

/* names of rules, divided by commas; and what they say is wrong, to be put behind the fault: "" where there are none */
extern char *written_json_rules(int rules);
extern char *written_json_wrong(const WrittenJson *how);

/* the text around a fault, quoted; NULL: it has no place */
extern char *written_json_near(const char *text, const AgcJsonFault *fault);

/* the fault in the form of validation's errors: an array of one, with keyword "json" */
extern Jsonb *written_json_errors(const char *text, const WrittenJson *how);

#endif							/* AGENTCORE_TEXT_WRITTEN_JSON_H */
