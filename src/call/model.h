/*
 * model.h
 *	  Models in their compiled form: what is known of them beside their prices.
 */
#ifndef AGENTCORE_CALL_MODEL_H
#define AGENTCORE_CALL_MODEL_H

#include "core/core.h"

/* A compiled row of agentcore.model */
typedef struct ModelDef
{
	char	   *target;			/* NULL: the model's own name */
	char	   *retry_policy;	/* NULL: the tenant's default */
} ModelDef;

/*
 * data is a ModelDef; NULL for a model without a row, which most have not.
 * priced_as: the model that an alias names, whose row counts for a name without
 * one; NULL: none.
 */
extern AgcObject *model_pin(const char *tenant, const char *name, const char *priced_as);

/* a copy; NULL: the default */
extern char *model_retry_policy(const char *tenant, const char *name, const char *priced_as);

#endif							/* AGENTCORE_CALL_MODEL_H */
