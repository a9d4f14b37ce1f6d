// Package testmssql stands in for SQL Server where tests have none: a Peer of its
// protocol that answers as a script says, and the catalog that definitions lead to.
package testmssql

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"unicode/utf16"
)

// The packets of the protocol (TDS) that the scripted Peer knows.
const (
	packetBatch     = 0x01
	packetRPC       = 0x03
	packetReply     = 0x04
	packetAttention = 0x06
	packetManager   = 0x0e
	packetLogin     = 0x10
	packetPrelogin  = 0x12
	endOfMessage    = 1
	headerLength    = 8
)

// Peer is a server that speaks just enough of SQL Server's protocol to log
// clients in and to answer requests as a script says.
type Peer struct {
	listener net.Listener
	// Refuse answers logins with an error.
	Refuse []byte
	// Transaction is told of what clients begin, commit and roll back; nil: nobody.
	Transaction func(kind TransactionKind)
	// Answer gives the tokens for a request, or Drop; nil leaves it unanswered.
	Answer func(number int, request string) []byte

	mutex      sync.Mutex
	requests   []string
	statement  string
	attentions int
}

// Drop ends the connection instead of answering.
var Drop = []byte("drop") //nolint:gochecknoglobals // a mark

// Start listens for clients until stop is called, which ends their connections.
func (p *Peer) Start(ctx context.Context) (stop func(), err error) {
	if p.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	var group sync.WaitGroup
	open, stopped := map[net.Conn]bool{}, false
	group.Go(func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.mutex.Lock()
			open[c] = true
			if stopped {
				_ = c.Close()
			}
			p.mutex.Unlock()
			group.Go(func() {
				p.serve(c)
				p.mutex.Lock()
				defer p.mutex.Unlock()
				delete(open, c)
				_ = c.Close()
			})
		}
	})
	return func() {
		_ = p.listener.Close()
		p.mutex.Lock()
		stopped = true
		for c := range open {
			_ = c.Close() // a client that gave up while logging in may have left it
		}
		p.mutex.Unlock()
		group.Wait()
	}, nil
}

// Address is the URL of the peer.
func (p *Peer) Address() string {
	return fmt.Sprintf("sqlserver://sa:secret@%s?encrypt=disable", p.listener.Addr())
}

func (p *Peer) serve(c net.Conn) {
	for {
		kind, message, err := readMessage(c)
		if err != nil {
			return
		}
		reply := p.reply(kind, message)
		switch {
		case bytes.Equal(reply, Drop):
			return
		case reply != nil:
			if writeMessage(c, reply) != nil {
				return
			}
		}
	}
}

func (p *Peer) reply(kind byte, message []byte) []byte {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	switch kind {
	case packetPrelogin:
		return preloginReply()
	case packetLogin:
		if p.Refuse != nil {
			return append(bytes.Clone(p.Refuse), Done(DoneError)...)
		}
		return append(loginToken(), Done(0)...)
	case packetAttention:
		p.attentions++
		return Done(doneAttention)
	case packetManager:
		return p.transaction(message)
	case packetBatch, packetRPC:
		request := unicodeText(message)
		p.statement = statementText(kind, message)
		p.requests = append(p.requests, request)
		return p.Answer(len(p.requests), request)
	}
	return Drop
}

// TransactionKind is what a client does with a transaction.
type TransactionKind uint16

// The kinds of requests about transactions.
const (
	Begin    TransactionKind = 5
	Commit   TransactionKind = 7
	Rollback TransactionKind = 8
)

// transaction answers a request about a transaction, which comes after the
// headers of the message.
func (p *Peer) transaction(message []byte) []byte {
	if len(message) < 4 {
		return Drop
	}
	headers := int(binary.LittleEndian.Uint32(message))
	if headers < 0 || len(message) < headers+2 {
		return Drop
	}
	kind := TransactionKind(binary.LittleEndian.Uint16(message[headers:]))
	if p.Transaction != nil {
		p.Transaction(kind)
	}
	id := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	body := []byte{}
	switch kind {
	case Begin:
		body = append(append(append(body, 8, 8), id...), 0)
	case Commit:
		body = append(append(append(body, 9, 0), 8), id...)
	case Rollback:
		body = append(append(append(body, 10, 0), 8), id...)
	default:
		return Drop
	}
	return append(append([]byte{0xe3, byte(len(body)), 0}, body...), Done(0)...)
}

// Seen are the requests and the number of cancellations that have come.
func (p *Peer) Seen() (requests []string, attentions int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return slices.Clone(p.requests), p.attentions
}

func readMessage(r io.Reader) (kind byte, message []byte, err error) {
	for {
		header := make([]byte, headerLength)
		if _, err := io.ReadFull(r, header); err != nil {
			return 0, nil, err
		}
		length := int(binary.BigEndian.Uint16(header[2:])) - headerLength
		if length < 0 {
			return 0, nil, errors.New("a packet is shorter than its header")
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			return 0, nil, err
		}
		message = append(message, body...)
		if header[1]&endOfMessage != 0 {
			return header[0], message, nil
		}
	}
}

