package server

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressMinimum is the size below which compression costs more than it saves;
// v2's is the same.
const compressMinimum = 700

// encoder compresses to a writer and can be used again.
type encoder interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// coding is a way to compress.
type coding struct {
	name string
	pool *sync.Pool
}

// brotliLevel is as fast as gzip's usual level, and smaller.
const brotliLevel = 4

// codings are the ways to compress, best first: of those that a client likes
// equally, the first is taken.
var codings = []coding{
	{name: "zstd", pool: &sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
		if err != nil {
			return nil // the options are fixed: it does not happen
		}
		return e
	}}},
	{name: "br", pool: &sync.Pool{New: func() any { return brotli.NewWriterLevel(nil, brotliLevel) }}},
	{name: "gzip", pool: &sync.Pool{New: func() any { return gzip.NewWriter(nil) }}},
}

// chooseCoding picks how to compress by an Accept-Encoding header; nil: not at
// all.
func chooseCoding(header string) *coding {
	if header == "" {
		return nil
	}
	weights := map[string]float64{}
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		weights[strings.ToLower(strings.TrimSpace(name))] = quality(parameters)
	}
	var best *coding
	var most float64
	for i := range codings {
		weight, ok := weights[codings[i].name]
		if !ok && codings[i].name == "gzip" {
			weight = weights["*"] // whatever: everybody knows gzip
		}
		if weight > most {
			best, most = &codings[i], weight
		}
	}
	return best
}

// quality reads the weight among a header's parameters; 1 without one.
func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		if weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
			return weight
		}
	}
	return 1
}

// compress makes a writer that compresses larger answers for clients that
// accept it; finish ends the answer.
func compress(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, func()) {
	chosen := chooseCoding(r.Header.Get("Accept-Encoding"))
	if chosen == nil || r.Header.Get("Upgrade") != "" {
		return w, func() {}
	}
	c := &compressor{ResponseWriter: w, coding: chosen}
	return c, c.finish
}

// compressor compresses an answer that is large enough. What is written first is
// kept until that is known.
type compressor struct {
	http.ResponseWriter
	coding  *coding
	status  int
	decided bool
	kept    []byte
	writer  encoder
}

// WriteHeader implements http.ResponseWriter; the header goes out when the size
// is known.
func (c *compressor) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

// decide sends the header for an answer of at least a size.
func (c *compressor) decide(size int) {
	c.decided = true
	c.Header().Add("Vary", "Accept-Encoding")
	if size >= compressMinimum && c.Header().Get("Content-Encoding") == "" {
		if e, ok := c.coding.pool.Get().(encoder); ok {
			c.Header().Set("Content-Encoding", c.coding.name)
			c.Header().Del("Content-Length")
			e.Reset(c.ResponseWriter)
			c.writer = e
		}
	}
	if c.status != 0 {
		c.ResponseWriter.WriteHeader(c.status)
	}
}

// Write implements http.ResponseWriter.
func (c *compressor) Write(p []byte) (int, error) {
	if c.decided {
		return c.pass(p)
	}
	size := len(c.kept) + len(p)
	if known, err := strconv.Atoi(c.Header().Get("Content-Length")); err == nil {
		size = known
	} else if size < compressMinimum {
		c.kept = append(c.kept, p...)
		return len(p), nil
	}
	c.decide(size)
	if err := c.passKept(); err != nil {
		return 0, err
	}
	return c.pass(p)
}

// drop forgets an answer of which nothing has gone out.
func (c *compressor) drop() {
	if !c.decided {
		c.kept, c.status = nil, 0
		c.Header().Del("Content-Length")
	}
}

// passKept passes on what was kept.
func (c *compressor) passKept() error {
	if len(c.kept) == 0 {
		return nil
	}
	_, err := c.pass(c.kept)
	c.kept = nil
	return err
}

// pass writes where the decision says.
func (c *compressor) pass(p []byte) (int, error) {
	if c.writer != nil {
		return c.writer.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *compressor) finish() {
	if !c.decided && (c.status != 0 || len(c.kept) > 0) {
		c.decide(len(c.kept))
		// An error is the connection's: the client is gone.
		_ = c.passKept()
	}
	if c.writer != nil {
		// An error here is the connection's: the client is gone.
		_ = c.writer.Close()
		c.writer.Reset(io.Discard) // lets go of the connection
		c.coding.pool.Put(c.writer)
		c.writer = nil
	}
}
