package remoteschema

import (
	"strconv"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/plan"
)

// maxCachedDocuments bounds how many texts of a document, one per number of
// keys, are kept.
const maxCachedDocuments = 16

// document is the text of an operation. A lookup's selection is repeated for
// every key, with the key's number in its alias and its variables.
type document struct {
	operation plan.OperationKind
	// lookup documents are repeated per key, the others printed once.
	lookup bool
	prefix string // starts the names of aliases and variables that are ours
	// client variables are declared and forwarded under their own names.
	client []clientVariable
	// shared slots have one value per request, keyed slots one per key.
	shared, keyed []slot
	segments      []segment

	mu    sync.Mutex
	texts map[int]string
}

// clientVariable is a variable of the client's operation.
type clientVariable struct{ name, declared string }

// slot is a variable of ours.
type slot struct {
	declared string
	typ      *ast.Type
	value    plan.Value
	// perKey: the variable is a list of the value for each key.
	perKey bool
}

// segment is a stretch of the selection's text and, where keyed is not
// negative, a reference to a keyed slot's variable after it.
type segment struct {
	text  string
	keyed int
}

func (d *document) appendKeyed(dst []byte, key, slot int) []byte {
	dst = append(dst, d.prefix...)
	dst = strconv.AppendInt(dst, int64(key), 10)
	dst = append(dst, '_')
	return strconv.AppendInt(dst, int64(slot), 10)
}

func (d *document) sharedName(slot int) string {
	return d.prefix + "v" + strconv.Itoa(slot)
}

// text is the document for a number of keys.
func (d *document) text(keys int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if text, ok := d.texts[keys]; ok {
		return text
	}
	text := d.print(keys)
	if d.texts == nil {
		d.texts = map[int]string{}
	}
	if len(d.texts) == maxCachedDocuments {
		for other := range d.texts {
			delete(d.texts, other) // any: what is asked often comes back
			break
		}
	}
	d.texts[keys] = text
	return text
}

func (d *document) print(keys int) string {
	out := append([]byte(nil), d.operation...)
	separator := "("
	declare := func(name, declared string) {
		out = append(out, separator...)
		out = append(out, '$')
		out = append(out, name...)
		out = append(out, ": "...)
		out = append(out, declared...)
		separator = ", "
	}
	for _, v := range d.client {
		declare(v.name, v.declared)
	}
	for i, s := range d.shared {
		declare(d.sharedName(i), s.declared)
	}
	if d.lookup {
		for key := range keys {
			for i, s := range d.keyed {
				declare(string(d.appendKeyed(nil, key, i)), s.declared)
			}
		}
	}
	if separator != "(" {
		out = append(out, ')')
	}
	out = append(out, " {"...)
	if !d.lookup {
		keys = 1
	}
	for key := range keys {
		if d.lookup {
			out = append(out, ' ')
			out = append(out, d.prefix...)
			out = strconv.AppendInt(out, int64(key), 10)
			out = append(out, ':')
		}
		for _, s := range d.segments {
			out = append(out, s.text...)
			if s.keyed >= 0 {
				out = d.appendKeyed(out, key, s.keyed)
			}
		}
	}
	return string(append(out, " }"...))
}

// segmentWriter collects the segments of a selection.
type segmentWriter struct {
	segments []segment
	text     strings.Builder
}

func (w *segmentWriter) write(texts ...string) {
	for _, t := range texts {
		w.text.WriteString(t)
	}
}

func (w *segmentWriter) keyedReference(slot int) {
	w.segments = append(w.segments, segment{text: w.text.String(), keyed: slot})
	w.text.Reset()
}

func (w *segmentWriter) end() []segment {
	if w.text.Len() > 0 {
		w.segments = append(w.segments, segment{text: w.text.String(), keyed: -1})
		w.text.Reset()
	}
	return w.segments
}
