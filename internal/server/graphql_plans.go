package server

import (
	"container/list"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/live"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
	"dovetail/planner"
)

// Bounds of what is kept per state.
const (
	maxOperations    = 4096
	maxOperationText = 64 << 10
)

// planCache keeps the schemas of roles and the operations planned against them,
// for one state of the metadata.
type planCache struct {
	mu         sync.Mutex
	schemas    map[string]*schema.Schema
	operations map[string]*list.Element
	recent     list.List // of cachedOperation, most recent first
}

type cachedOperation struct {
	key       string
	operation *planner.Operation
}

// newPlanCache makes the empty plan cache of a state.
func newPlanCache(*live.State) *planCache {
	return &planCache{schemas: map[string]*schema.Schema{}, operations: map[string]*list.Element{}}
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
	operation, err := c.operation(catalogue, role, request)
	if err != nil {
		return nil, refusalOf(err)
	}
	if refused := check(operation); refused != nil {
		return nil, refused
	}
	made, err := operation.Plan(ctx, request.variables, maxNodes)
	if err != nil {
		return nil, refusalOf(err)
	}
	return made, nil
}

func (c *planCache) operation(catalogue *catalog.Catalog, role string, request *graphQLRequest) (*planner.Operation, error) {
	s := c.schema(catalogue, role, request.relay, request.backend)
	if len(request.query) > maxOperationText {
		return planner.Prepare(s, request.query, request.operationName)
	}
	key := strings.Join([]string{s.Role, strconv.FormatBool(request.relay), strconv.FormatBool(request.backend), request.operationName, request.query}, "\x00")
	c.mu.Lock()
	if e, ok := c.operations[key]; ok {
		c.recent.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cachedOperation).operation, nil //nolint:forcetypeassert // the list holds nothing else
	}
	c.mu.Unlock()
	operation, err := planner.Prepare(s, request.query, request.operationName)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.operations[key]; ok {
		return e.Value.(*cachedOperation).operation, nil //nolint:forcetypeassert // the list holds nothing else
	}
	c.operations[key] = c.recent.PushFront(&cachedOperation{key: key, operation: operation})
	if c.recent.Len() > maxOperations {
		oldest := c.recent.Back()
		c.recent.Remove(oldest)
		delete(c.operations, oldest.Value.(*cachedOperation).key) //nolint:forcetypeassert // the list holds nothing else
	}
	return operation, nil
}
