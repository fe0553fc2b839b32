// Package copies holds the check of copy plans; it is in the tests, behind the build tag binaries.
package copies
