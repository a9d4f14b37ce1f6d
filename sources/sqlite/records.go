package sqlite

import (
	"encoding/binary"
	"errors"
	"strconv"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
)

// A cell is a value as it came out of SQLite: the tag of its storage class,
// then its text (or, for blobs, its bytes).
const (
	tagInteger = 'i'
	tagReal    = 'r'
	tagText    = 't'
	tagBlob    = 'b'
)

// Packed rows are the value of dovetail_rows and dovetail_row. Each row is the
// number of its cells as an unsigned varint, then for each cell its length
// (tag included) as an unsigned varint and its bytes; length 0 is null.

var errPacked = errors.New("packed rows are damaged")

// maxPackedCells bounds what a damaged cell count can make the reader allocate.
const maxPackedCells = 1 << 16

// appendPackedRow packs one row of function arguments.
func appendPackedRow(dst []byte, values []zombiezen.Value) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	var scratch [32]byte
	for _, v := range values {
		switch v.Type() {
		case zombiezen.TypeNull:
			dst = append(dst, 0)
		case zombiezen.TypeInteger:
			digits := strconv.AppendInt(scratch[:0], v.Int64(), 10)
			dst = append(dst, byte(len(digits)+1), tagInteger)
			dst = append(dst, digits...)
		case zombiezen.TypeFloat:
			digits := jsonshape.AppendFloat(scratch[:0], v.Float(), 64)
			dst = append(dst, byte(len(digits)+1), tagReal)
			dst = append(dst, digits...)
		case zombiezen.TypeText:
			text := v.Text()
			dst = binary.AppendUvarint(dst, uint64(len(text)+1))
			dst = append(dst, tagText)
			dst = append(dst, text...)
		case zombiezen.TypeBlob:
			blob := v.Blob()
			dst = binary.AppendUvarint(dst, uint64(len(blob)+1))
			dst = append(dst, tagBlob)
			dst = append(dst, blob...)
		}
	}
	return dst
}

// unpackRows reads the rows inside of a cell.
func unpackRows(cell []byte, yield func(cells [][]byte) error) error {
	if len(cell) == 0 || cell[0] != tagBlob {
		return errPacked
	}
	rest := cell[1:]
	var cells [][]byte
	for len(rest) > 0 {
		count, n := binary.Uvarint(rest)
		if n <= 0 || count > maxPackedCells {
			return errPacked
		}
		rest = rest[n:]
		if count > uint64(len(rest)) {
			return errPacked
		}
		if cells == nil {
			cells = make([][]byte, 0, count)
		}
		cells = cells[:0]
		for range count {
			length, n := binary.Uvarint(rest)
			if n <= 0 || length > uint64(len(rest)-n) {
				return errPacked
			}
			rest = rest[n:]
			if length == 0 {
				cells = append(cells, nil)
				continue
			}
			cells = append(cells, rest[:length:length])
			rest = rest[length:]
		}
		if err := yield(cells); err != nil {
			return err
		}
	}
	return nil
}

// packer is the aggregate function dovetail_rows.
type packer struct{ packed []byte }

func (p *packer) Step(_ zombiezen.Context, values []zombiezen.Value) error {
	p.packed = appendPackedRow(p.packed, values)
	return nil
}

func (p *packer) WindowInverse(zombiezen.Context, []zombiezen.Value) error {
	return errors.New("dovetail_rows is no window function")
}

func (p *packer) WindowValue(zombiezen.Context) (zombiezen.Value, error) {
	return zombiezen.BlobValue(p.packed), nil
}

func (p *packer) Finalize(zombiezen.Context) {}
