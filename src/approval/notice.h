/*
 * notice.h
 *	  Tells listeners of a request for approval.  Private to src/approval.
 */
#ifndef AGENTCORE_APPROVAL_NOTICE_H
#define AGENTCORE_APPROVAL_NOTICE_H

#include "postgres.h"
#include "utils/uuid.h"

/* NOTIFY agentcore_approval at COMMIT, where agentcore.approval_notify is on */
extern void approval_tell(const char *tenant, const pg_uuid_t *id, const char *state);

/* as text */
extern char *approval_id_text(const pg_uuid_t *id);

#endif							/* AGENTCORE_APPROVAL_NOTICE_H */
