/*
 * reasons.h
 *	  The gate's reasons as numbers, so that each has a counter.
 */
#ifndef AGENTCORE_PROFILE_REASONS_H
#define AGENTCORE_PROFILE_REASONS_H

/* room for the reasons of core/errors.h */
#define REASONS_MAX 40

extern const int reasons_count;

/* of a name of core/errors.h */
extern int	reason_number(const char *reason);
extern const char *reason_name(int number);

#endif							/* AGENTCORE_PROFILE_REASONS_H */
