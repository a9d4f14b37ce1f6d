package mssql

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/microsoft/go-mssqldb/msdsn"
)

const applicationName = "dovetail"

// parseConnectionString reads a connection string of ODBC or ADO, or a URL.
// Errors don't show it, because it holds a password.
func parseConnectionString(text string) (msdsn.Config, error) {
	text = strings.TrimSpace(text)
	var source string
	var err error
	switch {
	case text == "":
		return msdsn.Config{}, errors.New("it is empty")
	case strings.Contains(text, "://"):
		source, err = fromURL(text)
	default:
		source, err = fromAttributes(text)
	}
	if err != nil {
		return msdsn.Config{}, err
	}
	config, err := msdsn.Parse(source)
	if err != nil {
		return msdsn.Config{}, err
	}
	if config.Host == "" {
		return msdsn.Config{}, errors.New("it names no server")
	}
	config.Encoding.Timezone = time.UTC // values without a zone are taken as they are
	config.Encoding.GuidConversion = false
	config.LogFlags = 0 // which would log parameters
	return config, nil
}

func fromURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "sqlserver" {
		return "", errors.New("a URL must be of the form sqlserver://user:password@host:port?database=name")
	}
	if u.Hostname() == "" {
		return "", errors.New("it names no server")
	}
	values := u.Query()
	for name := range values {
		if strings.EqualFold(name, msdsn.AppName) {
			return text, nil
		}
	}
	values.Set(msdsn.AppName, applicationName)
	u.RawQuery = values.Encode()
	return u.String(), nil
}

// attribute is a setting of a connection string: the driver's name for it, and
// how its value is put to the driver.
type attribute struct {
	name string
	read func(string) (string, error)
}

// attributes are the settings that mean something here, by their names in ODBC
// and ADO without spaces and underscores. Drivers pass over others.
var attributes = map[string]attribute{
	"server":                 {name: msdsn.Server},
	"datasource":             {name: msdsn.Server},
	"address":                {name: msdsn.Server},
	"addr":                   {name: msdsn.Server},
	"networkaddress":         {name: msdsn.Server},
	"port":                   {name: msdsn.Port},
	"database":               {name: msdsn.Database},
	"initialcatalog":         {name: msdsn.Database},
	"uid":                    {name: msdsn.UserID},
	"userid":                 {name: msdsn.UserID},
	"user":                   {name: msdsn.UserID},
	"username":               {name: msdsn.UserID},
	"pwd":                    {name: msdsn.Password},
	"password":               {name: msdsn.Password},
	"app":                    {name: msdsn.AppName},
	"appname":                {name: msdsn.AppName},
	"applicationname":        {name: msdsn.AppName},
	"wsid":                   {name: msdsn.WorkstationID},
	"workstationid":          {name: msdsn.WorkstationID},
	"connecttimeout":         {name: msdsn.DialTimeout},
	"connectiontimeout":      {name: msdsn.DialTimeout},
	"logintimeout":           {name: msdsn.DialTimeout},
	"packetsize":             {name: msdsn.PacketSize},
	"keepalive":              {name: msdsn.KeepAlive},
	"hostnameincertificate":  {name: msdsn.HostNameInCertificate},
	"servercertificate":      {name: msdsn.ServerCertificate},
	"serverspn":              {name: msdsn.ServerSpn},
	"failoverpartner":        {name: msdsn.FailoverPartner},
	"encrypt":                {name: msdsn.Encrypt, read: encryption},
	"trustservercertificate": {name: msdsn.TrustServerCertificate, read: boolean},
	"multisubnetfailover":    {name: msdsn.MultiSubnetFailover, read: boolean},
	"applicationintent":      {name: msdsn.ApplicationIntent, read: intent},
	"trustedconnection":      {read: noIntegratedSecurity},
	"integratedsecurity":     {read: noIntegratedSecurity},
	"authentication":         {read: passwordAuthentication},
	"driver":                 {name: driverAttribute},
}

const driverAttribute = "driver"

// fromAttributes makes a connection string for the driver of one of ODBC or ADO.
func fromAttributes(text string) (string, error) {
	pairs, err := splitAttributes(text)
	if err != nil {
		return "", err
	}
	values := map[string]string{msdsn.AppName: applicationName}
	for _, pair := range pairs {
		name := strings.NewReplacer(" ", "", "_", "").Replace(strings.ToLower(pair[0]))
		a, known := attributes[name]
		if !known {
			continue
		}
		value := pair[1]
		if a.read != nil {
			if value, err = a.read(value); err != nil {
				return "", fmt.Errorf("%s: %w", strings.TrimSpace(pair[0]), err)
			}
		}
		if a.name != "" {
			values[a.name] = value
		}
	}
	if err := setServer(values); err != nil {
		return "", err
	}
	if _, ok := values[msdsn.Encrypt]; !ok && !oldDriver(values[driverAttribute]) {
		values[msdsn.Encrypt] = "true"
	}
	if _, ok := values[msdsn.TrustServerCertificate]; !ok && values[msdsn.Encrypt] != "true" && values[msdsn.Encrypt] != "strict" {
		// Where only the login is encrypted, those drivers look at no certificate.
		values[msdsn.TrustServerCertificate] = "true"
	}
	delete(values, driverAttribute)
	var b strings.Builder
	b.WriteString("odbc:")
	for name, value := range values {
		b.WriteString(name + "={" + strings.ReplaceAll(value, "}", "}}") + "};")
	}
	return b.String(), nil
}

