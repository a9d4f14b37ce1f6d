package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Hash names what the operation asks for, whatever the values it asks with, its
// name and its aliases: requests that only differ in those have the same hash.
func (o *Operation) Hash() string {
	o.hashing.Do(func() {
		h := hasher{Hash: sha256.New(), document: o.document, spread: map[string]bool{}}
		h.write(string(o.document.Operation.Operation))
		h.set(o.document.Operation.SelectionSet)
		o.hash = hex.EncodeToString(h.Sum(nil)[:20])
	})
	return o.hash
}

type hasher struct {
	hash.Hash
	document *Document
	// spread are the fragments that are in the hash; further uses name them only.
	spread map[string]bool
}

// write adds a word; a hash never fails.
func (h *hasher) write(words ...string) {
	for _, w := range words {
		_, _ = io.WriteString(h, w)
		_, _ = h.Write([]byte{0})
	}
}

func (h *hasher) set(set ast.SelectionSet) {
	h.write("{")
	for _, selection := range set {
		switch n := selection.(type) {
		case *ast.Field:
			h.write(n.Name)
			h.arguments(n.Arguments)
			h.directives(n.Directives)
			if len(n.SelectionSet) > 0 {
				h.set(n.SelectionSet)
			}
		case *ast.InlineFragment:
			h.write("...", n.TypeCondition)
			h.directives(n.Directives)
			h.set(n.SelectionSet)
		case *ast.FragmentSpread:
			h.write("...", n.Name)
			h.directives(n.Directives)
			if f, ok := h.document.Fragment(n.Name); ok && !h.spread[n.Name] {
				h.spread[n.Name] = true
				h.write(f.TypeCondition)
				h.set(f.SelectionSet)
			}
		}
	}
	h.write("}")
}

func (h *hasher) directives(list ast.DirectiveList) {
	for _, d := range list {
		h.write("@", d.Name)
		h.arguments(d.Arguments)
	}
}

func (h *hasher) arguments(list ast.ArgumentList) {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b *ast.Argument) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range sorted {
		h.write("(", a.Name)
		h.value(a.Value)
	}
}

// value adds the shape of a value: keys of objects, but no scalars.
func (h *hasher) value(v *ast.Value) {
	switch v.Kind {
	case ast.ObjectValue:
		children := slices.SortedFunc(slices.Values(v.Children), func(a, b *ast.ChildValue) int { return strings.Compare(a.Name, b.Name) })
		for _, c := range children {
			h.write(":", c.Name)
			h.value(c.Value)
		}
	case ast.EnumValue: // it says what is asked for rather than of what
		h.write(v.Raw)
	case ast.ListValue, ast.Variable, ast.IntValue, ast.FloatValue, ast.StringValue, ast.BlockValue, ast.BooleanValue, ast.NullValue:
	}
}
