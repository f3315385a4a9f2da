//go:build pgx5

package agentcore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pool is a pool of pgx: of version 4, or of version 5 with the build tag pgx5.
type Pool = pgxpool.Pool

type (
	connection  = pgconn.PgConn
	notice      = pgconn.Notice
	serverError = pgconn.PgError
)

func poolConfig(dsn string) (*pgxpool.Config, error) { return pgxpool.ParseConfig(dsn) }

func open(config *pgxpool.Config) (*Pool, error) {
	return pgxpool.NewWithConfig(context.Background(), config)
}

func connect(ctx context.Context, dsn string) (*pgx.Conn, error) { return pgx.Connect(ctx, dsn) }
