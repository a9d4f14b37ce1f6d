package mssql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"unicode/utf16"
)

// The packets of the protocol (TDS) that the scripted peer knows.
const (
	packetBatch     = 0x01
	packetRPC       = 0x03
	packetReply     = 0x04
	packetAttention = 0x06
	packetLogin     = 0x10
	packetPrelogin  = 0x12
	endOfMessage    = 1
	headerLength    = 8
)

// peer is a server that speaks just enough of SQL Server's protocol to log
// clients in and to answer requests as a script says.
type peer struct {
	listener net.Listener
	// refuse answers logins with an error.
	refuse []byte
	// answer gives the tokens for a request, or drop; nil leaves it unanswered.
	answer func(number int, request string) []byte

	mutex      sync.Mutex
	requests   []string
	attentions int
	logins     int
}

// drop ends the connection instead of answering.
var drop = []byte("drop") //nolint:gochecknoglobals // a mark

func startPeer(t *testing.T, p *peer) *Source {
	t.Helper()
	var err error
	if p.listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer func() { _ = c.Close() }()
				p.serve(c)
			})
		}
	})
	s, err := Open(Config{ConnectionString: fmt.Sprintf("sqlserver://sa:secret@%s?encrypt=disable", p.listener.Addr()), MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		_ = p.listener.Close()
		group.Wait()
	})
	return s
}

func (p *peer) serve(c net.Conn) {
	for {
		kind, message, err := readMessage(c)
		if err != nil {
			return
		}
		reply := p.reply(kind, message)
		switch {
		case bytes.Equal(reply, drop):
			return
		case reply != nil:
			if writeMessage(c, reply) != nil {
				return
			}
		}
	}
}

func (p *peer) reply(kind byte, message []byte) []byte {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	switch kind {
	case packetPrelogin:
		return preloginReply()
	case packetLogin:
		p.logins++
		if p.refuse != nil {
			return append(bytes.Clone(p.refuse), doneToken(doneError)...)
		}
		return append(loginToken(), doneToken(0)...)
	case packetAttention:
		p.attentions++
		return doneToken(doneAttention)
	case packetBatch, packetRPC:
		request := unicodeText(message)
		p.requests = append(p.requests, request)
		return p.answer(len(p.requests), request)
	}
	return drop
}

func (p *peer) seen() (requests []string, attentions int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.requests, p.attentions
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
		if message[i+1] == 0 && message[i] >= ' ' && message[i] < 0x7f {
			b.WriteByte(message[i])
			i += 2
			continue
		}
		i++
	}
	return b.String()
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
	doneError     = 2
	doneAttention = 0x20
)

func doneToken(status byte) []byte {
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

func errorToken(number int32, message string) []byte {
	body := binary.LittleEndian.AppendUint32(nil, uint32(number))
	body = append(body, 1, 16)
	u := ucs2(message)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(u)/2))
	body = append(append(body, u...), 0, 0)
	body = binary.LittleEndian.AppendUint32(body, 1)
	return append([]byte{0xaa, byte(len(body)), byte(len(body) >> 8)}, body...)
}

// The types of the peer's columns.
//
//nolint:gochecknoglobals // constants
var (
	peerInteger = []byte{0x26, 8}
	peerText    = []byte{0xe7, 0xff, 0xff, 0x09, 0x04, 0xd0, 0x00, 0x34} // nvarchar(max)
	peerDecimal = []byte{0x6a, 9, 10, 2}
	peerUUID    = []byte{0x24, 16}
	peerMoment  = []byte{0x2a, 7}
)

func columnsToken(types ...[]byte) []byte {
	out := []byte{0x81, byte(len(types)), 0}
	for _, t := range types {
		out = append(out, 0, 0, 0, 0, 1, 0)
		out = append(out, t...)
		out = append(out, 0)
	}
	return out
}

func rowToken(values ...[]byte) []byte {
	return append([]byte{0xd1}, bytes.Join(values, nil)...)
}

func integerValueOf(n int64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{8}, uint64(n))
}

func nullValue() []byte { return []byte{0} }

func decimalValueOf(negative bool, n uint64) []byte {
	sign := byte(1)
	if negative {
		sign = 0
	}
	return binary.LittleEndian.AppendUint64([]byte{9, sign}, n)
}

// textValueOf is a value of nvarchar(max): its length, one chunk, the end.
func textValueOf(text string) []byte {
	u := ucs2(text)
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(u)))
	if len(u) > 0 {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(u)))
		out = append(out, u...)
	}
	return binary.LittleEndian.AppendUint32(out, 0)
}

func nullText() []byte { return bytes.Repeat([]byte{0xff}, 8) }
