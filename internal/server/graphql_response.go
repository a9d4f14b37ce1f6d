package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"dovetail/executor"
	"dovetail/internal/orderedjson"
	"dovetail/joins"
)

// flushAt is how much of a response is gathered before it is sent; longer
// stretches than sendAlone are not gathered.
const (
	flushAt   = 64 << 10
	sendAlone = 16 << 10
)

//nolint:gochecknoglobals // a pool is shared by its nature
var gathered = sync.Pool{New: func() any { return new([flushAt]byte) }}

// responseWriter writes a GraphQL response in stretches: the bytes that sources
// answered go out as they are.
type responseWriter struct {
	w    http.ResponseWriter
	all  *[flushAt]byte
	buf  []byte
	sent bool
	err  error
}

func newResponseWriter(w http.ResponseWriter) *responseWriter {
	all := gathered.Get().(*[flushAt]byte) //nolint:forcetypeassert // the pool holds nothing else
	return &responseWriter{w: w, all: all, buf: all[:0]}
}

func (o *responseWriter) bytes(p []byte) {
	if len(o.buf)+len(p) <= flushAt && len(p) < sendAlone {
		o.buf = append(o.buf, p...)
		return
	}
	if len(o.buf) > 0 {
		o.send(o.buf)
		o.buf = o.buf[:0]
	}
	if len(p) < sendAlone {
		o.buf = append(o.buf, p...)
		return
	}
	o.send(p)
}

func (o *responseWriter) send(p []byte) {
	o.sent = true
	if o.err == nil {
		_, o.err = o.w.Write(p)
	}
}

func (o *responseWriter) text(s string) { o.bytes([]byte(s)) }

// flush ends the response; nothing may be written any more.
func (o *responseWriter) flush(r *http.Request, s *Server) {
	if !o.sent {
		// A known length saves the chunks that the body would be sent in.
		o.w.Header().Set("Content-Length", strconv.Itoa(len(o.buf)))
	}
	o.send(o.buf)
	o.buf = nil
	gathered.Put(o.all)
	if o.err != nil {
		s.logger.DebugContext(r.Context(), "answer not delivered", "error", o.err.Error())
	}
}

const dataMember = `"data":`

// announce tells the length of a large response before its first byte is sent.
func (o *responseWriter) announce(answer *executor.Response) {
	size, known := answer.Size()
	if size += len("{" + dataMember + "}"); known && size > flushAt && len(answer.Errors) == 0 {
		o.w.Header().Set("Content-Length", strconv.Itoa(size))
	}
}

// response writes {"data":…,"errors":[…]}; without data only the errors, as v2
// does.
func (o *responseWriter) response(answer *executor.Response, internal bool) {
	o.text("{")
	if answer.HasData {
		o.text(dataMember)
		answer.WriteData(o.bytes)
	}
	if len(answer.Errors) > 0 {
		if answer.HasData {
			o.text(",")
		}
		o.text(`"errors":[`)
		for i := range answer.Errors {
			if i > 0 {
				o.text(",")
			}
			o.bytes(errorJSON(&answer.Errors[i], internal))
		}
		o.text("]")
	}
	o.text("}")
}

func (o *responseWriter) refusal(r *refusal, internal bool) {
	o.text(`{"errors":[`)
	e := &executor.Error{Message: r.message, Code: r.code, Location: r.path, Internal: r.internal}
	o.bytes(errorJSON(e, internal))
	o.text("]}")
}

// errorJSON writes one entry of errors. A remote schema's own entry is passed
// on, with our path in place of its.
func errorJSON(e *executor.Error, internal bool) []byte {
	if e.Upstream != nil {
		return upstreamJSON(e)
	}
	out := []byte(`{"message":`)
	out = orderedjson.AppendString(out, e.Message)
	out = appendPath(out, e.Path)
	out = append(out, `,"extensions":{"path":`...)
	out = orderedjson.AppendString(out, e.Location)
	out = append(out, `,"code":`...)
	out = orderedjson.AppendString(out, e.Code)
	if e.Source != "" && len(e.Path) > 0 {
		out = append(out, `,"source":`...)
		out = orderedjson.AppendString(out, e.Source)
	}
	if internal && e.Internal != nil {
		if detail, err := json.Marshal(e.Internal); err == nil {
			out = append(out, `,"internal":`...)
			out = append(out, detail...)
		}
	}
	return append(out, "}}"...)
}

func appendPath(out []byte, path []joins.Step) []byte {
	if len(path) == 0 {
		return out
	}
	out = append(out, `,"path":[`...)
	for i, step := range path {
		if i > 0 {
			out = append(out, ',')
		}
		if step.List {
			out = append(out, formatInt(int64(step.Index))...)
		} else {
			out = orderedjson.AppendString(out, step.Name)
		}
	}
	return append(out, ']')
}

func upstreamJSON(e *executor.Error) []byte {
	j, err := orderedjson.Parse(e.Upstream)
	if err != nil || j.Kind != orderedjson.Object {
		return errorJSON(&executor.Error{Message: e.Message, Code: e.Code, Location: e.Location, Path: e.Path, Source: e.Source}, false)
	}
	out := []byte{'{'}
	for i, key := range j.Keys {
		if key == "path" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = orderedjson.AppendString(out, key)
		out = append(out, ':')
		out = j.Items[i].Append(out)
	}
	if len(e.Path) > 0 && len(out) == 1 {
		out = append(out, `"message":null`...)
	}
	return append(appendPath(out, e.Path), '}')
}
