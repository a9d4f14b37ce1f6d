package server

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/maypok86/otter/v2"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/planner"
)

// DefaultPlanCacheBytes is how much memory the plans that are kept may take unless a
// setting says otherwise.
const DefaultPlanCacheBytes = 64 << 20

// planCache keeps the schemas of roles and the operations planned against them,
// for one state of the metadata.
type planCache struct {
	mu         sync.Mutex
	schemas    map[string]*schema.Schema
	operations *otter.Cache[operationKey, keptOperation]
}

// operationKey is what an operation is found by.
type operationKey struct {
	role           string
	relay, backend bool
	name, text     string
}

// keptOperation is an operation with its weight when it was kept.
type keptOperation struct {
	operation *planner.Operation
	weight    int
}

// newPlanCache makes a plan cache that takes about so many bytes at most (0: the
// default).
func newPlanCache(most int) *planCache {
	if most <= 0 {
		most = DefaultPlanCacheBytes
	}
	return &planCache{
		schemas: map[string]*schema.Schema{},
		operations: otter.Must(&otter.Options[operationKey, keptOperation]{
			MaximumWeight: uint64(most),
			Weigher:       func(_ operationKey, kept keptOperation) uint32 { return uint32(min(kept.weight, math.MaxUint32)) }, //nolint:gosec // not below zero
		}),
	}
}

// schema is the schema of a role, or its Relay schema. Roles that no permission names share one.
func (c *planCache) schema(catalogue *catalog.Catalog, role string, relay, backend bool) *schema.Schema {
	key, create := role, schema.ForRole
	if role != catalog.AdminRole {
		if _, known := slices.BinarySearch(catalogue.Roles, role); !known {
			key = ""
		}
	}
	var options []schema.Option
	if backend {
		key += "\x00backend"
		options = append(options, schema.WithBackendOnly)
	}
	if relay {
		key, create = key+"\x00relay", schema.ForRelay
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.schemas[key]
	if !ok {
		s = create(catalogue, role, options...)
		c.schemas[key] = s
	}
	return s
}

// plan gives the plan of a request, once it has passed a check; the context and the
// number of nodes bound the making of one.
func (c *planCache) plan(ctx context.Context, maxNodes int, catalogue *catalog.Catalog, role string, request *graphQLRequest, check func(*planner.Operation) *refusal) (*plan.Plan, *refusal) {
	s := c.schema(catalogue, role, request.relay, request.backend)
	key := operationKey{role: s.Role, relay: request.relay, backend: request.backend, name: request.operationName, text: request.query}
	kept, ok := c.operations.GetIfPresent(key)
	if !ok {
		// The text of a request may be a part of its whole body.
		key.name, key.text = strings.Clone(key.name), strings.Clone(key.text)
		operation, err := planner.Prepare(s, key.text, key.name)
		if err != nil {
			return nil, refusalOf(err)
		}
		kept.operation = operation
	}
	if refused := check(kept.operation); refused != nil {
		return nil, refused
	}
	made, err := kept.operation.Plan(ctx, request.variables, maxNodes)
	if err != nil {
		return nil, refusalOf(err)
	}
	if weight := kept.operation.Weight(); weight != kept.weight {
		c.keep(key, kept.operation)
	}
	return made, nil
}

// keep keeps an operation with the weight that it now has. Of operations that were
// prepared for the same text at the same time, the first is kept.
func (c *planCache) keep(key operationKey, operation *planner.Operation) {
	c.operations.Compute(key, func(old keptOperation, found bool) (keptOperation, otter.ComputeOp) {
		if found && old.operation != operation {
			return old, otter.CancelOp
		}
		return keptOperation{operation: operation, weight: operation.Weight()}, otter.WriteOp
	})
}
