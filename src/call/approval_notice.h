/*
 * approval_notice.h
 *	  Tells listeners of a request for approval.
 */
#ifndef AGENTCORE_CALL_APPROVAL_NOTICE_H
#define AGENTCORE_CALL_APPROVAL_NOTICE_H

#include "postgres.h"
#include "utils/uuid.h"

/* NOTIFY agentcore_approval at COMMIT, where agentcore.approval_notify is on */
extern void approval_tell(const char *tenant, const pg_uuid_t *id, const char *state);

#endif							/* AGENTCORE_CALL_APPROVAL_NOTICE_H */
