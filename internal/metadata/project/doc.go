// Package project reads and writes metadata as a v2 project directory: YAML
// files that include each other.
package project
