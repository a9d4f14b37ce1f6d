// Package command carries out the commands of the admin API: each changes the
// metadata document, asks something about it, or runs SQL in a source. What a
// request changes becomes visible, and is saved, as a whole or not at all.
package command