// oldDriver tells the drivers that didn't encrypt unless asked to.
func oldDriver(name string) bool {
	name = strings.ToLower(name)
	if strings.Contains(name, "freetds") {
		return true
	}
	for _, version := range []string{"10", "11", "13", "13.1", "17"} {
		if name == "odbc driver "+version+" for sql server" {
			return true
		}
	}
	return false
}

// setServer takes "tcp:host\instance,1433" apart.
func setServer(values map[string]string) error {
	server := strings.TrimSpace(values[msdsn.Server])
	if protocol, rest, ok := strings.Cut(server, ":"); ok && !strings.Contains(rest, ":") {
		switch strings.ToLower(protocol) {
		case "tcp":
			server = rest
		case "np", "lpc", "admin":
			return fmt.Errorf("the protocol %q is not supported: use tcp", protocol)
		}
	}
	host, port, ok := strings.Cut(server, ",")
	if ok {
		values[msdsn.Port] = strings.TrimSpace(port)
	}
	host = strings.TrimSpace(host)
	switch {
	case host == "":
		return errors.New("it names no server")
	case host == "." || strings.EqualFold(host, "(local)"):
		host = "localhost"
	case strings.HasPrefix(host, `.\`):
		host = "localhost" + host[1:]
	}
	values[msdsn.Server] = host
	return nil
}

func boolean(value string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "yes", "true", "1", "enabled":
		return "true", nil
	case "no", "false", "0", "disabled", "":
		return "false", nil
	}
	return "", fmt.Errorf("expected yes or no, but found %q", value)
}

func encryption(value string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "strict":
		return "strict", nil
	case "mandatory":
		return "true", nil
	case "optional":
		return "false", nil
	}
	return boolean(value)
}

func intent(value string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "readonly":
		return "ReadOnly", nil
	case "readwrite", "":
		return "ReadWrite", nil
	}
	return "", fmt.Errorf("expected ReadOnly or ReadWrite, but found %q", value)
}

func noIntegratedSecurity(value string) (string, error) {
	if b, err := boolean(value); err != nil || b == "true" {
		return "", errors.New("integrated security is not supported: give a user and a password")
	}
	return "", nil
}

func passwordAuthentication(value string) (string, error) {
	switch strings.ToLower(strings.ReplaceAll(value, " ", "")) {
	case "", "sqlpassword":
		return "", nil
	}
	return "", fmt.Errorf("the authentication %q is not supported: use SqlPassword", value)
}

// splitAttributes splits "name=value;name={value};name='value'" into pairs. In
// braces or quotes a value may hold anything; the closing sign is doubled.
func splitAttributes(text string) ([][2]string, error) {
	var pairs [][2]string
	for {
		text = strings.TrimLeftFunc(text, func(r rune) bool { return r == ';' || unicode.IsSpace(r) })
		if text == "" {
			return pairs, nil
		}
		name, rest, ok := strings.Cut(text, "=")
		if !ok || strings.Contains(name, ";") {
			return nil, fmt.Errorf("setting %d has no value", len(pairs)+1)
		}
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, fmt.Errorf("setting %d has no name", len(pairs)+1)
		}
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		value := ""
		if closing := closingSign(rest); closing != 0 {
			if value, rest, ok = quotedValue(rest[1:], closing); !ok {
				return nil, fmt.Errorf("the value of %s does not end", name)
			}
			rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
			if rest != "" && rest[0] != ';' {
				return nil, fmt.Errorf("the value of %s goes on after its end", name)
			}
		} else {
			value, rest, _ = strings.Cut(rest, ";")
			value = strings.TrimSpace(value)
		}
		pairs = append(pairs, [2]string{name, value})
		text = rest
	}
}

func closingSign(text string) byte {
	if text == "" {
		return 0
	}
	switch text[0] {
	case '{':
		return '}'
	case '"', '\'':
		return text[0]
	}
	return 0
}

// quotedValue reads up to the closing sign and gives what follows it.
func quotedValue(text string, closing byte) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == closing {
			if i+1 == len(text) || text[i+1] != closing {
				return b.String(), text[i+1:], true
			}
			i++
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}
