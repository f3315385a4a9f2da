/*
 * by_hand.h
 *	  Counter rows that others write: statements, COPY, restores, logical apply.
 */
#ifndef AGENTCORE_BUDGET_BY_HAND_H
#define AGENTCORE_BUDGET_BY_HAND_H

extern void by_hand_init(void);

#endif							/* AGENTCORE_BUDGET_BY_HAND_H */
