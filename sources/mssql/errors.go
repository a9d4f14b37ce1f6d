package mssql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	driver "github.com/microsoft/go-mssqldb"

	"dovetail/sources"
)

// Detail is what admins see of a failed statement.
type Detail struct {
	Query     string    `json:"query,omitempty"`
	Exception Exception `json:"exception"`
}

// batchDetail is what admins see of SQL of theirs that failed.
type batchDetail struct {
	Query string `json:"query"`
}

// Exception is an error as the database or the driver reported it.
type Exception struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	// Number is SQL Server's number of the error, 0 for none.
	Number int32 `json:"number,omitempty"`
}

// The kinds of exceptions.
const (
	exceptionQuery      = "unsuccessful_return_code"
	exceptionConnection = "data_source_connection_error"
	exceptionOther      = "unexpected_error"
)

// connectionError says that the database can't be reached.
func connectionError(err error) error {
	return &sources.Error{
		Code: sources.CodeConnection, Message: "mssql connection error", Cause: err,
		Internal: &Detail{Exception: Exception{Type: exceptionConnection, Message: err.Error()}},
	}
}

// failure turns what went wrong with a statement into an error for the user.
func failure(ctx context.Context, err error, text string) error {
	if told := sources.KnownError(ctx, err); told != nil {
		return told
	}
	server, ok := serverError(err)
	if !ok {
		if broken(err) {
			return connectionError(err)
		}
		return &sources.Error{
			Code: sources.CodeUnexpected, Message: "database query error", Cause: err,
			Internal: &Detail{Query: text, Exception: Exception{Type: exceptionOther, Message: err.Error()}},
		}
	}
	if connectionNumbers[server.Number] {
		return connectionError(err)
	}
	code, message := classify(server)
	return &sources.Error{Code: code, Message: message, Internal: detail(server, text), Cause: err}
}

func detail(e driver.Error, text string) *Detail {
	return &Detail{Query: text, Exception: Exception{Type: exceptionQuery, Message: e.Message, Number: e.Number}}
}

// serverError gives the error that the database sent: of several, the one that
// explains the others.
func serverError(err error) (driver.Error, bool) {
	var e driver.Error
	if !errors.As(err, &e) {
		return e, false
	}
	for _, other := range e.All {
		if !uninformative[other.Number] {
			return other, true
		}
	}
	return e, true
}

// uninformative errors only say that there was another one.
var uninformative = map[int32]bool{
	3621: true, // the statement has been terminated
	8180: true, // the statement could not be prepared
}

// connectionNumbers are errors of the server that are about the connection: a
// refused login, a database that is being moved or shut down.
var connectionNumbers = map[int32]bool{
	233: true, 596: true, 976: true, 978: true, 979: true, 982: true, 983: true, 4060: true, 4064: true, 6005: true, 10053: true, 10054: true, 10060: true, 10928: true, 10929: true,
	18401: true, 18451: true, 18452: true, 18456: true, 18470: true, 18486: true, 18487: true, 18488: true,
	40197: true, 40501: true, 40532: true, 40613: true, 40615: true, 40914: true, 42108: true, 42109: true, 49918: true, 49919: true, 49920: true,
}

// broken tells whether an error is about the connection rather than about what
// came over it.
func broken(err error) bool {
	var network net.Error
	var stream driver.StreamError
	var server driver.ServerError
	var retryable driver.RetryableError
	return errors.As(err, &network) || errors.As(err, &stream) || errors.As(err, &server) || errors.As(err, &retryable) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, sqldriver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "failed to send") || strings.Contains(err.Error(), "unable to open tcp connection")
}

// errorClass is what kinds of errors the numbers of SQL Server are.
type errorClass struct {
	code    string
	message string
	numbers []int32
}

