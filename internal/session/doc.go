// Package session finds out who is asking: the role of a request and its
// session variables.
package session
