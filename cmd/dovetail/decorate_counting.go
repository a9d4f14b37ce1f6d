//go:build decorated

package main

import (
	"context"
	"sync/atomic"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// counting is a decorator that counts what goes through it. The integration
// tests run with it (make test-decorated): whatever a source can do, it can do
// behind a decorator, too.
type counting struct {
	sources.Source
	statements, snapshots, transactions atomic.Int64
}

func decorate() func(sources.Source) sources.Source {
	return func(s sources.Source) sources.Source { return &counting{Source: s} }
}

// Run counts a statement.
func (c *counting) Run(ctx context.Context, s plan.Statement, args *plan.Arguments, bindings plan.Bindings, out *jsonshape.Answer) error {
	c.statements.Add(1)
	return c.Source.Run(ctx, s, args, bindings, out)
}

// Extras are the source's own, those that fetch and write counted.
func (c *counting) Extras() sources.Extras {
	out := c.Source.Extras()
	if out.Snapshots != nil {
		out.Snapshots = countingSnapshots{SnapshotSource: out.Snapshots, counting: c}
	}
	if out.Transactor != nil {
		out.Transactor = countingTransactor{Transactor: out.Transactor, counting: c}
	}
	return out
}

type countingSnapshots struct {
	sources.SnapshotSource
	counting *counting
}

// Snapshot counts a snapshot.
func (c countingSnapshots) Snapshot(ctx context.Context) (sources.Snapshot, error) {
	c.counting.snapshots.Add(1)
	return c.SnapshotSource.Snapshot(ctx)
}

type countingTransactor struct {
	sources.Transactor
	counting *counting
}

// Transact counts a transaction.
func (c countingTransactor) Transact(ctx context.Context, mutations []sources.Mutation) (failed int, err error) {
	c.counting.transactions.Add(1)
	return c.Transactor.Transact(ctx, mutations)
}
