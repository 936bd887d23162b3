package redisstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"patchcord/buffer"
	"patchcord/crm"
)

// One script call takes at most so much, so that nobody else waits long for the server.
const (
	maxCallEntries = 512
	maxCallBytes   = 1 << 20 // reached by the last entry
)

// Append implements buffer.Log. Entries that the server has but did not confirm
// as durable in time are not counted, and ErrUnavailable is returned: append them again.
func (l *Log) Append(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	if err := buffer.CheckOrder(entries); err != nil {
		return 0, err
	}
	if err := l.inspected(ctx); err != nil {
		return 0, unavailable(ctx, "append to log of "+pbx, err)
	}
	stored := 0
	for stored < len(entries) {
		n, err := l.appendSome(ctx, pbx, chunk(entries[stored:]))
		stored += n
		if err != nil {
			return stored, err
		}
	}
	return stored, nil
}

func chunk(entries []buffer.Entry) []buffer.Entry {
	size := 0
	for i, e := range entries {
		if i == maxCallEntries || size >= maxCallBytes {
			return entries[:i]
		}
		size += len(e.Data)
	}
	return entries
}

// answer is what the script returns.
type answer struct {
	status string
	stored int
	top    crm.Position // before
	detail string
}

func (l *Log) appendSome(ctx context.Context, pbx string, entries []buffer.Entry) (int, error) {
	a, err := l.attempt(ctx, pbx, entries, l.durableOf(pbx))
	if !errors.Is(err, buffer.ErrRegressed) {
		l.learn(pbx, a, entries)
		return a.stored, err
	}
	if restored := l.restore(ctx, pbx, a.top); restored != nil {
		return 0, restored
	}
	a, err = l.attempt(ctx, pbx, entries, l.durableOf(pbx))
	l.learn(pbx, a, entries)
	return a.stored, err
}

// attempt appends once. durable is what the log must still have.
func (l *Log) attempt(ctx context.Context, pbx string, entries []buffer.Entry, durable crm.Position) (answer, error) {
	what := fmt.Sprintf("append %s to log of %s", entries[0].Pos, pbx)
	a, err := l.call(ctx, pbx, entries, durable)
	if err != nil {
		l.doubt()
		return answer{}, unavailable(ctx, what, err)
	}
	switch a.status {
	case "OK":
		return a, nil
	case "FENCED":
		err = buffer.ErrFenced
	case "CONFLICT":
		err = buffer.ErrConflict
	case "REGRESSED":
		err = buffer.ErrRegressed
	default:
		l.doubt()
		err = fmt.Errorf("%w: %s", buffer.ErrUnavailable, a.detail)
	}
	return a, fmt.Errorf("%s with top %s: %w", what, a.top, err)
}

// restore appends again what the log had after top and lost: a replica was promoted that had
// not got it yet. The error is ErrRegressed when this process does not have all of it; on any
// other one nothing that is kept is forgotten, and the next Append comes here again.
func (l *Log) restore(ctx context.Context, pbx string, top crm.Position) error {
	l.mu.Lock()
	entries, whole := l.tailOf(pbx).after(top)
	l.mu.Unlock()
	if !whole {
		return fmt.Errorf("log of %s: %w, and not all of them are kept in memory", pbx, buffer.ErrRegressed)
	}
	for rest := entries; len(rest) > 0; {
		some := chunk(rest)
		if _, err := l.attempt(ctx, pbx, some, top); err != nil {
			return err
		}
		rest = rest[len(some):]
	}
	l.cfg.Logger.Warn("redis had lost the end of the log, by a failover probably; it was appended again from memory",
		"pbx", pbx, "end", top.String(), "entries", len(entries))
	return nil
}

// call runs the script and the wait for durability in one pipeline: both go over
// one connection, which is what WAIT and WAITAOF look at.
func (l *Log) call(ctx context.Context, pbx string, entries []buffer.Entry, durable crm.Position) (answer, error) {
	node, err := l.node(ctx, l.key(pbx))
	if err != nil {
		return answer{}, err
	}
	args := args(entries, durable)
	a, err := l.callWith(ctx, node, func(p redis.Pipeliner) *redis.Cmd {
		return appendScript.EvalSha(ctx, p, []string{l.key(pbx)}, args...)
	})
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		a, err = l.callWith(ctx, node, func(p redis.Pipeliner) *redis.Cmd {
			return appendScript.Eval(ctx, p, []string{l.key(pbx)}, args...)
		})
	}
	if redis.HasErrorPrefix(err, "MOVED") {
		l.client.(*redis.ClusterClient).ReloadState(ctx) // for the next attempt
	}
	return a, err
}

func (l *Log) callWith(ctx context.Context, node *redis.Client, run func(redis.Pipeliner) *redis.Cmd) (answer, error) {
	pipe := node.Pipeline()
	script := run(pipe)
	var confirmed *redis.Cmd
	wait := l.waiting()
	if wait != nil {
		confirmed = pipe.Do(ctx, wait.args...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return answer{}, err
	}
	a, err := parseAnswer(script)
	if err != nil || confirmed == nil {
		return a, err
	}
	return a, wait.confirm(confirmed)
}

func args(entries []buffer.Entry, durable crm.Position) []any {
	list := make([]any, 0, 1+2*len(entries))
	list = append(list, durable.String())
	for _, e := range entries {
		list = append(list, e.Pos.String(), buffer.AppendRecord(nil, e))
	}
	return list
}

func parseAnswer(c *redis.Cmd) (a answer, err error) {
	reply, err := c.Slice()
	if err != nil {
		return a, err
	}
	if len(reply) < 3 {
		return a, fmt.Errorf("the script answered %d values", len(reply))
	}
	status, ok1 := reply[0].(string)
	stored, ok2 := reply[1].(int64)
	top, ok3 := reply[2].(string)
	if !ok1 || !ok2 || !ok3 {
		return a, errors.New("the script answered values of other types")
	}
	if len(reply) > 3 {
		a.detail, _ = reply[3].(string)
	}
	a.status, a.stored = status, int(stored)
	a.top, err = crm.ParsePosition(top)
	return a, err
}

// learn remembers the last durable position, and the entries. It goes back only when the log
// did and the caller appended again what it had kept.
func (l *Log) learn(pbx string, a answer, entries []buffer.Entry) {
	if a.stored == 0 {
		return
	}
	last := entries[a.stored-1].Pos
	l.mu.Lock()
	defer l.mu.Unlock()
	if durable := l.durable[pbx]; last.Compare(durable) > 0 || a.top.Compare(durable) < 0 {
		l.durable[pbx] = last
	}
	l.tailOf(pbx).keep(entries[:a.stored], a.top, l.cfg.TailBytes)
}

func (l *Log) durableOf(pbx string) crm.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable[pbx]
}

// tailOf returns what is kept of the PBX's log. mu is held.
func (l *Log) tailOf(pbx string) *tail {
	t := l.tails[pbx]
	if t == nil {
		t = &tail{}
		l.tails[pbx] = t
	}
	return t
}
