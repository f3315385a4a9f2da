package agentcore

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

const approvalChannel = "agentcore_approval"

// Waiting for people: one connection for all calls of a gate that wait for a decision.  What is heard only shortens a pause.  A decision that is
// not heard, because the connection is away or agentcore.approval_notify is off, is found at the next look.
type approvals struct {
	listener Listener
	log      func(level, message string)
	lock     sync.Mutex
	waiting  map[string]map[chan struct{}]bool
	stop     context.CancelFunc
}

// wait returns when a person has decided, or after the pause.  Its error is the context's.
func (a *approvals) wait(ctx context.Context, approval string, pause time.Duration) error {
	bell := make(chan struct{}, 1)
	a.lock.Lock()
	if a.waiting[approval] == nil {
		a.waiting[approval] = map[chan struct{}]bool{}
	}
	a.waiting[approval][bell] = true
	if a.listener != nil && a.stop == nil {
		var listening context.Context
		listening, a.stop = context.WithCancel(context.Background())
		go a.serve(listening)
	}
	a.lock.Unlock()
	defer func() {
		a.lock.Lock()
		defer a.lock.Unlock()
		delete(a.waiting[approval], bell)
		if len(a.waiting[approval]) == 0 {
			delete(a.waiting, approval)
		}
	}()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-bell:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *approvals) serve(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.listener.Listen(ctx, approvalChannel, a.heard); err != nil && ctx.Err() == nil {
			a.log("warning", fmt.Sprintf("no connection to hear decisions by: %v", err))
		}
		_ = sleep(ctx, time.Second)
	}
}

func (a *approvals) heard(payload string) {
	var told struct{ Approval, State string }
	if err := json.Unmarshal([]byte(payload), &told); err != nil || told.State == "pending" {
		return
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	for bell := range a.waiting[told.Approval] {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}

func (a *approvals) close() {
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.stop != nil {
		a.stop()
		a.stop = nil
	}
}
