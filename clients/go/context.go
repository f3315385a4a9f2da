package agentcore

import (
	"context"
	"time"
)

// A settlement is made although its caller has given up: the values of a context, without its end.
type detached struct{ context.Context }

func (detached) Deadline() (time.Time, bool) { return time.Time{}, false }
func (detached) Done() <-chan struct{}       { return nil }
func (detached) Err() error                  { return nil }

func detach(ctx context.Context) context.Context { return detached{ctx} }

// lingering ends after `answer`, or `after` the caller gave up: a statement that is on its way is not cut off.
func lingering(ctx context.Context, answer, after time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithTimeout(detach(ctx), answer)
	if ctx.Done() != nil {
		go func() {
			select {
			case <-ctx.Done():
				if sleep(inner, after) == nil {
					cancel()
				}
			case <-inner.Done():
			}
		}()
	}
	return inner, cancel
}

// sleep returns early, with the context's error, where that ends.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
