package sources

import (
	"context"
	"sync/atomic"
	"time"
)

// replicaPause is how long a replica that did not answer is left alone.
const replicaPause = 5 * time.Second

// Rotation chooses among the read replicas of a source, one after the other. It
// is safe for concurrent use.
type Rotation struct {
	next atomic.Uint64
	// resting are the times, in nanoseconds, until which replicas are left alone.
	resting []atomic.Int64
}

// NewRotation makes a rotation of so many replicas.
func NewRotation(replicas int) *Rotation { return &Rotation{resting: make([]atomic.Int64, replicas)} }

// Order gives the replicas to try, the one whose turn it is first. It is empty
// when there are none, or none that answer.
func (r *Rotation) Order() []int {
	count := len(r.resting)
	if count == 0 {
		return nil
	}
	now := time.Now().UnixNano()
	first := int(r.next.Add(1) % uint64(count)) // less than count
	order := make([]int, 0, count)
	for i := range count {
		replica := (first + i) % count
		if r.resting[replica].Load() <= now {
			order = append(order, replica)
		}
	}
	return order
}

// Primary stands for the database that the replicas are of.
const Primary = -1

// Run runs a statement in the replica whose turn it is, in another one if that
// does not answer, and in the primary where no replica can. It goes on only as
// long as no rows have been received. Of an error of a replica, atReplica tells
// whether the replica did not answer, and whether the statement can do better
// elsewhere.
func (r *Rotation) Run(
	ctx context.Context, run func(replica int) (received bool, err error), atReplica func(error) (silent, elsewhere bool),
) error {
	for _, replica := range r.Order() {
		received, err := run(replica)
		if err == nil {
			return nil
		}
		silent, elsewhere := atReplica(err)
		if received || ctx.Err() != nil || !elsewhere {
			return err
		}
		if silent {
			r.Failed(replica)
		}
	}
	_, err := run(Primary)
	return err
}

// Failed says that a replica did not answer.
func (r *Rotation) Failed(replica int) {
	r.resting[replica].Store(time.Now().Add(replicaPause).UnixNano())
}