func writeMessage(w io.Writer, body []byte) error {
	const most = 4096 - headerLength
	for first := true; first || len(body) > 0; first = false {
		part := body[:min(len(body), most)]
		body = body[len(part):]
		packet := []byte{packetReply, 0, 0, 0, 0, 0, 1, 0}
		if len(body) == 0 {
			packet[1] = endOfMessage
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(headerLength+len(part)))
		if _, err := w.Write(append(packet, part...)); err != nil {
			return err
		}
	}
	return nil
}

// unicodeText shows what of a message is UTF-16 text.
func unicodeText(message []byte) string {
	var b bytes.Buffer
	for i := 0; i+1 < len(message); {
		if message[i+1] == 0 && (message[i] >= ' ' && message[i] < 0x7f || message[i] == '\n' || message[i] == '\r' || message[i] == '\t') {
			b.WriteByte(message[i])
			i += 2
			continue
		}
		i++
	}
	return b.String()
}

// statementText is the SQL of a batch, or of a call that runs a statement with
// parameters; empty when the message is neither.
func statementText(kind byte, message []byte) string {
	r := bytes.NewReader(message)
	var headers uint32
	if binary.Read(r, binary.LittleEndian, &headers) != nil || int(headers) > len(message) || headers < 4 {
		return ""
	}
	body := message[headers:]
	if kind == packetBatch {
		return fromUCS2(body)
	}
	// The procedure's number or its name, options, a nameless parameter and its
	// status.
	start := 4 + 2 + 1 + 1
	const typeAndCollation = 1 + 2 + 5
	if len(body) < 2 {
		return ""
	}
	if name := int(binary.LittleEndian.Uint16(body)); name != 0xffff {
		start += 2*name - 2
	}
	if len(body) < start+typeAndCollation+2 {
		return ""
	}
	most := binary.LittleEndian.Uint16(body[start+1:])
	body = body[start+typeAndCollation:]
	if most != 0xffff {
		length := int(binary.LittleEndian.Uint16(body))
		return fromUCS2(body[2:min(2+length, len(body))])
	}
	var text []byte
	for body = body[min(8, len(body)):]; len(body) >= 4; {
		length := int(binary.LittleEndian.Uint32(body))
		body = body[4:]
		if length == 0 || length > len(body) {
			break
		}
		text, body = append(text, body[:length]...), body[length:]
	}
	return fromUCS2(text)
}

func fromUCS2(text []byte) string {
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(text[2*i:])
	}
	return string(utf16.Decode(units))
}

func preloginReply() []byte {
	// The version, that encryption isn't supported, the end; then their values.
	return []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 0, 0, 0, 0, 2}
}

func loginToken() []byte {
	body := []byte{1, 0x74, 0, 0, 4}
	body = append(body, shortText("peer")...)
	body = append(body, 15, 0, 0, 0)
	return append([]byte{0xad, byte(len(body)), 0}, body...)
}

const (
	// DoneError is the status of what ends with an error.
	DoneError     = 2
	doneAttention = 0x20
)

// Done ends a result.
func Done(status byte) []byte {
	return []byte{0xfd, status, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
}

func ucs2(text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

// shortText is a text after its length in one byte.
func shortText(text string) []byte {
	u := ucs2(text)
	return append([]byte{byte(len(u) / 2)}, u...)
}

// Failure is an error of the server.
func Failure(number int32, message string) []byte {
	body := binary.LittleEndian.AppendUint32(nil, uint32(number))
	body = append(body, 1, 16)
	u := ucs2(message)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(u)/2))
	body = append(append(body, u...), 0, 0)
	body = binary.LittleEndian.AppendUint32(body, 1)
	return append([]byte{0xaa, byte(len(body)), byte(len(body) >> 8)}, body...)
}

// The types of the Peer's columns.
//
//nolint:gochecknoglobals // constants
var (
	Bigint    = []byte{0x26, 8}
	Text      = []byte{0xe7, 0xff, 0xff, 0x09, 0x04, 0xd0, 0x00, 0x34} // nvarchar(max)
	Decimal   = []byte{0x6a, 9, 10, 2}
	UUID      = []byte{0x24, 16}
	Datetime2 = []byte{0x2a, 7}
)

// Columns begins a result with columns of the given types.
func Columns(types ...[]byte) []byte {
	out := []byte{0x81, byte(len(types)), 0}
	for _, t := range types {
		out = append(out, 0, 0, 0, 0, 1, 0)
		out = append(out, t...)
		out = append(out, 0)
	}
	return out
}

// Row is a row of values.
func Row(values ...[]byte) []byte {
	return append([]byte{0xd1}, bytes.Join(values, nil)...)
}

// IntegerValue is a value of Bigint.
func IntegerValue(n int64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{8}, uint64(n))
}

// NullValue is a null of all types but Text.
func NullValue() []byte { return []byte{0} }

// DecimalValue is a value of Decimal.
func DecimalValue(negative bool, n uint64) []byte {
	sign := byte(1)
	if negative {
		sign = 0
	}
	return binary.LittleEndian.AppendUint64([]byte{9, sign}, n)
}

// TextValue is a value of Text (nvarchar(max)): its length, one chunk, the end.
func TextValue(text string) []byte {
	u := ucs2(text)
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(u)))
	if len(u) > 0 {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(u)))
		out = append(out, u...)
	}
	return binary.LittleEndian.AppendUint32(out, 0)
}

// NullText is a null of Text.
func NullText() []byte { return bytes.Repeat([]byte{0xff}, 8) }