var errorClasses = []errorClass{
	{sources.CodeConstraintViolation, "Integrity constraint violation. ", []int32{515, 547, 2601, 2627, 3726, 4712, 11011, 13535, 334, 550}},
	{sources.CodeDataException, "Data exception. String data, right-truncated. ", []int32{2628, 8152}},
	{sources.CodeDataException, "", []int32{
		// conversions
		206, 220, 232, 235, 241, 242, 244, 245, 248, 257, 260, 293, 294, 295, 296, 529, 1007, 8114, 8115, 8134, 8169, 9420, 9436, 9455, 9803, 9819,
		// JSON, geometry, arithmetic, limits
		517, 535, 1060, 3623, 3606, 3607, 6522, 8525, 10127, 10742, 10743, 10744, 13601, 13603, 13608, 13609, 13610, 13614, 13618, 13624,
	}},
	{sources.CodeConcurrentUpdate, "serialization failure due to concurrent update", []int32{1205, 3960, 3961}},
	{sources.CodePermissionError, "", []int32{229, 230, 262, 300, 916}},
}

// classify gives the code and the message of a database error. A message that
// begins with a capital letter is followed by the database's own.
func classify(e driver.Error) (code, message string) {
	for _, class := range errorClasses {
		for _, number := range class.numbers {
			if number != e.Number {
				continue
			}
			if class.message == "" || strings.HasSuffix(class.message, ". ") {
				return class.code, class.message + e.Message
			}
			return class.code, class.message
		}
	}
	return sources.CodeUnexpected, "database query error"
}

// odbcPrefix stands before the messages of SQL Server where its ODBC driver
// passes them on. Clients of v2 look for the whole text.
const odbcPrefix = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"

// state is an SQLSTATE: what it says of an error, and the code for it.
type state struct {
	code    string
	words   string
	numbers []int32
}

const (
	dataWords   = "Data exception. "
	syntaxWords = "Syntax error or access violation. "
)

// states are the SQLSTATEs that ODBC gives the errors of SQL Server; all others
// have syntaxState.
var states = []state{
	{sources.CodeDataException, dataWords + "String data, right-truncated. ", []int32{2628, 8152}},
	{sources.CodeDataException, dataWords + "Numeric value out of range. ", []int32{220, 232, 8115}},
	{sources.CodeDataException, dataWords + "Invalid datetime format. ", []int32{241, 242, 295, 296}},
	{sources.CodeDataException, dataWords, []int32{245, 248, 8134, 9803}},
	{sources.CodeConstraintViolation, "Integrity constraint violation. ", []int32{334, 515, 530, 547, 550, 2601, 2627, 3726, 4712, 11011, 13535}},
	{sources.CodeAlreadyExists, syntaxWords + "Table or view already exists. ", []int32{2714}},
	{sources.CodeNotFound, syntaxWords + "Table or view not found. ", []int32{208, 3701, 4701, 4902}},
	{sources.CodeAlreadyExists, syntaxWords + "Index already exists. ", []int32{1913}},
	{sources.CodeNotFound, syntaxWords + "Index not found. ", []int32{307, 308, 3703}},
	{sources.CodeAlreadyExists, syntaxWords + "Column already exists. ", []int32{2705}},
	{sources.CodeNotFound, syntaxWords + "Column not found. ", []int32{207, 1911, 4924}},
	{sources.CodeConcurrentUpdate, "serialization failure due to concurrent update. ", []int32{1205, 3960, 3961}},
}

// syntaxState is the SQLSTATE of errors that have none of their own.
var syntaxState = state{code: sources.CodeBadRequest, words: syntaxWords} //nolint:gochecknoglobals // a constant

// stateOf gives the SQLSTATE of an error.
func stateOf(number int32) state {
	for _, s := range states {
		if slices.Contains(s.numbers, number) {
			return s
		}
	}
	return syntaxState
}

// batchError is the error of SQL as its author wrote it, in v2's words.
func batchError(e driver.Error, text string) error {
	s := stateOf(e.Number)
	return &sources.Error{Code: s.code, Message: s.words + odbcPrefix + e.Message, Internal: &batchDetail{text}, Cause: e}
}
