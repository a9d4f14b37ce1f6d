package sqlite

import (
	"strconv"
	"strings"
	"time"

	"dovetail/internal/jsonshape"
)

// milliseconds since 1970 are taken for seconds below this.
const largestUnixSeconds = 100_000_000_000

// Julian day numbers that SQLite's date functions know.
const (
	julianUnixEpoch = 2440587.5
	largestJulian   = 5373484.5
	secondsPerDay   = 86400
)

// moment is a point in time read from a value.
type moment struct {
	at time.Time
	// zoned: the text named its offset (at is in that zone).
	zoned bool
	// clock: there was a time of day.
	clock bool
}

// momentOfCell reads a stored date or timestamp: text in ISO 8601's forms, an
// integer of unix seconds (or milliseconds), or a Julian day number.
func momentOfCell(cell []byte) (moment, bool) {
	switch cell[0] {
	case tagText:
		return parseMoment(string(cell[1:]))
	case tagInteger:
		n, err := strconv.ParseInt(string(cell[1:]), 10, 64)
		if err != nil {
			return moment{}, false
		}
		if n >= largestUnixSeconds || n <= -largestUnixSeconds {
			return moment{at: time.UnixMilli(n).UTC(), clock: true}, true
		}
		return moment{at: time.Unix(n, 0).UTC(), clock: true}, true
	case tagReal:
		f, err := strconv.ParseFloat(string(cell[1:]), 64)
		if err != nil || f > largestUnixSeconds || f < -largestUnixSeconds {
			return moment{}, false
		}
		if f >= 0 && f < largestJulian {
			f = (f - julianUnixEpoch) * secondsPerDay
			return moment{at: time.UnixMilli(int64(f*1000 + 0.5)).UTC(), clock: true}, true
		}
		return moment{at: time.UnixMicro(int64(f * 1e6)).UTC(), clock: true}, true
	}
	return moment{}, false
}

// scanner reads digits and signs off a text.
type textScanner struct {
	text string
	ok   bool
}

func (s *textScanner) digits(count int) int {
	if len(s.text) < count {
		s.ok = false
		return 0
	}
	n := 0
	for i := range count {
		c := s.text[i]
		if c < '0' || c > '9' {
			s.ok = false
			return 0
		}
		n = n*10 + int(c-'0')
	}
	s.text = s.text[count:]
	return n
}

func (s *textScanner) take(c byte) bool {
	if len(s.text) > 0 && s.text[0] == c {
		s.text = s.text[1:]
		return true
	}
	return false
}

func (s *textScanner) expect(c byte) {
	if !s.take(c) {
		s.ok = false
	}
}

// fraction reads ".123" as nanoseconds.
func (s *textScanner) fraction() int {
	if !s.take('.') {
		return 0
	}
	n, scale, count := 0, 100_000_000, 0
	for len(s.text) > 0 && s.text[0] >= '0' && s.text[0] <= '9' {
		n += int(s.text[0]-'0') * scale
		scale /= 10
		count++
		s.text = s.text[1:]
	}
	if count == 0 {
		s.ok = false
	}
	return n
}

// clock reads HH:MM[:SS[.fff]] as a duration since midnight.
func (s *textScanner) clock() time.Duration {
	hour := s.digits(2)
	s.expect(':')
	minute := s.digits(2)
	second, nanos := 0, 0
	if s.take(':') {
		second = s.digits(2)
		nanos = s.fraction()
	}
	if hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute > 0 || second > 0 || nanos > 0)) {
		s.ok = false
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + time.Duration(nanos)
}

// offset reads Z or ±HH[[:]MM[:SS]] as seconds east of UTC.
func (s *textScanner) offset() (seconds int, found bool) {
	s.text = strings.TrimLeft(s.text, " ")
	if s.take('Z') || s.take('z') {
		return 0, true
	}
	sign := 1
	switch {
	case s.take('+'):
	case s.take('-'):
		sign = -1
	default:
		return 0, false
	}
	seconds = s.digits(2) * 3600
	if colon := s.take(':'); colon || len(s.text) >= 2 {
		seconds += s.digits(2) * 60
		if s.take(':') {
			seconds += s.digits(2)
		}
	}
	return sign * seconds, true
}

