package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"dovetail/internal/orderedjson"
)

// handlers answer the workloads without the engine: prepared statements, typed
// scans, JSON by appending.
type handlers struct{ music, shop *pgxpool.Pool }

// input are the arguments of a handler.
type input struct {
	ID      int32  `json:"id"`
	Country string `json:"country"`
	Name    string `json:"name"`
}

// serveHandlers serves until standard input ends, which it does when the
// process that started this one goes away.
func serveHandlers(ctx context.Context, music, shop string, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &handlers{}
	for url, pool := range map[string]**pgxpool.Pool{music: &h.music, shop: &h.shop} {
		config, err := pgxpool.ParseConfig(url)
		if err != nil {
			return err
		}
		config.MaxConns = 10
		made, err := pgxpool.NewWithConfig(ctx, config)
		if err != nil {
			return err
		}
		defer made.Close()
		*pool = made
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, listener.Addr()); err != nil {
		return err
	}
	server := &http.Server{Handler: h.routes(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		ended <- errors.Join(err, server.Close())
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

type answer func(ctx context.Context, in *input, out []byte) ([]byte, error)

func (h *handlers) routes() http.Handler {
	mux := http.NewServeMux()
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	for path, f := range map[string]answer{
		"/single": h.single, "/list": h.list, "/nested": h.nested, "/join": h.join, "/dedup": h.dedup,
		"/flat": h.flat, "/flat-json": h.flatJSON,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var in input
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			buffer := buffers.Get().(*[]byte)
			defer buffers.Put(buffer)
			out, err := f(r.Context(), &in, (*buffer)[:0])
			*buffer = out
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("Content-Length", strconv.Itoa(len(out)))
			if _, err := w.Write(out); err != nil {
				slog.WarnContext(r.Context(), "answer not delivered", "error", err)
			}
		})
	}
	return mux
}

type artist struct {
	id            int32
	name, country string
	founded       time.Time
	rating        pgtype.Numeric
}

func (a *artist) append(out []byte) []byte {
	out = strconv.AppendInt(append(out, `{"id":`...), int64(a.id), 10)
	out = orderedjson.AppendString(append(out, `,"name":`...), a.name)
	out = orderedjson.AppendString(append(out, `,"country":`...), a.country)
	out = appendDate(append(out, `,"founded":`...), a.founded)
	out = appendNumeric(append(out, `,"rating":`...), &a.rating, 2)
	return append(out, '}')
}

func (h *handlers) single(ctx context.Context, in *input, out []byte) ([]byte, error) {
	var a artist
	err := h.music.QueryRow(ctx, "select id, name, country, founded, rating from artist where id = $1", in.ID).
		Scan(&a.id, &a.name, &a.country, &a.founded, &a.rating)
	if err != nil {
		return out, err
	}
	return append(a.append(append(out, `{"data":{"artist_by_pk":`...)), "}}"...), nil
}

func (h *handlers) list(ctx context.Context, in *input, out []byte) ([]byte, error) {
	rows, err := h.music.Query(ctx,
		"select id, name, country, founded, rating from artist where country = $1 and name > $2 order by name limit 50",
		in.Country, in.Name)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	out = append(out, `{"data":{"artist":[`...)
	var a artist
	for first := true; rows.Next(); first = false {
		if err := rows.Scan(&a.id, &a.name, &a.country, &a.founded, &a.rating); err != nil {
			return out, err
		}
		out = a.append(comma(out, first))
	}
	return append(out, "]}}"...), rows.Err()
}

type event struct {
	id         int64
	kind       string
	place      *int32
	amount     pgtype.Numeric
	ratio      float64
	valid      bool
	happenedAt time.Time
	device     [16]byte
}

func (h *handlers) flat(ctx context.Context, _ *input, out []byte) ([]byte, error) {
	rows, err := h.music.Query(ctx,
		"select id, kind, place, amount, ratio, valid, happened_at, device from event order by id limit 10000")
	if err != nil {
		return out, err
	}
	defer rows.Close()
	out = append(out, `{"data":{"event":[`...)
	var e event
	for first := true; rows.Next(); first = false {
		if err := rows.Scan(&e.id, &e.kind, &e.place, &e.amount, &e.ratio, &e.valid, &e.happenedAt, &e.device); err != nil {
			return out, err
		}
		out = strconv.AppendInt(append(comma(out, first), `{"id":`...), e.id, 10)
		out = orderedjson.AppendString(append(out, `,"kind":`...), e.kind)
		out = appendInt(append(out, `,"place":`...), e.place)
		out = appendNumeric(append(out, `,"amount":`...), &e.amount, 2)
		out = strconv.AppendFloat(append(out, `,"ratio":`...), e.ratio, 'f', -1, 64)
		out = strconv.AppendBool(append(out, `,"valid":`...), e.valid)
		out = e.happenedAt.UTC().AppendFormat(append(out, `,"happened_at":"`...), "2006-01-02T15:04:05.999999-07:00")
		out = appendUUID(append(out, `","device":"`...), e.device)
		out = append(out, `"}`...)
	}
	return append(out, "]}}"...), rows.Err()
}

// flatJSON lets the database build the JSON.
func (h *handlers) flatJSON(ctx context.Context, _ *input, out []byte) ([]byte, error) {
	var list []byte
	err := h.music.QueryRow(ctx, `select coalesce(json_agg(row_to_json(e)), '[]') from (
  select id, kind, place, amount, ratio, valid, happened_at, device from event order by id limit 10000
) e`).Scan(&list)
	return append(append(append(out, `{"data":{"event":`...), list...), "}}"...), err
}

func comma(out []byte, first bool) []byte {
	if first {
		return out
	}
	return append(out, ',')
}

func appendInt(out []byte, n *int32) []byte {
	if n == nil {
		return append(out, "null"...)
	}
	return strconv.AppendInt(out, int64(*n), 10)
}

func appendDate(out []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(out, '"'), time.DateOnly), '"')
}

// appendNumeric writes a small number with the digits of its column after the
// point.
func appendNumeric(out []byte, n *pgtype.Numeric, digits int) []byte {
	i := n.Int.Int64()
	for exponent := int(n.Exp); exponent != -digits; exponent-- {
		i *= 10
	}
	if i < 0 {
		out, i = append(out, '-'), -i
	}
	whole := int64(1)
	for range digits {
		whole *= 10
	}
	out = strconv.AppendInt(out, i/whole, 10)
	if digits == 0 {
		return out
	}
	out = append(out, '.')
	for rest := i % whole; whole > 1; {
		whole /= 10
		out = append(out, byte('0'+rest/whole))
		rest %= whole
	}
	return out
}

func appendUUID(out []byte, id [16]byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, digits[b>>4], digits[b&15])
	}
	return out
}
