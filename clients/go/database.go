package agentcore

import "context"

// Database asks one statement in autocommit, on a connection that is free again when Ask returns.  Its values go as text,
// and so come the columns of its answer.  Errors are *Away and *GateError (see OfServer).  Over makes one of a pool of pgx.
type Database interface {
	Ask(ctx context.Context, sql string, values []*string) ([]Row, error)
}

// Listener hears what is told on a channel, over a connection of its own to the server: Listen calls heard with each payload, until ctx
// ends or the connection does.  ListenOn makes one of a connection string.
type Listener interface {
	Listen(ctx context.Context, channel string, heard func(payload string)) error
}
