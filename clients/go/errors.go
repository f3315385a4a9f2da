package agentcore

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnavailable is what errors.Is finds where the database is away, so that nothing was run (fail closed).
var ErrUnavailable = errors.New("the gate is unavailable")

// GateError says that the gate refused to answer: the call was asked wrongly, or the role may not ask.  A refusal of
// a call is no error: it is a Result.
type GateError struct {
	Message  string
	SQLState string
}

func (e *GateError) Error() string {
	if e.SQLState == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.SQLState)
}

// Away is the error of a Database that cannot be reached, or whose answer was lost.
type Away struct{ Err error }

func (e *Away) Error() string { return e.Err.Error() }
func (e *Away) Unwrap() error { return e.Err }

type unavailable struct {
	what string
	err  error
}

func (e *unavailable) Error() string {
	return fmt.Sprintf("the gate could not be asked about %s: %v", e.what, e.err)
}
func (e *unavailable) Unwrap() error        { return e.err }
func (e *unavailable) Is(target error) bool { return target == ErrUnavailable }

var (
	// of a server that is going, coming, full or not the primary
	awayStates = []string{"08", "53", "58", "57P", "25006"}
	// nothing was changed, and the same statement may work now
	againStates = []string{"55P03", "40001", "40P01", "57014"}
)

func begins(state string, starts []string) bool {
	for _, start := range starts {
		if strings.HasPrefix(state, start) {
			return true
		}
	}
	return false
}

// OfServer is an error that the server reported, as a Database returns it.
func OfServer(message, sqlState string) error {
	refused := &GateError{Message: message, SQLState: sqlState}
	if begins(sqlState, awayStates) {
		return &Away{refused}
	}
	return refused
}

func isAway(err error) bool {
	var away *Away
	return errors.As(err, &away)
}

func mayAgain(err error) bool {
	var refused *GateError
	return isAway(err) || (errors.As(err, &refused) && begins(refused.SQLState, againStates))
}
