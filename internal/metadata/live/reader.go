package live

import (
	"context"
	"fmt"
	"sync"

	"dovetail/internal/metadata/catalog"
)

// mutex is a lock whose wait ends with a context.
type mutex chan struct{}

func newMutex() mutex { return make(mutex, 1) }

func (m mutex) lock(ctx context.Context) error {
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another change of the metadata: %w", ctx.Err())
	}
}

func (m mutex) unlock() { <-m }

// do holds the lock while f runs.
func (m mutex) do(ctx context.Context, f func(ctx context.Context) (bool, error)) (bool, error) {
	if err := m.lock(ctx); err != nil {
		return false, err
	}
	defer m.unlock()
	return f(ctx)
}

// reader reads sources for the states that a transaction builds. When the
// transaction starts over, because somebody else has changed the metadata
// meanwhile, the reader gives what it has read before, in the same order.
type reader struct {
	// before is called before a source is asked for anything; nil: nothing is.
	before func()

	mutex sync.Mutex
	parts map[string][]*part
	enums map[enumKey]enumRead
	// next counts what was asked for of each source since the transaction started.
	next map[string]int
}

// enumKey names the values of an enum table as one reading of its source found it.
type enumKey struct {
	read   uint64
	source string
	table  catalog.TableName
}

type enumRead struct {
	values []catalog.EnumValue
	err    error
}

// orNew gives a reader that knows nothing yet in the place of none.
func (r *reader) orNew() *reader {
	if r != nil {
		return r
	}
	return &reader{}
}

// read gives a source's part: what was read of it before if it still is the newest,
// otherwise what f reads. old is the base state's, nil if it is of another
// configuration.
func (r *reader) read(name, configuration string, old *part, f func() *part) *part {
	if p := r.again(name, configuration, old); p != nil {
		return p
	}
	if r.before != nil {
		r.before()
	}
	p := f()
	p.connection.retain() // until forget
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.parts == nil {
		r.parts = map[string][]*part{}
	}
	r.parts[name] = append(r.parts[name], p)
	return p
}

// again gives what was read of a source before, nil if it has to be read.
func (r *reader) again(name, configuration string, old *part) *part {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	i := r.next[name]
	if r.next == nil {
		r.next = map[string]int{}
	}
	r.next[name]++
	if i >= len(r.parts[name]) {
		return nil
	}
	p := r.parts[name][i]
	switch {
	case p.configuration != configuration:
		for _, p := range r.parts[name][i:] {
			p.connection.release()
		}
		r.parts[name] = r.parts[name][:i]
		return nil
	case old != nil && old.read > p.read:
		return old // somebody else has read it later
	}
	return p
}

// enum gives the values of an enum table: those that were read before, or what f
// reads.
func (r *reader) enum(
	read uint64, source string, table catalog.TableName, f func() ([]catalog.EnumValue, error),
) ([]catalog.EnumValue, error) {
	key := enumKey{read, source, table}
	r.mutex.Lock()
	known, ok := r.enums[key]
	r.mutex.Unlock()
	if ok {
		return known.values, known.err
	}
	if r.before != nil {
		r.before()
	}
	values, err := f()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.enums == nil {
		r.enums = map[enumKey]enumRead{}
	}
	r.enums[key] = enumRead{values, err}
	return values, err
}

// restart makes the reader give what it has read from the beginning.
func (r *reader) restart() { clear(r.next) }

// forget gives up the connections of what was read.
func (r *reader) forget() {
	for _, parts := range r.parts {
		for _, p := range parts {
			p.connection.release()
		}
	}
	r.parts = nil
}
