package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"dovetail/sources"
)

var errRecord = errors.New("the database sent a malformed record")

// cellPool lends the slices into which nested records are split.
var cellPool = sync.Pool{New: func() any { return new([][]byte) }} //nolint:gochecknoglobals // a pool is shared by its nature

// splitRecord splits the binary form of a record: a count of fields, then an
// OID, a length and the bytes of each. The OIDs must be those of the codecs.
func splitRecord(cell []byte, oids []uint32, cells [][]byte) ([][]byte, error) {
	if len(cell) < 4 {
		return nil, errRecord
	}
	count := int(binary.BigEndian.Uint32(cell))
	if count != len(oids) {
		return nil, fmt.Errorf("the database sent a record of %d fields instead of %d", count, len(oids))
	}
	cell = cell[4:]
	cells = cells[:0]
	for _, oid := range oids {
		if len(cell) < 8 {
			return nil, errRecord
		}
		if got := binary.BigEndian.Uint32(cell); oid != 0 && got != oid {
			return nil, sources.ErrTypeChanged
		}
		value, rest, ok := lengthPrefixed(cell[4:])
		if !ok {
			return nil, errRecord
		}
		cells, cell = append(cells, value), rest
	}
	return cells, nil
}

// lengthPrefixed takes a length and that many bytes; length -1 is null.
func lengthPrefixed(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	size := int(int32(binary.BigEndian.Uint32(b)))
	b = b[4:]
	switch {
	case size == -1:
		return nil, b, true
	case size < 0 || size > len(b):
		return nil, nil, false
	}
	return b[:size:size], b[size:], true
}

type rowsFunc = func(cell []byte, yield func(cells [][]byte) error) error

// recordRow reads a cell that is one record.
func recordRow(layout *layout) rowsFunc {
	return func(cell []byte, yield func(cells [][]byte) error) error {
		buffer := cellPool.Get().(*[][]byte) //nolint:forcetypeassert // the pool holds nothing else
		defer cellPool.Put(buffer)
		cells, err := splitRecord(cell, layout.oids, *buffer)
		if err != nil {
			return err
		}
		*buffer = cells
		return yield(cells)
	}
}

// recordArray reads a cell that is an array of records: the number of
// dimensions, a null flag, the element's OID, size and lower bound, then each
// record with its length.
func recordArray(layout *layout) rowsFunc {
	return func(cell []byte, yield func(cells [][]byte) error) error {
		if len(cell) < 12 {
			return errRecord
		}
		dimensions := binary.BigEndian.Uint32(cell)
		if dimensions == 0 {
			return nil
		}
		if dimensions != 1 || len(cell) < 20 {
			return errRecord
		}
		count := int(binary.BigEndian.Uint32(cell[12:]))
		cell = cell[20:]
		buffer := cellPool.Get().(*[][]byte) //nolint:forcetypeassert // the pool holds nothing else
		defer cellPool.Put(buffer)
		for range count {
			element, rest, ok := lengthPrefixed(cell)
			if !ok || element == nil {
				return errRecord
			}
			cell = rest
			cells, err := splitRecord(element, layout.oids, *buffer)
			if err != nil {
				return err
			}
			*buffer = cells
			if err := yield(cells); err != nil {
				return err
			}
		}
		return nil
	}
}

// layout is what the cells of a row are: the OIDs that their codecs expect, 0
// where any will do.
type layout struct{ oids []uint32 }
