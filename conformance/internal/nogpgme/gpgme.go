// Package gpgme stands in for the binding to GnuPG's C library, which containers-image verifies
// simple signatures with. The comparisons of policy.json come to no signature that could be
// verified, and build without the library.
package gpgme

import (
	"errors"
	"io"
	"os"
)

// ErrAbsent is what every call returns.
var ErrAbsent = errors.New("GnuPG is not part of this build")

// The names that containers-image uses.
type (
	Context      struct{}
	Key          struct{}
	Data         struct{}
	Protocol     int
	PinEntryMode int
	SigMode      int
	Validity     int
	Callback     func(uidHint string, prevWasBad bool, f *os.File) error
	ImportedKey  struct {
		Fingerprint string
		Result      error
	}
	ImportResult struct{ Imports []ImportedKey }
	Signature    struct {
		Fingerprint            string
		Status, ValidityReason error
		Validity               Validity
		WrongKeyUsage          bool
	}
)

const (
	ProtocolOpenPGP  Protocol     = 0
	PinEntryLoopback PinEntryMode = 4
	SigModeNormal    SigMode      = 0
	ValidityNever    Validity     = 3
)

func New() (*Context, error)                                             { return nil, ErrAbsent }
func NewDataBytes([]byte) (*Data, error)                                 { return nil, ErrAbsent }
func NewDataWriter(io.Writer) (*Data, error)                             { return nil, ErrAbsent }
func (*Context) SetProtocol(Protocol) error                              { return ErrAbsent }
func (*Context) SetEngineInfo(Protocol, string, string) error            { return ErrAbsent }
func (*Context) SetArmor(bool)                                           {}
func (*Context) SetTextMode(bool)                                        {}
func (*Context) SetCallback(Callback) error                              { return ErrAbsent }
func (*Context) SetPinEntryMode(PinEntryMode) error                      { return ErrAbsent }
func (*Context) GetKey(string, bool) (*Key, error)                       { return nil, ErrAbsent }
func (*Context) Import(*Data) (*ImportResult, error)                     { return nil, ErrAbsent }
func (*Context) Sign([]*Key, *Data, *Data, SigMode) error                { return ErrAbsent }
func (*Context) Verify(*Data, *Data, *Data) (string, []Signature, error) { return "", nil, ErrAbsent }
func (*Key) Fingerprint() string                                         { return "" }