// parseMoment reads YYYY-MM-DD, optionally followed by a time of day and an
// offset.
func parseMoment(text string) (moment, bool) {
	s := &textScanner{text: strings.TrimSpace(text), ok: true}
	year := s.digits(4)
	s.expect('-')
	month := s.digits(2)
	s.expect('-')
	day := s.digits(2)
	if !s.ok || year == 0 || month < 1 || month > 12 || day < 1 {
		return moment{}, false
	}
	var out moment
	var since time.Duration
	zone := time.UTC
	if s.take('T') || s.take('t') || s.take(' ') {
		since = s.clock()
		out.clock = true
		if seconds, found := s.offset(); found {
			out.zoned = true
			if seconds != 0 {
				zone = time.FixedZone("", seconds)
			}
		}
	}
	if !s.ok || s.text != "" {
		return moment{}, false
	}
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, zone)
	if midnight.Day() != day {
		return moment{}, false
	}
	out.at = midnight.Add(since).Round(time.Microsecond)
	return out, out.at.Year() > 0 && out.at.UTC().Year() <= 9999
}

// parseClock reads a time of day.
func parseClock(text string) (time.Duration, bool) {
	s := &textScanner{text: strings.TrimSpace(text), ok: true}
	since := s.clock()
	if !s.ok || s.text != "" {
		return 0, false
	}
	return since.Round(time.Microsecond), true
}

func appendFraction(dst []byte, nanos int) []byte {
	micros := nanos / 1000
	if micros == 0 {
		return dst
	}
	digits := strconv.Itoa(1_000_000 + micros)[1:]
	return append(append(dst, '.'), strings.TrimRight(digits, "0")...)
}

func appendTwo(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

func appendDate(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), int(month))
	return appendTwo(append(dst, '-'), day)
}

func appendClock(dst []byte, since time.Duration) []byte {
	dst = appendTwo(dst, int(since/time.Hour))
	dst = appendTwo(append(dst, ':'), int(since/time.Minute%60))
	dst = appendTwo(append(dst, ':'), int(since/time.Second%60))
	return appendFraction(dst, int(since%time.Second))
}

func appendTimestamp(dst []byte, t time.Time) []byte {
	dst = appendDate(dst, t)
	dst = append(dst, 'T')
	hour, minute, second := t.Clock()
	dst = appendTwo(dst, hour)
	dst = appendTwo(append(dst, ':'), minute)
	dst = appendTwo(append(dst, ':'), second)
	return appendFraction(dst, t.Nanosecond())
}

// appendMoment writes a moment as Postgres's JSON does for the type: a
// timestamp drops its offset, a timestamptz is shown in UTC.
func appendMoment(dst []byte, m moment, scalar string) []byte {
	switch scalar {
	case scalarDate:
		return appendDate(dst, m.at)
	case scalarTimestampTZ:
		return append(appendTimestamp(dst, m.at.UTC()), "+00:00"...)
	}
	return appendTimestamp(dst, m.at)
}

// canonicalTime gives the text of a time type that equal values share and that
// orders as the values do.
func canonicalTime(text, scalar string) (string, bool) {
	if scalar == scalarTime {
		since, ok := parseClock(text)
		if !ok {
			return "", false
		}
		return string(appendClock(nil, since)), true
	}
	m, ok := parseMoment(text)
	if !ok {
		return "", false
	}
	if scalar == scalarTimestampTZ {
		// The offset would spoil the order of fractions.
		return string(appendTimestamp(nil, m.at.UTC())), true
	}
	return string(appendMoment(nil, m, scalar)), true
}

// timeText writes stored values of a time type; what can't be read as such is
// written as it is.
func timeText(scalar string) jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		if len(cell) == 0 {
			return dst, errCell
		}
		if scalar == scalarTime {
			if since, ok := parseClock(string(cell[1:])); ok {
				return appendClock(dst, since), nil
			}
			return append(dst, cell[1:]...), nil
		}
		if scalar == scalarTimestamp && cell[0] == tagText && plainTimestamp(cell[1:]) {
			dst = append(append(dst, cell[1:11]...), 'T')
			return append(dst, cell[12:]...), nil
		}
		if m, ok := momentOfCell(cell); ok {
			return appendMoment(dst, m, scalar), nil
		}
		return append(dst, cell[1:]...), nil
	}
}

// plainTimestamp tells whether text is surely a valid YYYY-MM-DD HH:MM:SS, the
// form most timestamps are stored in. What it says no to may be valid too.
func plainTimestamp(text []byte) bool {
	const form = "9999-19-29 29:59:59" // the most a digit may be
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		c := text[i]
		switch {
		case form[i] == ' ':
			if c != ' ' && c != 'T' {
				return false
			}
		case form[i] < '0' || form[i] > '9':
			if c != form[i] {
				return false
			}
		case c < '0' || c > form[i]:
			return false
		}
	}
	two := func(at int) int { return int(text[at]-'0')*10 + int(text[at+1]-'0') }
	month, day := two(5), two(8)
	return string(text[:4]) != "0000" && month >= 1 && month <= 12 && day >= 1 && day <= 28 && two(11) <= 23
}
