package bench

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"dovetail/internal/orderedjson"
)

type concert struct {
	id       int32
	city     string
	playedOn time.Time
	tickets  *int32
}

type member struct {
	id         int32
	name       string
	instrument *string
	joined     time.Time
}

// The parents' keys are found in each statement anew, so that all three go out
// together: one round trip.
const (
	nestedArtists  = "select id, name from artist where id > $1 order by id limit 50"
	nestedConcerts = `select p.id, c.id, c.city, c.played_on, c.tickets
from (select id from artist where id > $1 order by id limit 50) p, lateral (
  select id, city, played_on, tickets from concert where artist_id = p.id order by played_on desc, id limit 5
) c order by p.id, c.played_on desc, c.id`
	nestedMembers = `select p.id, m.id, m.name, m.instrument, m.joined
from (select id from artist where id > $1 order by id limit 50) p, lateral (
  select id, name, instrument, joined from member where artist_id = p.id order by id limit 5
) m order by p.id, m.id`
)

func (h *handlers) nested(ctx context.Context, in *input, out []byte) ([]byte, error) {
	type parent struct {
		id       int32
		name     string
		concerts []concert
		members  []member
	}
	parents := make([]parent, 0, 50)
	at := make(map[int32]int, 50)
	var batch pgx.Batch
	batch.Queue(nestedArtists, in.ID).Query(func(rows pgx.Rows) error {
		var p parent
		for rows.Next() {
			if err := rows.Scan(&p.id, &p.name); err != nil {
				return err
			}
			at[p.id] = len(parents)
			parents = append(parents, p)
		}
		return rows.Err()
	})
	batch.Queue(nestedConcerts, in.ID).Query(func(rows pgx.Rows) error {
		var id int32
		var c concert
		for rows.Next() {
			if err := rows.Scan(&id, &c.id, &c.city, &c.playedOn, &c.tickets); err != nil {
				return err
			}
			p := &parents[at[id]]
			p.concerts = append(p.concerts, c)
		}
		return rows.Err()
	})
	batch.Queue(nestedMembers, in.ID).Query(func(rows pgx.Rows) error {
		var id int32
		var m member
		for rows.Next() {
			if err := rows.Scan(&id, &m.id, &m.name, &m.instrument, &m.joined); err != nil {
				return err
			}
			p := &parents[at[id]]
			p.members = append(p.members, m)
		}
		return rows.Err()
	})
	if err := h.music.SendBatch(ctx, &batch).Close(); err != nil {
		return out, err
	}
	out = append(out, `{"data":{"artist":[`...)
	for i := range parents {
		p := &parents[i]
		out = strconv.AppendInt(append(comma(out, i == 0), `{"id":`...), int64(p.id), 10)
		out = orderedjson.AppendString(append(out, `,"name":`...), p.name)
		out = append(out, `,"concerts":[`...)
		for j := range p.concerts {
			out = p.concerts[j].append(comma(out, j == 0))
		}
		out = append(out, `],"members":[`...)
		for j := range p.members {
			out = p.members[j].append(comma(out, j == 0))
		}
		out = append(out, "]}"...)
	}
	return append(out, "]}}"...), nil
}

func (c *concert) append(out []byte) []byte {
	out = strconv.AppendInt(append(out, `{"id":`...), int64(c.id), 10)
	out = orderedjson.AppendString(append(out, `,"city":`...), c.city)
	out = appendDate(append(out, `,"played_on":`...), c.playedOn)
	out = appendInt(append(out, `,"tickets":`...), c.tickets)
	return append(out, '}')
}

func (m *member) append(out []byte) []byte {
	out = strconv.AppendInt(append(out, `{"id":`...), int64(m.id), 10)
	out = orderedjson.AppendString(append(out, `,"name":`...), m.name)
	out = append(out, `,"instrument":`...)
	if m.instrument == nil {
		out = append(out, "null"...)
	} else {
		out = orderedjson.AppendString(out, *m.instrument)
	}
	out = appendDate(append(out, `,"joined":`...), m.joined)
	return append(out, '}')
}

