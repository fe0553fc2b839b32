package nodefiles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pullroute/pullroute/internal/sealed"
	"github.com/pullroute/pullroute/internal/shown"
)

// An Operation is one call of a [Transport] that changes a node. Printing it shows no content.
type Operation struct {
	Kind OperationKind `json:"operation"`
	Path string        `json:"path"`
	// To is the new name of a rename.
	To string `json:"to,omitempty"`
	// Bytes and Mode are the size of a file that is written, and its permissions.
	Bytes int         `json:"bytes,omitempty"`
	Mode  fs.FileMode `json:"-"`

	content sealed.Text
}

// OperationKind names a method of [Transport].
type OperationKind string

// The methods that change a node.
const (
	OperationMkdir  OperationKind = "mkdir"
	OperationWrite  OperationKind = "write"
	OperationSync   OperationKind = "sync"
	OperationRename OperationKind = "rename"
	OperationRemove OperationKind = "remove"
)

// Write returns the operation that makes a file with a content.
func Write(path string, data []byte, mode fs.FileMode) Operation {
	return Operation{Kind: OperationWrite, Path: path, Bytes: len(data), Mode: mode, content: sealed.New(data)}
}

// Do does the operation on a node.
func (o Operation) Do(ctx context.Context, t Transport, retry Retry) error {
	return retry.Do(ctx, func() error { return o.do(ctx, t) })
}

func (o Operation) do(ctx context.Context, t Transport) error {
	switch o.Kind {
	case OperationMkdir:
		return t.Mkdir(ctx, o.Path)
	case OperationWrite:
		if o.content.IsZero() {
			return errors.New("has no content: Write makes such an operation")
		}
		return t.WriteFile(ctx, o.Path, []byte(o.content.Open()), o.Mode)
	case OperationSync:
		return t.Sync(ctx, o.Path)
	case OperationRename:
		return t.Rename(ctx, o.Path, o.To)
	case OperationRemove:
		return t.Remove(ctx, o.Path)
	}
	return fmt.Errorf("unknown operation %q", o.Kind)
}

// String returns the operation as a line: rename quay.io/.hosts.toml~new -> quay.io/hosts.toml.
func (o Operation) String() string {
	o.Path, o.To = shown.Text(o.Path), shown.Text(o.To)
	switch o.Kind {
	case OperationRename:
		return fmt.Sprintf("rename %s -> %s", o.Path, o.To)
	case OperationWrite:
		return fmt.Sprintf("write %s (%d bytes, mode %04o)", o.Path, o.Bytes, o.Mode)
	}
	return string(o.Kind) + " " + o.Path
}

// GoString returns what String does.
func (o Operation) GoString() string { return o.String() }

// Action is what becomes of the files that an operation is for.
type Action string

// The actions.
const (
	ActionAdd    Action = "add"
	ActionChange Action = "change"
	ActionRemove Action = "remove"
	ActionClean  Action = "clean" // what an interrupted run has left is removed
)
