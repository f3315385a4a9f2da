package agentcore

import (
	"context"
	"errors"
	"net"
	"time"
)

// Connect makes a pool, of connections that are opened when they are needed.  A host that vanishes is noticed soon, and WARNINGs
// of the server go to log (nil: to the standard log), as they should with a pool of your own: set OnNotice there.
func Connect(dsn string, log func(level, message string)) (*Pool, error) {
	config, err := poolConfig(dsn)
	if err != nil {
		return nil, &GateError{Message: err.Error()}
	}
	if log == nil {
		log = logged
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	dialer := &net.Dialer{KeepAlive: 10 * time.Second, Timeout: config.ConnConfig.ConnectTimeout}
	config.ConnConfig.DialFunc = dialer.DialContext
	config.ConnConfig.OnNotice = func(_ *connection, told *notice) {
		if told.Severity == "WARNING" || begins(told.Code, []string{"01"}) {
			log("warning", "the gate warns: "+told.Message)
		}
	}
	return open(config)
}

type overPool struct{ pool *Pool }

// Over is a Database over a pool.  Statement and values go in one message and nothing stays prepared, so a pooler in transaction mode
// needs no setting.
func Over(pool *Pool) Database { return overPool{pool} }

func (d overPool) Ask(ctx context.Context, sql string, values []*string) ([]Row, error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, translated(err)
	}
	defer conn.Release()
	bytes := make([][]byte, len(values))
	for i, value := range values {
		if value != nil {
			bytes[i] = []byte(*value)
		}
	}
	answer := conn.Conn().PgConn().ExecParams(ctx, sql, bytes, nil, nil, nil).Read()
	if answer.Err != nil {
		return nil, translated(answer.Err)
	}
	rows := make([]Row, len(answer.Rows))
	for i, columns := range answer.Rows {
		rows[i] = make(Row, len(columns))
		for j, column := range columns {
			if column != nil {
				rows[i][string(answer.FieldDescriptions[j].Name)] = just(string(column))
			}
		}
	}
	return rows, nil
}

func translated(err error) error {
	var told *serverError
	if errors.As(err, &told) {
		return OfServer(told.Message, told.Code)
	}
	return &Away{err}
}

type listener struct{ dsn string }

// ListenOn hears decisions over a direct connection: through a pooler in transaction mode nothing is heard.
func ListenOn(dsn string) Listener { return listener{dsn} }

func (l listener) Listen(ctx context.Context, channel string, heard func(payload string)) error {
	conn, err := connect(ctx, l.dsn)
	if err != nil {
		return translated(err)
	}
	defer conn.Close(detach(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return translated(err)
	}
	for {
		told, err := conn.WaitForNotification(ctx)
		if err != nil {
			return translated(err)
		}
		heard(told.Payload)
	}
}