type album struct {
	id       int32
	title    string
	released time.Time
	price    pgtype.Numeric
}

func (a *album) append(out []byte) []byte {
	out = strconv.AppendInt(append(out, `{"id":`...), int64(a.id), 10)
	out = orderedjson.AppendString(append(out, `,"title":`...), a.title)
	out = appendDate(append(out, `,"released":`...), a.released)
	out = appendNumeric(append(out, `,"price":`...), &a.price, 2)
	return append(out, '}')
}

func (h *handlers) join(ctx context.Context, in *input, out []byte) ([]byte, error) {
	type parent struct {
		id            int32
		name, country string
	}
	parents := make([]parent, 0, 50)
	ids := make([]int32, 0, 50)
	rows, err := h.music.Query(ctx, "select id, name, country from artist where id > $1 order by id limit 50", in.ID)
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		var p parent
		if err := rows.Scan(&p.id, &p.name, &p.country); err != nil {
			return out, err
		}
		parents = append(parents, p)
		ids = append(ids, p.id)
	}
	if err := rows.Err(); err != nil {
		return out, err
	}
	albums, err := h.shop.Query(ctx, `select k.id, a.id, a.title, a.released, a.price from unnest($1::int[]) k(id), lateral (
  select id, title, released, price from album where artist_id = k.id order by released desc, id limit 5
) a order by k.id, a.released desc, a.id`, ids)
	if err != nil {
		return out, err
	}
	defer albums.Close()
	lists := make(map[int32][]byte, len(ids))
	for albums.Next() {
		var id int32
		var a album
		if err := albums.Scan(&id, &a.id, &a.title, &a.released, &a.price); err != nil {
			return out, err
		}
		list := lists[id]
		lists[id] = a.append(comma(list, len(list) == 0))
	}
	out = append(out, `{"data":{"artist":[`...)
	for i := range parents {
		p := &parents[i]
		out = strconv.AppendInt(append(comma(out, i == 0), `{"id":`...), int64(p.id), 10)
		out = orderedjson.AppendString(append(out, `,"name":`...), p.name)
		out = orderedjson.AppendString(append(out, `,"country":`...), p.country)
		out = append(append(out, `,"albums":[`...), lists[p.id]...)
		out = append(out, "]}"...)
	}
	return append(out, "]}}"...), albums.Err()
}

func (h *handlers) dedup(ctx context.Context, _ *input, out []byte) ([]byte, error) {
	type play struct {
		id, album, seconds int32
		listener           string
	}
	plays := make([]play, 0, 5000)
	albums := make(map[int32][]byte, 100)
	var ids []int32
	rows, err := h.music.Query(ctx, "select id, album_id, listener, seconds from play order by id")
	if err != nil {
		return out, err
	}
	defer rows.Close()
	for rows.Next() {
		var p play
		if err := rows.Scan(&p.id, &p.album, &p.listener, &p.seconds); err != nil {
			return out, err
		}
		plays = append(plays, p)
		if _, known := albums[p.album]; !known {
			albums[p.album] = []byte("null")
			ids = append(ids, p.album)
		}
	}
	if err := rows.Err(); err != nil {
		return out, err
	}
	found, err := h.shop.Query(ctx, "select id, title, released, price from album where id = any($1)", ids)
	if err != nil {
		return out, err
	}
	defer found.Close()
	for found.Next() {
		var a album
		if err := found.Scan(&a.id, &a.title, &a.released, &a.price); err != nil {
			return out, err
		}
		albums[a.id] = a.append(nil)
	}
	out = append(out, `{"data":{"play":[`...)
	for i := range plays {
		p := &plays[i]
		out = strconv.AppendInt(append(comma(out, i == 0), `{"id":`...), int64(p.id), 10)
		out = orderedjson.AppendString(append(out, `,"listener":`...), p.listener)
		out = strconv.AppendInt(append(out, `,"seconds":`...), int64(p.seconds), 10)
		out = append(append(out, `,"album":`...), albums[p.album]...)
		out = append(out, '}')
	}
	return append(out, "]}}"...), found.Err()
}
